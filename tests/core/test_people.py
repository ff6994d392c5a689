"""People as administrators see them, and what they tell of themselves, on both databases (contract dq0 4.2)."""

from __future__ import annotations

import base64
from functools import partial

import pytest

from quinta.core.access.authentication import Authenticator, new_key
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import BaseRole
from quinta.core.access.references import Reference
from quinta.core.errors import InvalidInput, NotAuthenticated, NotFound, NotPermitted, StateConflict
from quinta.core.pages import Paging
from quinta.core.scope import of_user
from quinta.core.tenancy.accounts import Accounts
from quinta.core.tenancy.model import ApiKey, KeyKind
from quinta.core.tenancy.people import PersonState
from quinta.core.tenancy.profiles import MOST_AVATAR_BYTES, ProfileChange
from quinta.storage.database import Database
from quinta.storage.passwords import Argon2Passwords
from tests.core.group_town import outcome
from tests.core.quarantine_scene import Scene, make_scene
from tests.core.test_clients import service_user


async def test_people_are_listed_by_page(database: Database) -> None:
    scene = await make_scene(database)
    admin = await scene.person("admin", BaseRole.ADMIN)
    await scene.person("bob", BaseRole.USER, BaseRole.OWNER)
    cleo = await scene.person("cleo")
    await service_user(database, (await scene.project("study", cleo)).id)
    page = await scene.people.find(admin, Paging())
    assert page.total == 3
    assert [(view.user.email, [role.name for role in view.roles], view.state) for view in page.items] == [
        ("admin@example.com", ["admin"], PersonState.ACTIVE),
        ("bob@example.com", ["user", "owner"], PersonState.ACTIVE),
        ("cleo@example.com", [], PersonState.ACTIVE),
    ]
    page = await scene.people.find(admin, Paging(limit=1, offset=1, order=("-email",)))
    assert ([view.user.email for view in page.items], page.total) == (["bob@example.com"], 3)
    for paging, field in (
        (Paging(order=("password_hash",)), "order_by"),
        (Paging(limit=0), "page_size"),
        (Paging(limit=1001), "page_size"),
        (Paging(offset=-1), "page"),
        (Paging(offset=2**70), "page"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await scene.people.find(admin, paging)
        assert refused.value.field == field


async def test_an_account_is_disabled_and_set_back(database: Database) -> None:
    scene = await make_scene(database)
    admin, bob = await scene.person("admin", BaseRole.ADMIN), await scene.person("bob")
    authenticator = Authenticator(database, scene.clock)
    one = Reference(name=bob.email)
    for state in (PersonState.DISABLED, PersonState.PENDING):
        session, program = await _secret(scene, bob, KeyKind.SESSION), await _secret(scene, bob, KeyKind.API)
        for secret in (session, program):
            assert (await authenticator.authenticate(secret)).user_id == bob.user_id
        view = await scene.people.change(admin, one, state=state)
        assert view.state is (await scene.people.get(admin, one)).state is state
        assert await scene.people.change(admin, one, state=state) == view
        for secret in (session, program):
            assert await outcome(partial(authenticator.authenticate, secret)) is NotAuthenticated
        assert (await scene.people.change(admin, one, state=PersonState.ACTIVE)).state is PersonState.ACTIVE
        assert await outcome(partial(authenticator.authenticate, session)) is NotAuthenticated  # it has ended
        assert (await authenticator.authenticate(program)).user_id == bob.user_id
    own = partial(scene.people.change, admin, Reference(name=admin.email), state=PersonState.DISABLED)
    assert await outcome(own) is StateConflict


async def test_roles_are_replaced_in_their_order(database: Database) -> None:
    scene = await make_scene(database)
    admin, bob = await scene.person("admin", BaseRole.ADMIN), await scene.person("bob")
    one = Reference(name=bob.email)
    for numbers, names in (
        ([3], ["user"]),
        ([2, 3], ["owner", "user"]),
        ([3, 2, 3], ["user", "owner"]),
        ([1], ["admin"]),
        ([], []),
    ):
        view = await scene.people.change(admin, one, roles=numbers)
        assert [role.name for role in view.roles] == names
        assert view == await scene.people.get(admin, one)
    for numbers in ([3, 99], [0], [-1], [2**64], [1] * 101):
        with pytest.raises(InvalidInput) as refused:
            await scene.people.change(admin, one, state=PersonState.DISABLED, roles=numbers)
        assert refused.value.field == "roles"
    assert (await scene.people.get(admin, one)).state is PersonState.ACTIVE  # nothing of it was done
    own = Reference(name=admin.email)
    assert await outcome(partial(scene.people.change, admin, own, roles=[3])) is StateConflict
    assert [role.name for role in (await scene.people.change(admin, own, roles=[3, 1])).roles] == ["user", "admin"]


async def test_staff_is_changed_by_staff_only(database: Database) -> None:
    scene = await make_scene(database)
    admin, root = await scene.person("admin", BaseRole.ADMIN), await scene.person("root", staff=True)
    one = Reference(name=root.email)
    for call in (
        partial(scene.people.change, state=PersonState.DISABLED),
        partial(scene.people.change, roles=[]),
        scene.people.delete,
        scene.people.forget_devices,
    ):
        assert await outcome(partial(call, admin, one)) is NotPermitted
    second = await scene.person("second", staff=True)
    assert (await scene.people.change(second, one, state=PersonState.DISABLED)).state is PersonState.DISABLED


async def test_accounts_are_deleted_but_not_ones_with_data(database: Database) -> None:
    scene = await make_scene(database)
    admin, bob, keeper = [
        await scene.person("admin", BaseRole.ADMIN),
        *[await scene.person(x) for x in ("bob", "keeper")],
    ]
    await scene.dataset("gone", keeper, deleted=True)
    await scene.profiles.change(bob, ProfileChange(name="Bob"))  # the trail knows the names of those it has told of
    await scene.people.delete(admin, Reference(name=bob.email))
    assert await outcome(partial(scene.people.get, admin, Reference(name=bob.email))) is NotFound
    assert (await scene.trail())[-1].description == "admin@example.com deleted user 'bob@example.com'"
    accounts = Accounts(database, scene.clock, Argon2Passwords())
    for call in (partial(scene.people.delete, admin, Reference(name=keeper.email)), partial(accounts.delete, keeper)):
        with pytest.raises(StateConflict, match="owns datasets"):
            await call()
    assert await outcome(partial(scene.people.delete, admin, Reference(name=admin.email))) is StateConflict


async def test_a_profile_is_what_one_tells(database: Database) -> None:
    scene = await make_scene(database)
    ada, bob = await scene.person("ada"), await scene.person("bob", BaseRole.USER)
    number = await scene.number(ada)
    empty = await scene.profiles.own(ada)
    assert (empty.number, empty.profile.id, empty.profile.name) == (number, "", "")
    picture = base64.b64encode(b"\x89PNG").decode()
    changed = await scene.profiles.change(ada, ProfileChange(name=" Ada ", avatar=picture, website="https://a.example"))
    assert (changed.profile.name, changed.profile.avatar, changed.profile.company) == ("Ada", picture, "")
    again = await scene.profiles.change(ada, ProfileChange(company="Engines", website=""))
    assert (again.profile.name, again.profile.company, again.profile.website) == ("Ada", "Engines", "")
    events = len(scene.events)
    assert await scene.profiles.change(ada, ProfileChange(name="Ada")) == again == await scene.profiles.own(ada)
    assert len(scene.events) == events
    assert await scene.profiles.get(bob, Reference(number)) == again
    for field, value in (
        ("name", "x" * 257),
        ("location", "a\x00b"),
        ("avatar", "no base64"),
        ("avatar", "é"),
        ("avatar", base64.b64encode(bytes(MOST_AVATAR_BYTES + 1)).decode()),
        ("avatar", "A" * 4 * MOST_AVATAR_BYTES),
    ):
        with pytest.raises(InvalidInput) as refused:
            await scene.profiles.change(ada, ProfileChange(**{field: value}))
        assert refused.value.field == field


async def test_profiles_are_for_who_has_a_role(database: Database) -> None:
    scene = await make_scene(database)
    ada, nobody = await scene.person("ada", BaseRole.USER), await scene.person("nobody")
    mine, other = [await scene.number(actor) for actor in (nobody, ada)]
    assert (await scene.profiles.get(nobody, Reference(mine))).number == mine
    with pytest.raises(NotFound) as hidden:
        await scene.profiles.get(nobody, Reference(other))
    with pytest.raises(NotFound) as missing:
        await scene.profiles.get(nobody, Reference(99))
    assert hidden.value.message.replace(str(other), "N") == missing.value.message.replace("99", "N")
    assert await outcome(partial(scene.profiles.get, ada, Reference(99))) is NotFound
    assert (await scene.profiles.get(ada, Reference(mine))).number == mine
    robot = await service_user(database, (await scene.project("study", ada)).id)
    assert await outcome(partial(scene.profiles.own, robot)) is NotPermitted


async def _secret(scene: Scene, actor: Actor, kind: KeyKind) -> str:
    key, secret = new_key(actor.user_id, f"{kind}", kind, scene.clock.now())
    async with scene.database.begin() as work:
        await work.of(ApiKey, of_user(actor.user_id)).add(key)
    return secret
