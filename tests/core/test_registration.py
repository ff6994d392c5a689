"""Registering, being confirmed, logging in and out, on both databases (contract dq0 2.2, 4.2)."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from functools import partial

import pytest

from quinta.core.access.attempts import MOST_FOR_ACCOUNT
from quinta.core.access.authentication import Authenticator
from quinta.core.access.device_keys import DeviceKey
from quinta.core.access.platform_roles import BaseRole
from quinta.core.access.references import Reference
from quinta.core.access.sign_in import SignIn
from quinta.core.errors import (
    AlreadyExists,
    InvalidInput,
    NotAuthenticated,
    NotPermitted,
    StateConflict,
    TooManyRequests,
)
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.accounts import AccountChange, Accounts
from quinta.core.tenancy.administration import Administration
from quinta.core.tenancy.people import PersonState
from quinta.core.tenancy.registration import MOST_REGISTERED, SESSION_LASTS, Device, Registration
from quinta.storage.database import Database
from quinta.storage.passwords import Argon2Passwords
from tests.core.account_scene import HERE, KEYRING, PASSWORD, keyring
from tests.core.group_town import outcome
from tests.core.quarantine_scene import Scene, make_scene

EMAIL = "ann@example.com"


@dataclass
class Door:
    """Registration, with an administrator who confirms."""

    scene: Scene

    def __post_init__(self) -> None:
        clock, passwords = self.scene.clock, Argon2Passwords()
        sign_in = SignIn(self.scene.database, clock, passwords, keyring(KEYRING))
        self.registration = Registration(self.scene.database, clock, passwords, sign_in)
        self.accounts = Accounts(self.scene.database, clock, passwords)
        self.administration = Administration(self.scene.database, clock, passwords)
        self.authenticator = Authenticator(self.scene.database, clock)
        self.laptop, self.desktop = device("laptop"), device("desktop")

    async def login(self, with_device: Device | None = None, password: str = PASSWORD) -> str:
        return await self.registration.login(EMAIL, password, HERE, with_device)

    async def registered(self) -> None:
        """Ann is registered from her laptop, and confirmed."""
        await self.registration.register(f" {EMAIL.upper()} ", PASSWORD, HERE, self.laptop)
        await self.administration.approve_user(EMAIL)


def device(name: str) -> Device:
    return Device(name, base64.b64encode(os.urandom(32)).decode())


async def open_door(database: Database) -> Door:
    return Door(await make_scene(database))


async def test_who_registers_waits_for_an_administrator(database: Database) -> None:
    door = await open_door(database)
    admin = await door.scene.person("admin", BaseRole.ADMIN)
    user = await door.registration.register(EMAIL, PASSWORD, HERE, door.laptop)
    one = Reference(user.number)
    view = await door.scene.people.get(admin, one)
    assert (view.state, [role.name for role in view.roles]) == (PersonState.PENDING, ["user"])
    assert await outcome(partial(door.login, password="wrong-password")) is NotAuthenticated
    with pytest.raises(NotPermitted, match="confirm"):
        await door.login(door.laptop)
    await door.scene.people.change(admin, one, state=PersonState.ACTIVE)
    actor = await door.authenticator.authenticate(await door.login(door.laptop))
    assert (actor.user_id, actor.expires_at) == (user.id, door.scene.clock.now() + SESSION_LASTS)
    await door.scene.people.change(admin, one, state=PersonState.DISABLED)
    with pytest.raises(NotPermitted, match="disabled"):
        await door.login(door.laptop)
    await door.administration.approve_user(EMAIL)
    assert (await door.scene.people.get(admin, one)).user.disabled_at is None
    await door.login(door.laptop)


async def test_logging_in_and_out_is_in_the_trail(database: Database) -> None:
    door = await open_door(database)
    await door.registered()
    secret = await door.login(door.laptop)
    actor = await door.authenticator.authenticate(secret)
    await door.registration.logout(actor)
    assert await outcome(partial(door.authenticator.authenticate, secret)) is NotAuthenticated
    assert await outcome(partial(door.registration.logout, actor)) is StateConflict
    said = [(entry.action, entry.description) for entry in await door.scene.trail() if entry.action.startswith("auth.")]
    assert said == [
        ("auth.login", f"user with email '{EMAIL}' and device 'laptop' logged in successfully"),
        ("auth.logout", f"user with email '{EMAIL}' logged out"),
    ]
    descriptions = " ".join(entry.description for entry in await door.scene.trail())
    assert PASSWORD not in descriptions
    assert secret not in descriptions


async def test_a_session_ends_after_its_days_and_with_the_password(database: Database) -> None:
    door = await open_door(database)
    await door.registered()
    first = await door.login(door.laptop)
    door.scene.clock.move(seconds=SESSION_LASTS.total_seconds() - 1)
    actor = await door.authenticator.authenticate(first)
    door.scene.clock.move(seconds=1)
    assert await outcome(partial(door.authenticator.authenticate, first)) is NotAuthenticated
    second = await door.login(door.laptop)
    new = PASSWORD + "2"
    await door.accounts.update(actor, AccountChange(password=new, previous_password=PASSWORD))
    assert await outcome(partial(door.authenticator.authenticate, second)) is NotAuthenticated
    assert await outcome(partial(door.login, door.laptop)) is NotAuthenticated
    await door.login(door.laptop, new)


async def test_an_account_belongs_to_its_device(database: Database) -> None:
    door = await open_door(database)
    admin = await door.scene.person("admin", BaseRole.ADMIN)
    await door.registered()
    with pytest.raises(NotPermitted, match="another device"):
        await door.login(door.desktop)
    await door.login(Device("renamed", door.laptop.public_key))
    await door.login()  # not through a gateway
    secret = await door.login(door.laptop)
    assert await door.scene.people.forget_devices(admin, Reference(name=EMAIL)) == 1
    assert await outcome(partial(door.authenticator.authenticate, secret)) is NotAuthenticated
    with pytest.raises(NotPermitted, match="revoked"):
        await door.login(door.laptop)
    await door.login(door.desktop)
    await door.login(door.desktop)
    assert await door.scene.people.forget_devices(None, Reference(name=EMAIL)) == 1
    assert await _devices(door) == [("laptop", True), ("desktop", True)]


async def test_an_account_of_another_way_takes_its_first_device(database: Database) -> None:
    door = await open_door(database)
    await door.administration.create_user(EMAIL, PASSWORD)
    assert await outcome(partial(door.login, door.laptop, "wrong-password")) is NotAuthenticated
    assert await _devices(door) == []
    await door.login(door.laptop)
    assert await outcome(partial(door.login, door.desktop)) is NotPermitted
    assert await _devices(door) == [("laptop", False)]


async def test_what_cannot_register(database: Database) -> None:
    door = await open_door(database)
    await door.registered()
    register = door.registration.register
    fresh = device("x")
    for call, wrong, field in (
        (partial(register, EMAIL, PASSWORD, HERE, fresh), AlreadyExists, "email"),
        (partial(register, "bob@example.com", PASSWORD, HERE, door.laptop), AlreadyExists, None),
        (partial(register, "no address", PASSWORD, HERE, fresh), InvalidInput, "email"),
        (partial(register, "bob@example.com", "short", HERE, fresh), InvalidInput, "password"),
        (partial(register, "bob@example.com", PASSWORD, HERE, Device("", fresh.public_key)), InvalidInput, "device"),
        (partial(register, "bob@example.com", PASSWORD, HERE, Device("x", "AAAA")), InvalidInput, "public_key"),
        (partial(register, "bob@example.com", PASSWORD, HERE, Device("x", "%")), InvalidInput, "public_key"),
        (partial(door.login, Device("x", "é")), InvalidInput, "public_key"),
    ):
        with pytest.raises(wrong) as refused:
            await call()
        assert refused.value.field == field
    await register("bob@example.com", PASSWORD, HERE, fresh)  # nothing of those was kept


async def test_guessing_and_flooding_are_bounded(database: Database) -> None:
    door = await open_door(database)
    await door.registered()
    for _ in range(MOST_FOR_ACCOUNT):
        assert await outcome(partial(door.login, None, "wrong-password")) is NotAuthenticated
    assert await outcome(door.login) is TooManyRequests
    for _ in range(MOST_REGISTERED - 1):
        assert await outcome(partial(door.registration.register, "no address", PASSWORD, HERE)) is InvalidInput
    for address, expected in ((HERE, TooManyRequests), ("192.0.2.1", None)):
        assert await outcome(partial(door.registration.register, "bob@example.com", PASSWORD, address)) is expected


async def _devices(door: Door) -> list[tuple[str, bool]]:
    """Each by name, and whether it is revoked."""
    async with door.scene.database.read() as work:
        keys = await work.of(DeviceKey, EVERYTHING).find(order=("id",))
    return [(key.device, key.revoked_at is not None) for key in keys]
