"""Keys and what they may be used for, on both databases (contract versiontwo 5.7, decision 0028)."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from quinta.core.access.authentication import Authenticator, digest, new_key
from quinta.core.access.key_permissions import allows, check_permissions, require_key
from quinta.core.access.keys import Keys
from quinta.core.access.model import Actor, KeyPermission
from quinta.core.errors import InvalidInput, NotAuthenticated, NotFound, NotPermitted, StateConflict
from quinta.core.observation.audit_entry import AuditEntry
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.administration import Administration
from quinta.core.tenancy.model import ApiKey, KeyKind, User
from quinta.kit.clock import SystemClock
from quinta.kit.ids import new_id
from quinta.storage.database import Database
from quinta.storage.passwords import Argon2Passwords
from tests.clocks import NOON, SteppedClock
from tests.storage.rows import add_tenant

READ, WRITE, DEPLOY, ALL = KeyPermission


@dataclass
class Scene:
    database: Database
    clock: SteppedClock

    def __post_init__(self) -> None:
        self.authenticator = Authenticator(self.database, self.clock)
        self.keys = Keys(self.database, self.clock, self.authenticator.uses)

    async def user(self, project_id: str | None = None) -> str:
        user_id = new_id()
        user = User(user_id, f"{user_id}@example.com", None, None, None, False, True, NOON, project_id)
        async with self.database.begin() as work:
            await work.of(User, EVERYTHING).add(user)
        return user_id

    async def key(
        self,
        user_id: str,
        *permissions: KeyPermission,
        kind: KeyKind = KeyKind.API,
        lasts: timedelta | None = None,
    ) -> Actor:
        """Someone who calls with a new key."""
        key, secret = new_key(user_id, "made", kind, self.clock.now(), lasts=lasts, permissions=permissions or (ALL,))
        async with self.database.begin() as work:
            await work.of(ApiKey, EVERYTHING).add(key)
        return await self.authenticator.authenticate(secret)

    async def stored(self, key_id: str) -> ApiKey | None:
        async with self.database.read() as work:
            return await work.of(ApiKey, EVERYTHING).get(id=key_id)


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database, SteppedClock())


def test_what_each_permission_is_good_for() -> None:
    """Contract versiontwo 5.7, as a table."""
    good = {READ: {READ}, WRITE: {READ, WRITE, DEPLOY}, DEPLOY: {READ, DEPLOY}, ALL: {READ, WRITE, DEPLOY, ALL}}
    for held, enough_for in good.items():
        actor = Actor("user", "a@example.com", False, "key", None, permissions=frozenset({held}))
        for needed in KeyPermission:
            assert allows((held,), needed) is (needed in enough_for)
            if needed in enough_for:
                require_key(actor, needed)
            else:
                with pytest.raises(NotPermitted, match=re.escape(f"lacks the permission '{needed}'")):
                    require_key(actor, needed)


def test_permissions_of_a_new_key() -> None:
    assert check_permissions(["deploy", "read", "read"]) == (READ, DEPLOY)
    with pytest.raises(InvalidInput, match="there is no permission 'admin'") as unknown:
        check_permissions(["read", "admin"])
    with pytest.raises(InvalidInput, match="at least one") as none:
        check_permissions([])
    assert (unknown.value.field, none.value.field) == ("permissions", "permissions")


async def test_a_key_is_told_once_and_opens_by_its_permissions(scene: Scene) -> None:
    owner = await scene.key(await scene.user())
    key, secret = await scene.keys.create(owner, "  ci  ", ["write", "read"])
    assert re.fullmatch(r"v2_[0-9a-f]{40}", secret)
    assert (key.name, key.permissions, key.prefix, key.last_used_at) == ("ci", (READ, WRITE), secret[:11], None)
    assert key.digest == digest(secret)
    actor = await scene.authenticator.authenticate(secret)
    assert (actor.user_id, actor.key_id) == (owner.user_id, key.id)
    assert actor.permissions == {READ, WRITE}
    assert [found.name for found in await scene.keys.list(actor)] == ["ci", "made"]
    assert secret not in repr(await scene.keys.list(owner))


async def test_names_have_1_to_100_characters(scene: Scene) -> None:
    owner = await scene.key(await scene.user())
    key, _ = await scene.keys.create(owner, "x" * 100, ["read"])
    assert key.name == "x" * 100
    for name in ("", "   ", "x" * 101):
        with pytest.raises(InvalidInput) as refused:
            await scene.keys.create(owner, name, ["read"])
        assert refused.value.field == "name"


async def test_a_key_gives_no_more_than_it_has(scene: Scene) -> None:
    """All sixteen pairs: what ``write`` is good for, it can give; ``read`` and ``deploy`` make no keys at all."""
    user_id = await scene.user()
    given = {READ: set(), WRITE: {READ, WRITE, DEPLOY}, DEPLOY: set(), ALL: set(KeyPermission)}
    for held, may_give in given.items():
        actor = await scene.key(user_id, held)
        for wanted in KeyPermission:
            if wanted in may_give:
                key, _ = await scene.keys.create(actor, "given", [wanted])
                assert key.permissions == (wanted,)
            else:
                with pytest.raises(NotPermitted):
                    await scene.keys.create(actor, "given", [wanted])


async def test_lists_are_one_s_own_newest_first_and_in_pages(scene: Scene) -> None:
    owner, other = await scene.key(await scene.user()), await scene.key(await scene.user())
    await scene.key(owner.user_id, kind=KeyKind.SESSION)  # what a sign-in gives is no key to look after
    for name in ("first", "second", "third"):
        await scene.keys.create(owner, name, ["read"])
    page = await scene.keys.list(owner, limit=2)
    assert [key.name for key in page] == ["third", "second"]
    assert [key.name for key in await scene.keys.list(owner, limit=2, before=page[-1].id)] == ["first", "made"]
    assert [key.id for key in await scene.keys.list(other)] == [other.key_id]


async def test_a_deleted_key_opens_nothing_from_the_next_call_on(scene: Scene) -> None:
    owner = await scene.key(await scene.user())
    key, secret = await scene.keys.create(owner, "ci", ["read"])
    await scene.authenticator.authenticate(secret)
    await scene.keys.delete(owner, key.id)
    with pytest.raises(NotAuthenticated):
        await scene.authenticator.authenticate(secret)
    with pytest.raises(NotFound):
        await scene.keys.delete(owner, key.id)
    async with scene.database.read() as work:
        entries = await work.of(AuditEntry, EVERYTHING).find(order=("sequence",))
    told = [entry.description for entry in entries]
    assert told == [f"{owner.email} created key 'ci'", f"{owner.email} deleted key 'ci'"]


async def test_who_may_delete_which(scene: Scene) -> None:
    """Any key itself; others with ``write``; nobody those of somebody else, or what a sign-in gave."""
    user_id = await scene.user()
    owner, reader, writer = [await scene.key(user_id, held) for held in (ALL, READ, WRITE)]
    session = await scene.key(user_id, kind=KeyKind.SESSION)
    stranger = await scene.key(await scene.user())
    with pytest.raises(NotPermitted):
        await scene.keys.delete(reader, writer.key_id)
    for hidden in (owner.key_id, "018f0000-0000-7000-8000-000000000000"):
        with pytest.raises(NotFound):
            await scene.keys.delete(stranger, hidden)
    with pytest.raises(NotFound):
        await scene.keys.delete(owner, session.key_id)
    await scene.keys.delete(reader, reader.key_id)
    another = await scene.key(user_id, READ)
    await scene.keys.delete(writer, another.key_id)
    assert {key.id for key in await scene.keys.list(owner)} == {owner.key_id, writer.key_id}


async def test_the_last_key_for_everything_stays(scene: Scene) -> None:
    """Whoever asks for it, while keys that end or are good for less do not count as another one."""
    user_id = await scene.user()
    owner, writer = await scene.key(user_id), await scene.key(user_id, WRITE)
    await scene.key(user_id, lasts=timedelta(days=365))
    await scene.key(user_id, kind=KeyKind.SESSION)
    for actor in (owner, writer):
        with pytest.raises(StateConflict) as refused:
            await scene.keys.delete(actor, owner.key_id)
        assert refused.value.field == "api_key"
    second = await scene.key(user_id)
    await scene.keys.delete(second, owner.key_id)
    with pytest.raises(StateConflict):
        await scene.keys.delete(second, second.key_id)


async def test_two_who_delete_each_other_s_key_do_not_lose_both(scene: Scene) -> None:
    user_id = await scene.user()
    first, second = await scene.key(user_id), await scene.key(user_id)
    ends = await asyncio.gather(
        scene.keys.delete(first, second.key_id), scene.keys.delete(second, first.key_id), return_exceptions=True
    )
    assert sorted(type(end).__name__ for end in ends) == ["NoneType", "NotAuthenticated"]
    assert [end is None for end in (await scene.stored(first.key_id), await scene.stored(second.key_id))].count(
        True
    ) == 1


async def test_a_service_user_has_the_key_that_its_project_gives(scene: Scene) -> None:
    tenant = await add_tenant(scene.database)
    robot = await scene.key(await scene.user(tenant.project.id))
    for call in (
        scene.keys.list(robot),
        scene.keys.create(robot, "ci", ["read"]),
        scene.keys.delete(robot, robot.key_id),
    ):
        with pytest.raises(NotPermitted, match="a service user acts within its project only"):
            await call


async def test_the_last_use_is_known_at_once_and_kept_later(scene: Scene) -> None:
    owner = await scene.key(await scene.user())
    key, secret = await scene.keys.create(owner, "ci", ["read"])
    await scene.key(owner.user_id, kind=KeyKind.SESSION)
    scene.clock.move(seconds=5)
    await scene.authenticator.authenticate(secret)
    used = scene.clock.now()
    assert (await scene.keys.list(owner))[0].last_used_at == used
    assert (await scene.stored(key.id)) == replace(key, last_used_at=None)
    await scene.authenticator.uses.flush()
    assert (await scene.stored(key.id)) == replace(key, last_used_at=used)
    scene.clock.move(seconds=-3)  # another server's clock, or this one's put back
    await scene.authenticator.authenticate(secret)
    await scene.authenticator.uses.flush()
    assert (await scene.keys.list(owner))[0].last_used_at == used


async def test_more_uses_than_one_transaction_takes(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quinta.core.access.key_uses._AT_ONCE", 2)
    user_id = await scene.user()
    actors = [await scene.key(user_id, READ) for _ in range(4)]
    owner = await scene.key(user_id)
    await scene.keys.delete(owner, actors[1].key_id)  # gone before it is written
    await scene.authenticator.uses.flush()
    for actor in (owner, *actors[:1], *actors[2:]):
        kept = await scene.stored(actor.key_id)
        assert kept is not None
        assert kept.last_used_at == NOON


async def test_keys_that_operators_make(database: Database) -> None:
    administration = Administration(database, SystemClock(), Argon2Passwords())
    user = await administration.create_user("ada@example.com", "long enough")
    authenticator = Authenticator(database, SystemClock())
    secret = await administration.create_key(user.email, "ci", permissions=["read", "deploy"])
    assert re.fullmatch(r"[0-9a-f]{40}", secret)
    assert (await authenticator.authenticate(secret)).permissions == {READ, DEPLOY}
    own = await administration.create_key(user.email, "own", secret="a-token-of-my-own")
    assert (await authenticator.authenticate(own)).permissions == {ALL}
    async with database.read() as work:
        prefixes = {key.name: key.prefix for key in await work.of(ApiKey, EVERYTHING).find()}
    assert prefixes == {"ci": secret[:8], "own": None}  # a token of one's own may be short
    with pytest.raises(InvalidInput, match="there is no permission 'admin'"):
        await administration.create_key(user.email, "ci", permissions=["admin"])
