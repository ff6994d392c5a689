"""Environment variables on both databases, with a clock that stands still: what the engine goes by must not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from quinta.core.access.model import Actor
from quinta.core.errors import AlreadyExists, NotFound
from quinta.core.events import Event, EventName
from quinta.core.models.environment import seal_again
from quinta.core.models.find import live
from quinta.core.models.model import Build, BuildStatus, EnvironmentVariable, ModelVersion, RunnableVersion
from quinta.core.models.variables import NewVariable, VariableChange, VariableOwner, Variables
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Membership, Project, User
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.secrets import SealedSecrets
from tests.storage.rows import NOW, Tenant, add_tenant

CANARY = "a value that nobody may see"


FIRST, SECOND = "1f" * 32, "2e" * 32


def keyring(keys: str) -> SealedSecrets:
    secrets = SealedSecrets(Path("unused"), keys)
    secrets.load()
    return secrets


class StillClock:
    """Implements kit.clock.Clock."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class World:
    """A tenant whose version has a build that serves, and who may change its variables."""

    def __init__(self, database: Database, tenant: Tenant, actor: Actor) -> None:
        self.database = database
        self.tenant = tenant
        self.actor = actor
        self.secrets = keyring(FIRST)
        self.variables = Variables(database, StillClock(), self.secrets)
        self.project = VariableOwner(tenant.project.name)
        self.model = replace(self.project, model=tenant.model.name)
        self.version = replace(self.model, version=tenant.version.name)

    async def create(self, owner: VariableOwner, name: str, value: str = "", *, secret: bool = False) -> str:
        return (await self.variables.create(self.actor, owner, NewVariable(name, secret, value))).id

    async def runs(self) -> RunnableVersion:
        async with self.database.read() as work:
            project = await work.of(Project, EVERYTHING).get(id=self.tenant.project.id)
            version = await work.of(ModelVersion, EVERYTHING).get(id=self.tenant.version.id)
            assert project is not None
            assert version is not None
            found = await live(work, self.secrets, project, self.tenant.model, version)
        assert found is not None
        return found

    async def rows(self) -> list[EnvironmentVariable]:
        async with self.database.read() as work:
            return await work.of(EnvironmentVariable, EVERYTHING).find()


@pytest.fixture
async def world(database: Database) -> World:
    tenant = await add_tenant(database)
    user = User(new_id(), "ada@example.com", None, None, None, False, True, NOW)
    build = replace(tenant.build(), status=BuildStatus.SUCCEEDED, package_digest="p", environment_digest="e")
    async with database.begin() as work:
        await work.of(User, EVERYTHING).add(user)
        await work.of(Membership, EVERYTHING).add(Membership(new_id(), tenant.organization.id, user.id, True))
        await work.of(Build, EVERYTHING).add(build)
        await work.of(ModelVersion, EVERYTHING).change(tenant.version.id, live_build_id=build.id)
    return World(database, tenant, Actor(user.id, user.email, False, "key", None))


async def test_the_revision_grows_with_every_change_on_every_level(world: World) -> None:
    runs = [await world.runs()]
    for owner in (world.project, world.model, world.version):
        made = await world.create(owner, "A", owner.level, secret=True)
        runs.append(await world.runs())
        assert runs[-1].environment_variables == {"A": owner.level}
        await world.variables.update(world.actor, owner, made, VariableChange(value="changed"))
        runs.append(await world.runs())
        await world.variables.delete(world.actor, owner, made)
        runs.append(await world.runs())
        assert runs[-1].environment_variables == {}
    revisions = [run.revision for run in runs]
    assert revisions == sorted(set(revisions))


async def test_an_equal_value_changes_nothing(world: World) -> None:
    made = await world.create(world.version, "A", "1")
    before = await world.runs()
    heard: list[Event] = []
    world.database.subscribe(heard.append)
    for change in (VariableChange(), VariableChange("A", False, "1"), VariableChange(value="1")):
        await world.variables.update(world.actor, world.version, made, change)
    assert (await world.runs(), heard) == (before, [])
    await world.variables.update(world.actor, world.version, made, VariableChange(value="2"))
    assert [event.name for event in heard] == [EventName.VARIABLE_CHANGED]


async def test_changes_at_the_same_time_take_turns(world: World) -> None:
    """Each is seen as a growth of its own, although the clock stands still; of equal names one wins."""
    names = [f"{first}{second}" for first in "ABCD" for second in "ABCD"]
    before = (await world.runs()).revision
    await asyncio.gather(*[world.create(world.model, name) for name in names])
    both = await asyncio.gather(*[world.create(world.model, "SAME") for _ in range(4)], return_exceptions=True)
    assert [type(result) for result in both if not isinstance(result, str)] == [AlreadyExists] * 3
    after = await world.runs()
    assert len(after.environment_variables) == len(names) + 1
    assert len({row.updated_at for row in await world.rows()}) == len(names) + 1
    assert after.revision > before


async def test_a_secret_is_sealed_in_its_row_and_opens_nowhere_else(world: World) -> None:
    made = await world.create(world.version, "S", CANARY, secret=True)
    plain = await world.create(world.version, "T", "sealed later")
    await world.variables.update(world.actor, world.version, plain, VariableChange(secret=True))
    rows = {row.name: row for row in await world.rows()}
    assert [CANARY in row.value or "later" in row.value for row in rows.values()] == [False, False]
    assert (await world.runs()).environment_variables == {"S": CANARY, "T": "sealed later"}
    assert CANARY not in repr(await world.runs())
    assert world.secrets.open(rows["S"].value, made) == CANARY
    assert world.secrets.open(rows["S"].value, plain) is None


async def test_a_new_key_takes_over_at_a_start(world: World) -> None:
    """What is sealed with an older key is sealed again, once; what does not open stays as it is and is counted."""
    made = await world.create(world.model, "S", CANARY, secret=True)
    await world.create(world.model, "PLAIN", "1")
    before, revision = (await world.rows(), (await world.runs()).revision)
    assert await seal_again(world.database, world.secrets) == 0
    assert await world.rows() == before
    stranger, both, new = (keyring(keys) for keys in ("3d" * 32, f"{FIRST} {SECOND}", SECOND))
    assert await seal_again(world.database, stranger) == 1
    assert await world.rows() == before
    assert await seal_again(world.database, both) == 0
    after = {row.id: row for row in await world.rows()}
    assert (new.open(after[made].value, made), world.secrets.open(after[made].value, made)) == (CANARY, None)
    assert await seal_again(world.database, new) == 0
    world.secrets = new
    assert (await world.runs()).environment_variables == {"PLAIN": "1", "S": CANARY}
    assert (await world.runs()).revision == revision, "nothing changed for code"


async def test_variables_go_with_what_they_are_set_on(world: World) -> None:
    for owner in (world.project, world.model, world.version):
        await world.create(owner, "A")
    for kind, identifier, left in (
        (ModelVersion, world.tenant.version.id, 2),
        (type(world.tenant.model), world.tenant.model.id, 1),
        (Project, world.tenant.project.id, 0),
    ):
        async with world.database.begin() as work:
            await work.of(kind, EVERYTHING).remove(id=identifier)
        assert len(await world.rows()) == left


async def test_a_lock_needs_its_item(world: World) -> None:
    async with world.database.begin() as work:
        assert (await work.of(Project, EVERYTHING).lock(world.tenant.project.id)).name == world.project.project
        with pytest.raises(NotFound, match="the project does not exist"):
            await work.of(Project, EVERYTHING).lock("nothing")
