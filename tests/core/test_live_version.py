"""The live version: whose it is, how it is scaled, what keeps it, and the set of a project's live versions."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from quinta.core.errors import StateConflict
from quinta.core.events import Event, EventName
from quinta.core.models.find import live
from quinta.core.models.live import LiveVersions
from quinta.core.models.live_version import LiveSets, live_version_of
from quinta.core.models.model import Build, BuildStatus, Model, ModelVersion
from quinta.core.models.models import Models
from quinta.core.models.scaling import Scaling, scaled, scaling_of
from quinta.core.models.versions import Versions
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.kit.clock import SystemClock
from quinta.storage.database import Database
from quinta.storage.secrets import SealedSecrets
from tests.core.metering import add_user
from tests.engine.supervisor.harness import version_of
from tests.storage.rows import Tenant, add_tenant, make_version


@pytest.fixture
async def tenant(database: Database) -> Tenant:
    """A model with the version ``v1``, which serves."""
    made = await add_tenant(database, "acme")
    await add_build(database, made, made.version)
    return made


async def add_build(database: Database, tenant: Tenant, version: ModelVersion) -> None:
    values = {"status": BuildStatus.SUCCEEDED, "package_digest": version.name, "environment_digest": "environment"}
    build: Build = replace(tenant.build(), version_id=version.id, **values)  # type: ignore[arg-type]  # its own fields
    async with database.begin() as work:
        await work.of(Build, EVERYTHING).add(build)
        await work.of(ModelVersion, EVERYTHING).change(version.id, live_build_id=build.id, latest_build_id=build.id)
        work.emit(Event(EventName.BUILD_ENDED, build.id, (f"version:{version.id}",), None, version.project_id))


async def add_version(database: Database, tenant: Tenant, name: str, *, built: bool = True) -> ModelVersion:
    version = make_version(tenant.model, name)
    async with database.begin() as work:
        await work.of(ModelVersion, EVERYTHING).add(version)
    if built:
        await add_build(database, tenant, version)
    return version


async def make_live(database: Database, tenant: Tenant, version: ModelVersion) -> None:
    """As a rollout does it."""
    tags = (f"project:{tenant.project.id}", f"version:{version.id}")
    async with database.begin() as work:
        await work.of(Model, EVERYTHING).change(tenant.model.id, live_version_id=version.id)
        work.emit(Event(EventName.DEPLOYMENT_COMPLETED, version.id, tags, None, tenant.project.id))


async def configure(database: Database, tenant: Tenant, config: object) -> None:
    async with database.begin() as work:
        await work.of(Project, EVERYTHING).change(tenant.project.id, config=json.dumps(config))
        tags = (f"project:{tenant.project.id}",)
        work.emit(Event(EventName.PROJECT_CHANGED, tenant.project.id, tags, None, tenant.project.id))


async def live_name(database: Database, tenant: Tenant) -> str | None:
    async with database.read() as work:
        model = await work.of(Model, EVERYTHING).get(id=tenant.model.id)
        assert model is not None
        found = await live_version_of(work, model)
    return None if found is None else found.name


async def test_the_newest_that_serves_is_live_until_a_rollout_says_otherwise(
    database: Database, tenant: Tenant
) -> None:
    assert await live_name(database, tenant) == "v1"
    second = await add_version(database, tenant, "v2")
    await add_version(database, tenant, "v3", built=False)
    assert await live_name(database, tenant) == "v2"
    await make_live(database, tenant, tenant.version)
    assert await live_name(database, tenant) == "v1"
    await make_live(database, tenant, second)
    assert await live_name(database, tenant) == "v2"


async def test_a_live_version_stays_until_another_one_is(database: Database, tenant: Tenant) -> None:
    administrator, clock = await add_user(database, tenant), SystemClock()
    second = await add_version(database, tenant, "v2")
    await make_live(database, tenant, second)
    versions, place = Versions(database, clock), (administrator, tenant.project.name, tenant.model.name)
    with pytest.raises(StateConflict, match="is the live one"):
        await versions.delete(*place, "v2")
    await versions.delete(*place, "v1")
    third = await add_version(database, tenant, "v3")
    await make_live(database, tenant, third)
    await versions.delete(*place, "v2")
    await Models(database, clock).delete(*place)


@pytest.mark.parametrize(
    ("config", "least", "most"),
    [
        ({}, 1, 5),
        ({"scaling": {"min_instances": 2, "max_instances": 10}}, 2, 10),
        ({"scaling": {"min_instances": 7}}, 7, 7),
        ({"scaling": {"max_instances": 3}}, 1, 3),
        ({"scaling": {"min_instances": 0}}, 0, 5),
        ({"scaling": {"min_instances": 0, "max_instances": 0}}, 0, 1),
        ({"scaling": {"enabled": False, "min_instances": 2}}, 1, 5),
        ({"scaling": {"min_instances": "2", "max_instances": True}}, 1, 5),
        ({"scaling": 3}, 1, 5),
    ],
)
def test_the_configuration_scales_live_versions(config: object, least: int, most: int) -> None:
    own = version_of("good", minimum_instances=1, maximum_instances=5)
    found = scaled(own, json.dumps(config))
    assert (found.minimum_instances, found.maximum_instances) == (least, most)
    assert replace(found, minimum_instances=1, maximum_instances=5) == own


def test_without_scaling_nothing_is_said() -> None:
    assert scaling_of("{}") == Scaling(None, None)


async def test_only_what_a_rollout_made_live_is_scaled_and_kept_warm(
    database: Database, tenant: Tenant, tmp_path: Path
) -> None:
    secrets = SealedSecrets(tmp_path / "keys", None)
    secrets.load()
    versions = LiveVersions(database, secrets)
    await configure(database, tenant, {"scaling": {"min_instances": 2, "max_instances": 9}})
    own = await versions.get(tenant.version.id)
    assert own is not None
    assert (own.minimum_instances, own.maximum_instances) == (0, 5)
    assert await versions.kept_warm() == []
    await make_live(database, tenant, tenant.version)
    (kept,) = await versions.kept_warm()
    assert (kept.minimum_instances, kept.maximum_instances) == (2, 9)
    assert kept.revision == own.revision, "instances are not replaced for it"
    assert await versions.chosen_ids(tenant.project.id) == [tenant.version.id]
    await configure(database, tenant, {"scaling": {"min_instances": 0}})
    assert await versions.kept_warm() == []
    async with database.read() as work:
        project = await work.of(Project, EVERYTHING).get(id=tenant.project.id)
        model = await work.of(Model, EVERYTHING).get(id=tenant.model.id)
        version = await work.of(ModelVersion, EVERYTHING).get(id=tenant.version.id)
        assert project is not None
        assert model is not None
        assert version is not None
        found = await live(work, secrets, project, model, version)
    assert found == await versions.get(tenant.version.id)


async def test_the_live_set_of_a_project_is_read_once_and_anew_after_a_switch(
    database: Database, tenant: Tenant
) -> None:
    sets = LiveSets(database)
    found = await asyncio.gather(*(sets.of(tenant.project.id) for _ in range(5)))
    assert all(each is found[0] for each in found)
    assert found[0] == {tenant.model.id: tenant.version.id}
    second = await add_version(database, tenant, "v2")
    assert await sets.of(tenant.project.id) == {tenant.model.id: second.id}
    await make_live(database, tenant, tenant.version)
    assert await sets.of(tenant.project.id) == {tenant.model.id: tenant.version.id}
    leaving = asyncio.create_task(sets.of(tenant.project.id))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await sets.of(tenant.project.id) == {tenant.model.id: tenant.version.id}
