"""Deployments on both databases: what may begin, what a rollback returns to, and what the end of one changes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from quinta.core.access.model import Actor
from quinta.core.deployments.deployments import Deployments
from quinta.core.deployments.model import Deployment, DeploymentStatus
from quinta.core.deployments.rollout import Plan, Trouble, complete, fail, plan_of
from quinta.core.errors import InvalidInput, NotFound, NotPermitted, QuintaError, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.models.model import Model, ModelVersion, VersionStatus
from quinta.core.reasons import Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from quinta.storage.secrets import SealedSecrets
from tests.core.metering import add_user
from tests.core.test_live_version import add_build, add_version
from tests.storage.rows import NOW, Tenant, add_tenant, make_model, make_version


@dataclass(frozen=True)
class House:
    database: Database
    tenant: Tenant
    actor: Actor
    deployments: Deployments
    secrets: SealedSecrets

    async def create(self, version: str = "v1", **config: Any) -> Deployment:
        return await self.deployments.create(self.actor, self.tenant.project.id, version, config)

    async def roll_back(self, deployment: Deployment) -> Deployment:
        return await self.deployments.roll_back(self.actor, self.tenant.project.id, deployment.id)

    async def get(self, deployment: Deployment) -> Deployment:
        return await self.deployments.get(self.actor, self.tenant.project.id, deployment.id)

    async def plan(self, deployment: Deployment) -> Plan | Trouble:
        async with self.database.read() as work:
            return await plan_of(work, self.secrets, deployment)

    async def completed(self, deployment: Deployment) -> Deployment:
        """As the loop ends it once everything is warm."""
        plan = await self.plan(deployment)
        assert isinstance(plan, Plan)
        async with self.database.begin() as work:
            await complete(work, deployment, plan.targets, NOW)
        return await self.get(deployment)

    async def live_id(self) -> str | None:
        async with self.database.read() as work:
            model = await work.of(Model, EVERYTHING).get(id=self.tenant.model.id)
        assert model is not None
        return model.live_version_id

    async def set_status(self, version: ModelVersion, status: VersionStatus, **values: object) -> None:
        async with self.database.begin() as work:
            await work.of(ModelVersion, EVERYTHING).change(version.id, status=status, **values)


@pytest.fixture
async def house(database: Database, tmp_path: Any) -> House:
    """A project with one model, whose version ``v1`` serves."""
    tenant = await add_tenant(database, "acme")
    await add_build(database, tenant, tenant.version)
    secrets = SealedSecrets(tmp_path / "keys", None)
    secrets.load()
    actor = await add_user(database, tenant)
    return House(database, tenant, actor, Deployments(database, SystemClock()), secrets)


async def test_a_deployment_waits_with_a_snapshot_of_the_configuration(house: House) -> None:
    heard: list[Event] = []
    house.database.subscribe(heard.append)
    config = {"region": "us-west-2", "scaling": {"min_instances": 2}, "environment": "dev"}
    async with house.database.begin() as work:
        await work.of(Project, EVERYTHING).change(house.tenant.project.id, config=json.dumps(config))
    made = await house.create(environment="staging", scaling={"max_instances": 4})
    assert (made.status, made.version, made.environment) == (DeploymentStatus.PENDING, "v1", "staging")
    assert json.loads(made.config) == {
        "region": "us-west-2",
        "scaling": {"min_instances": 2, "max_instances": 4},
        "environment": "staging",
    }
    assert (made.created_by, made.rollback_of, made.replaces) == (house.actor.user_id, None, None)
    assert await house.get(made) == made
    (event,) = heard
    assert (event.name, event.actor_id, event.project_id) == (
        EventName.DEPLOYMENT_CREATED,
        house.actor.user_id,
        house.tenant.project.id,
    )


@pytest.mark.parametrize(("given", "kept"), [({}, "production"), ({"environment": "prod"}, "production")])
async def test_production_is_meant_without_an_environment(house: House, given: dict[str, Any], kept: str) -> None:
    assert (await house.create(**given)).environment == kept


@pytest.mark.parametrize(
    ("version", "config", "field"),
    [
        ("", {}, "version"),
        ("v" * 129, {}, "version"),
        (" v1", {}, "version"),
        ("v9", {}, "version"),
        ("v1", {"environment": 3}, "config.environment"),
        ("v1", {"scaling": {"min_instances": 3, "max_instances": 2}}, "config.scaling.min_instances"),
    ],
)
async def test_what_cannot_be_deployed(house: House, version: str, config: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await house.create(version, **config)
    assert refused.value.field == field
    assert await house.deployments.find(house.actor, house.tenant.project.id) == []
    await house.create("v1")


async def test_one_is_in_flight_in_each_environment(house: House) -> None:
    first = await house.create()
    with pytest.raises(StateConflict) as refused:
        await house.create()
    assert refused.value.field == "deployment"
    other = await house.create(environment="staging")
    await house.completed(first)
    second = await house.create()
    find, project_id = house.deployments.find, house.tenant.project.id
    assert [each.id for each in await find(house.actor, project_id)] == [second.id, other.id, first.id]
    assert [each.id for each in await find(house.actor, project_id, limit=1, before=second.id)] == [other.id]
    assert [each.id for each in await find(house.actor, project_id, environment="staging")] == [other.id]
    done = await find(house.actor, project_id, status=DeploymentStatus.COMPLETED)
    assert [each.id for each in done] == [first.id]


async def test_who_may_deploy(house: House) -> None:
    member, stranger = await add_user(house.database, house.tenant, is_admin=False), await add_user(house.database)
    made, project_id = await house.create(), house.tenant.project.id
    refusals: dict[Actor, type[QuintaError]] = {member: NotPermitted, stranger: NotFound}
    for actor, error in refusals.items():
        with pytest.raises(error):
            await house.deployments.create(actor, project_id, "v1", {})
        with pytest.raises(error):
            await house.deployments.roll_back(actor, project_id, made.id)
    assert (await house.deployments.get(member, project_id, made.id)).id == made.id
    with pytest.raises(NotFound):
        await house.deployments.get(stranger, project_id, made.id)
    with pytest.raises(NotFound):
        await house.deployments.get(house.actor, project_id, house.actor.user_id)


async def test_the_end_of_a_rollout_switches_all_models_and_tells_so_once(house: House) -> None:
    other = make_model(house.tenant.project, "other")
    version = make_version(other)
    async with house.database.begin() as work:
        await work.of(Model, EVERYTHING).add(other, make_model(house.tenant.project, "bystander"))
        await work.of(ModelVersion, EVERYTHING).add(version)
    await add_build(house.database, house.tenant, version)
    heard: list[Event] = []
    house.database.subscribe(heard.append)
    ended = await house.completed(await house.create())
    assert (ended.status, ended.finished_at, ended.error_message) == (DeploymentStatus.COMPLETED, NOW, None)
    async with house.database.read() as work:
        models = await work.of(Model, EVERYTHING).find(order=("name",))
    assert {model.name: model.live_version_id for model in models} == {
        "bystander": None,
        "double": house.tenant.version.id,
        "other": version.id,
    }
    assert {model.updated_at for model in models} == {NOW}, "a revision is made of it: it stays"
    assert [event.name for event in heard] == [EventName.DEPLOYMENT_CREATED, EventName.DEPLOYMENT_COMPLETED]
    assert set(heard[1].tags) == {
        f"project:{house.tenant.project.id}",
        f"version:{version.id}",
        f"version:{house.tenant.version.id}",
    }


async def test_a_failed_rollout_changes_nothing_else(house: House) -> None:
    made = await house.create()
    async with house.database.begin() as work:
        await fail(work, made, Trouble("model 'double': it broke", Reason.EXITED), NOW)
    ended = await house.get(made)
    assert (ended.status, ended.error_message, ended.reason) == (
        DeploymentStatus.FAILED,
        "model 'double': it broke",
        "exited",
    )
    assert await house.live_id() is None
    with pytest.raises(StateConflict, match="never completed"):
        await house.roll_back(made)


async def test_a_version_deleted_meanwhile_switches_nothing(house: House) -> None:
    made = await house.create()
    plan = await house.plan(made)
    assert isinstance(plan, Plan)
    async with house.database.begin() as work:
        await work.of(ModelVersion, EVERYTHING).remove(id=house.tenant.version.id)
    async with house.database.begin() as work:
        await complete(work, made, plan.targets, NOW)
    ended = await house.get(made)
    assert (ended.status, ended.reason) == (DeploymentStatus.FAILED, "version_deleted")
    assert await house.live_id() is None


async def test_a_rollback_returns_to_a_deployment_or_from_the_live_one(house: House) -> None:
    second = await add_version(house.database, house.tenant, "v2")
    third = await add_version(house.database, house.tenant, "v3")
    first_made = await house.completed(await house.create("v1", region="a"))
    with pytest.raises(StateConflict) as nothing:
        await house.roll_back(first_made)
    assert nothing.value.field == "deployment"
    second_made = await house.completed(await house.create("v2"))
    third_made = await house.completed(await house.create("v3"))
    assert await house.live_id() == third.id

    back = await house.roll_back(third_made)
    assert (back.version, back.rollback_of, back.replaces) == ("v2", second_made.id, third_made.id)
    with pytest.raises(StateConflict):
        await house.roll_back(first_made)
    back = await house.completed(back)
    assert await house.live_id() == second.id
    assert (await house.get(third_made)).status is DeploymentStatus.ROLLED_BACK

    further = await house.completed(await house.roll_back(back))
    assert (further.version, further.rollback_of) == ("v1", first_made.id)
    assert json.loads(further.config) == {"region": "a"}
    again = await house.roll_back(await house.get(third_made))
    assert (again.version, again.rollback_of, again.replaces) == ("v3", third_made.id, further.id)


async def test_what_a_rollout_waits_for_and_what_it_fails_for(house: House) -> None:
    made, version = await house.create(), house.tenant.version
    ready = await house.plan(made)
    assert isinstance(ready, Plan)
    assert [(target.name, target.model_id) for target in ready.targets] == [("double/v1", house.tenant.model.id)]
    for status in (VersionStatus.BUILDING, VersionStatus.DEPLOYING, VersionStatus.AVAILABLE_BUILDING):
        await house.set_status(version, status)
        assert await house.plan(made) == Plan((), ("double",))
    for status in (VersionStatus.BUILDING_FAILED, VersionStatus.AVAILABLE_BUILDING_FAILED):
        await house.set_status(version, status, error_message="no such package", reason="requirement_not_found")
        failed = await house.plan(made)
        assert isinstance(failed, Trouble)
        assert failed.reason is Reason.REQUIREMENT_NOT_FOUND
        assert "model 'double'" in failed.message
        assert "no such package" in failed.message
    returns = await house.plan(replace(made, rollback_of=made.id))
    assert isinstance(returns, Plan), "what serves is what a rollback returns to"
    assert len(returns.targets) == 1
    await house.set_status(version, VersionStatus.INITIALISED)
    assert isinstance(await house.plan(made), Trouble)


async def test_a_suspended_organization_rolls_nothing_out(house: House) -> None:
    made = await house.create()
    async with house.database.begin() as work:
        await work.of(Organization, EVERYTHING).change(
            house.tenant.organization.id, status=OrganizationStatus.SUSPENDED
        )
    assert await house.plan(made) == Trouble(
        "the project's organization runs nothing now", Reason.ORGANIZATION_SUSPENDED
    )


async def test_a_project_without_models_gets_a_record(house: House) -> None:
    async with house.database.begin() as work:
        await work.of(Model, EVERYTHING).remove(id=house.tenant.model.id)
    made = await house.create("v1.0.0", environment="production")
    assert await house.plan(made) == Plan()
    assert (await house.completed(made)).status is DeploymentStatus.COMPLETED
