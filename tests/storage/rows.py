"""Items for storage tests: a tenant with one project, one model and one version, and what hangs on them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from quinta.core.models.model import Build, BuildStatus, DataType, Field, Model, ModelVersion, ValueType, VersionStatus
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project, Subscription
from quinta.kit.ids import new_id
from quinta.storage.database import Database

NOW = datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tenant:
    subscription: Subscription
    organization: Organization
    project: Project
    model: Model
    version: ModelVersion

    def request(self, **changes: object) -> Request:
        values: dict[str, object] = {
            "id": new_id(),
            "project_id": self.project.id,
            "version_id": self.version.id,
            "status": RequestStatus.PENDING,
            "data": '{"x": 1}',
            "result": None,
            "error_message": None,
            "reason": None,
            "created_at": NOW,
            "updated_at": NOW,
        }
        return Request(**{**values, **changes})  # type: ignore[arg-type]

    def build(self) -> Build:
        return Build(
            id=new_id(),
            project_id=self.project.id,
            version_id=self.version.id,
            archive_key="archives/a.zip",
            archive_name="a.zip",
            archive_size=3_000_000_000,
            language="python3.11",
            status=BuildStatus.PENDING,
            created_at=NOW,
            updated_at=NOW,
        )


def make_tenant(name: str = "first") -> Tenant:
    subscription = Subscription(new_id(), f"plan of {name}", 1, 2, 7, 10_000, None, "", "", False)
    organization = Organization(new_id(), name, OrganizationStatus.ACTIVE, subscription.id, None, NOW)
    project = Project(new_id(), organization.id, f"{name}-project", NOW)
    model = make_model(project)
    return Tenant(subscription, organization, project, model, make_version(model))


def make_model(project: Project, name: str = "double") -> Model:
    return Model(
        id=new_id(),
        project_id=project.id,
        name=name,
        description="",
        input_type=ValueType.STRUCTURED,
        output_type=ValueType.PLAIN,
        input_fields=(Field("x", DataType.DOUBLE), Field("größe", DataType.ARRAY_INT)),
        output_fields=(),
        created_at=NOW,
        updated_at=NOW,
    )


def make_version(model: Model, name: str = "v1") -> ModelVersion:
    return ModelVersion(
        id=new_id(),
        project_id=model.project_id,
        model_id=model.id,
        name=name,
        description="",
        language="python3.11",
        status=VersionStatus.AVAILABLE,
        error_message="",
        memory_megabytes=256,
        minimum_instances=0,
        maximum_instances=5,
        maximum_idle_seconds=300,
        created_at=NOW,
        updated_at=NOW,
        file_updated_at=NOW,
    )


async def add_tenant(database: Database, name: str = "first") -> Tenant:
    tenant = make_tenant(name)
    async with database.begin() as unit:
        await unit.of(Subscription, EVERYTHING).add(tenant.subscription)
        await unit.of(Organization, EVERYTHING).add(tenant.organization)
        await unit.of(Project, EVERYTHING).add(tenant.project)
        await unit.of(Model, EVERYTHING).add(tenant.model)
        await unit.of(ModelVersion, EVERYTHING).add(tenant.version)
    return tenant


async def add_requests(database: Database, tenant: Tenant, count: int) -> list[Request]:
    requests = [tenant.request() for _ in range(count)]
    async with database.begin() as unit:
        await unit.of(Request, EVERYTHING).add(*requests)
    return sorted(requests, key=lambda request: request.id)
