"""Applications on both databases: what operators add, and what a job of one runs."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from quinta.core.access.clients import ClientName
from quinta.core.errors import InvalidInput, NotFound, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.models.application_packages import NewPackage
from quinta.core.models.applications import Applications, NewApplication, application_version
from quinta.core.models.builds import mark_available, mark_failed
from quinta.core.models.model import (
    Application,
    Build,
    BuildStatus,
    EnvironmentVariable,
    Model,
    ModelVersion,
    RunnableVersion,
    ValueType,
    VersionStatus,
)
from quinta.core.models.models import Models
from quinta.core.models.versions import Versions
from quinta.core.reasons import Failure, Reason
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.clients import Clients, ClientView
from quinta.core.tenancy.model import Organization, OrganizationStatus, Project
from quinta.engine.builds.archive import check_is_zip
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.objects import Objects, open_objects
from quinta.storage.secrets import SealedSecrets
from tests.core.metering import add_user
from tests.storage.rows import NOW, Tenant, add_tenant, make_version

TUTORIAL = NewApplication("acme", "Tutorial", 60)


@dataclass(frozen=True)
class House:
    tenant: Tenant
    applications: Applications
    objects: Objects
    package: NewPackage
    secrets: SealedSecrets


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> House:
    """An organization ``acme`` with a project, a model and a version; a package beside it."""
    tenant = await add_tenant(database, "acme")
    objects = open_objects((tmp_path / "objects").as_uri())
    secrets = SealedSecrets(tmp_path / "keys", None)
    secrets.load()
    applications = Applications(database, objects, SystemClock(), check_is_zip)
    return House(tenant, applications, objects, write_package(tmp_path / "package.zip"), secrets)


def write_package(path: Path, text: str = "def run(inputs, outputs, params, logger): ...") -> NewPackage:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("application.py", text)
    return NewPackage(path, path.name, 512)


async def stored(database: Database, name: str = "Tutorial") -> Application:
    async with database.read() as work:
        found = await work.of(Application, EVERYTHING).get(name=name)
    assert found is not None
    return found


async def builds_of(database: Database, application: Application) -> list[Build]:
    """Oldest first."""
    async with database.read() as work:
        return await work.of(Build, EVERYTHING).find(project_id=application.project_id, order=("id",))


async def next_run(database: Database, house: House, name: str = "Tutorial") -> RunnableVersion | Failure | None:
    application = await stored(database, name)
    async with database.read() as work:
        return await application_version(work, house.secrets, application)


async def succeed(database: Database, build: Build, package: str = "digest") -> None:
    """As the builds loop does it."""
    values = {"status": BuildStatus.SUCCEEDED, "package_digest": package, "environment_digest": "environment"}
    async with database.begin() as work:
        await work.of(Build, EVERYTHING).change(build.id, **values)
        await mark_available(work, replace(build, **values))  # type: ignore[arg-type]  # its own fields, above


async def fail(database: Database, build: Build, *, while_deploying: bool = False) -> None:
    failure = Failure(Reason.REQUIREMENT_NOT_FOUND, "there is no package named nothing")
    async with database.begin() as work:
        await work.of(Build, EVERYTHING).change(build.id, status=BuildStatus.FAILED)
        await mark_failed(work, build, failure, while_deploying=while_deploying)


async def test_a_package_becomes_an_ordinary_model_and_is_built(database: Database, house: House) -> None:
    heard: list[Event] = []
    database.subscribe(heard.append)
    view = await house.applications.add_package(TUTORIAL, house.package)
    assert (view.project, view.model, view.version) == ("acme-applications", "tutorial", "v1")
    assert (view.status, view.time_limit_seconds, view.clients) == (VersionStatus.BUILDING, 60, 0)
    (build,) = await builds_of(database, await stored(database))
    assert (build.archive_name, build.archive_size) == ("package.zip", house.package.path.stat().st_size)
    content = b"".join([piece async for piece in house.objects.stream(build.archive_key)])
    assert content == house.package.path.read_bytes()
    assert [event.subject_id for event in heard if event.name is EventName.BUILD_REQUESTED] == [build.id]
    administrator = await add_user(database, house.tenant)
    model = await Models(database, SystemClock()).get(administrator, "acme-applications", "tutorial")
    assert (model.model.input_type, model.model.input_fields) == (ValueType.STRUCTURED, ())
    version = await Versions(database, SystemClock()).get(administrator, "acme-applications", "tutorial", "v1")
    assert version.version.memory_megabytes == 512


async def test_a_second_package_is_a_new_build_and_the_first_serves_meanwhile(database: Database, house: House) -> None:
    await house.applications.add_package(TUTORIAL, house.package)
    (first,) = await builds_of(database, await stored(database))
    await succeed(database, first, "first")
    again = replace(house.package, memory_megabytes=1_024)
    await house.applications.add_package(replace(TUTORIAL, time_limit_seconds=61), again)
    assert (await stored(database)).time_limit_seconds == 61
    serving = await next_run(database, house)
    assert isinstance(serving, RunnableVersion)
    assert (serving.package_digest, serving.memory_megabytes) == ("first", 1_024)
    _, second = await builds_of(database, await stored(database))
    await fail(database, second)
    still = await next_run(database, house)
    assert isinstance(still, RunnableVersion)
    assert still.package_digest == "first"
    (view,) = await house.applications.find("acme")
    assert view.status is VersionStatus.AVAILABLE_BUILDING_FAILED


@pytest.mark.parametrize("while_deploying", [False, True])
async def test_a_failed_first_build_is_a_failure_until_the_next_one(
    database: Database, house: House, while_deploying: bool
) -> None:
    await house.applications.add_package(TUTORIAL, house.package)
    assert await next_run(database, house) is None
    (build,) = await builds_of(database, await stored(database))
    await fail(database, build, while_deploying=while_deploying)
    failure = await next_run(database, house)
    assert isinstance(failure, Failure)
    assert failure.reason is Reason.REQUIREMENT_NOT_FOUND
    assert failure.message == "the application's newest build failed: there is no package named nothing"
    await house.applications.add_package(TUTORIAL, house.package)
    assert await next_run(database, house) is None


async def add_version(database: Database, model: Model, name: str, *, live: bool) -> ModelVersion:
    """A version that was never built, or one that serves."""
    version = replace(make_version(model, name), status=VersionStatus.INITIALISED)
    async with database.begin() as work:
        await work.of(ModelVersion, EVERYTHING).add(version)
        if live:
            build = Build(
                id=new_id(),
                project_id=model.project_id,
                version_id=version.id,
                archive_key="a.zip",
                archive_name="a.zip",
                archive_size=1,
                language="python3.8",
                status=BuildStatus.SUCCEEDED,
                created_at=NOW,
                updated_at=NOW,
                package_digest=name,
                environment_digest="environment",
            )
            await work.of(Build, EVERYTHING).add(build)
            values = {"live_build_id": build.id, "latest_build_id": build.id, "status": VersionStatus.AVAILABLE}
            await work.of(ModelVersion, EVERYTHING).change(version.id, **values)
    return version


async def test_a_model_runs_as_its_newest_version_that_serves_unless_it_is_pinned(
    database: Database, house: House
) -> None:
    model = house.tenant.model
    v2 = await add_version(database, model, "v2", live=True)
    v3 = await add_version(database, model, "v3", live=True)
    await add_version(database, model, "v4", live=False)
    view = await house.applications.add_model(TUTORIAL, "acme-project/double", None)
    assert (view.project, view.model, view.version, view.status) == (
        "acme-project",
        "double",
        None,
        VersionStatus.AVAILABLE,
    )
    newest = await next_run(database, house)
    assert isinstance(newest, RunnableVersion)
    assert (newest.version_id, newest.project_id) == (v3.id, house.tenant.project.id)
    assert (await house.applications.add_model(TUTORIAL, "acme-project/double", "v2")).version == "v2"
    pinned = await next_run(database, house)
    assert isinstance(pinned, RunnableVersion)
    assert pinned.version_id == v2.id


async def test_what_an_application_runs_cannot_be_deleted_under_it(database: Database, house: House) -> None:
    administrator = await add_user(database, house.tenant)
    models, versions = Models(database, SystemClock()), Versions(database, SystemClock())
    await house.applications.add_model(TUTORIAL, "acme-project/double", "v1")
    with pytest.raises(StateConflict, match="the version 'v1' of model 'double' is run as an application"):
        await versions.delete(administrator, "acme-project", "double", "v1")
    await house.applications.add_model(TUTORIAL, "acme-project/double", None)
    await versions.delete(administrator, "acme-project", "double", "v1")
    with pytest.raises(StateConflict, match="the model 'double' is run as an application"):
        await models.delete(administrator, "acme-project", "double")
    await house.applications.remove("acme", "Tutorial")
    await models.delete(administrator, "acme-project", "double")


async def test_a_secret_that_does_not_open_fails_the_job(database: Database, house: House) -> None:
    version = await add_version(database, house.tenant.model, "v2", live=True)
    await house.applications.add_model(TUTORIAL, "acme-project/double", None)
    project_id = house.tenant.project.id
    variable = EnvironmentVariable(
        new_id(), project_id, version.model_id, version.id, version.id, "KEY", "gone", True, NOW, NOW
    )
    async with database.begin() as work:
        await work.of(EnvironmentVariable, EVERYTHING).add(variable)
    failure = await next_run(database, house)
    assert isinstance(failure, Failure)
    assert failure.reason is Reason.SECRET_UNREADABLE
    assert "'KEY'" in failure.message


async def test_nothing_runs_in_a_suspended_organization(database: Database, house: House) -> None:
    await add_version(database, house.tenant.model, "v2", live=True)
    await house.applications.add_model(TUTORIAL, "acme-project/double", None)
    for status, runs in ((OrganizationStatus.SUSPENDED, False), (OrganizationStatus.ACTIVE, True)):
        async with database.begin() as work:
            await work.of(Organization, EVERYTHING).change(house.tenant.organization.id, status=status)
        assert (await next_run(database, house) is not None) == runs


async def test_the_project_for_applications_is_nobody_elses(database: Database, house: House) -> None:
    """Another organization has the name, and a client of this one has the next."""
    other = await add_tenant(database, "other")
    async with database.begin() as work:
        taken = Project(new_id(), other.organization.id, "acme-applications", NOW)
        await work.of(Project, EVERYTHING).add(taken)
    await house.applications.add_model(NewApplication("acme", "acme"), "acme-project/double", None)
    leader = await add_user(database, house.tenant)
    client = await Clients(database, SystemClock()).create(
        None, ClientName("acme", "acme", "applications"), leader.email
    )
    assert client.project == "acme-applications-2"
    views = [
        await house.applications.add_package(replace(TUTORIAL, name=name), house.package)
        for name in ("Tutorial", "tutorial", "Tutorial")
    ]
    assert {view.project for view in views} == {"acme-applications-3"}
    assert [view.model for view in views] == ["tutorial", "tutorial-2", "tutorial"]


async def test_an_application_changes_what_it_runs_and_its_clients_stay(database: Database, house: House) -> None:
    await house.applications.add_package(TUTORIAL, house.package)
    client = await add_client(database, house)
    view = await house.applications.add_model(TUTORIAL, "acme-project/double", "v1")
    assert (view.project, view.version, view.clients) == ("acme-project", "v1", 1)
    view = await house.applications.add_package(TUTORIAL, house.package)
    assert (view.project, view.model, view.version, view.clients) == ("acme-applications", "tutorial", "v1", 1)
    assert await Clients(database, SystemClock()).find("acme") == [client]


async def test_a_package_is_not_built_into_what_another_application_runs(database: Database, house: House) -> None:
    await house.applications.add_package(TUTORIAL, house.package)
    second = replace(TUTORIAL, name="Second")
    assert (await house.applications.add_model(second, "acme-applications/tutorial", None)).model == "tutorial"
    assert (await house.applications.add_package(second, house.package)).model == "second"


async def test_an_application_with_clients_stays(database: Database, house: House) -> None:
    await house.applications.add_package(TUTORIAL, house.package)
    await add_client(database, house)
    with pytest.raises(StateConflict, match=r"has clients \('North'\): delete them first"):
        await house.applications.remove("acme", "Tutorial")
    await Clients(database, SystemClock()).delete(None, ClientName("acme", "Tutorial", "North"))
    await house.applications.remove("acme", "Tutorial")
    assert await house.applications.find(None) == []
    assert (await house.applications.add_package(TUTORIAL, house.package)).model == "tutorial"


async def add_client(database: Database, house: House) -> ClientView:
    leader = await add_user(database, house.tenant)
    return await Clients(database, SystemClock()).create(None, ClientName("acme", "Tutorial", "North"), leader.email)


@pytest.mark.parametrize("model", ["double", "acme-project/", "/double", ""])
async def test_a_model_is_named_with_its_project(house: House, model: str) -> None:
    with pytest.raises(InvalidInput, match="write PROJECT/MODEL"):
        await house.applications.add_model(TUTORIAL, model, None)


@pytest.mark.parametrize(
    ("model", "version"), [("none/double", None), ("acme-project/none", None), ("acme-project/double", "none")]
)
async def test_what_is_not_there_cannot_be_run(house: House, model: str, version: str | None) -> None:
    with pytest.raises(NotFound, match="named 'none'"):
        await house.applications.add_model(TUTORIAL, model, version)


async def test_what_is_wrong_with_a_package_leaves_no_application(
    database: Database, house: House, tmp_path: Path
) -> None:
    (tmp_path / "text.zip").write_text("no archive")
    for new, package in (
        (TUTORIAL, NewPackage(tmp_path / "text.zip", "text.zip")),
        (TUTORIAL, replace(house.package, memory_megabytes=1)),
        (TUTORIAL, replace(house.package, language="cobol")),
        (replace(TUTORIAL, time_limit_seconds=0), house.package),
        (replace(TUTORIAL, time_limit_seconds=86_401), house.package),
        (replace(TUTORIAL, name=" "), house.package),
    ):
        with pytest.raises(InvalidInput):
            await house.applications.add_package(new, package)
    with pytest.raises(FileNotFoundError):
        await house.applications.add_package(TUTORIAL, replace(house.package, path=tmp_path / "none.zip"))
    assert await house.applications.find("acme") == []
    await house.applications.add_package(replace(TUTORIAL, time_limit_seconds=86_400), house.package)
