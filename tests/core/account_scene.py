"""Accounts and what signs in to them, on a real database with a clock that tests move."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from quinta.core.access.authentication import Authenticator
from quinta.core.access.devices import Devices
from quinta.core.access.model import Actor
from quinta.core.access.sign_in import SignIn
from quinta.core.events import Event
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.accounts import AccountChange, Accounts, NewAccount
from quinta.core.tenancy.model import ApiKey, User
from quinta.storage.database import Database
from quinta.storage.passwords import Argon2Passwords
from quinta.storage.secrets import SealedSecrets
from tests.clocks import SteppedClock

EMAIL, PASSWORD = "ann@example.com", "Long-enough-1"
HERE = "127.0.0.1"
KEYRING = "ab" * 32


def keyring(keys: str) -> SealedSecrets:
    secrets = SealedSecrets(Path("unused"), keys)
    secrets.load()
    return secrets


@dataclass
class Scene:
    """``ann`` has an account with the password PASSWORD."""

    database: Database
    clock: SteppedClock = field(default_factory=SteppedClock)
    passwords: Argon2Passwords = field(default_factory=Argon2Passwords)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.secrets = keyring(KEYRING)
        self.accounts = Accounts(self.database, self.clock, self.passwords)
        self.sign_in = self.signing_in(self.secrets)
        self.devices = Devices(self.database, self.clock, self.sign_in)
        self.authenticator = Authenticator(self.database, self.clock)

    def signing_in(self, secrets: SealedSecrets) -> SignIn:
        return SignIn(self.database, self.clock, self.passwords, secrets)

    async def token(self) -> str:
        return await self.sign_in.lasting_token(EMAIL, PASSWORD, HERE)

    async def who(self, token: str) -> str:
        return (await self.authenticator.authenticate(token)).email

    async def keys(self) -> list[ApiKey]:
        async with self.database.read() as work:
            return await work.of(ApiKey, of_user(self.ann.id)).find(order=("id",))

    async def set_active(self, *, active: bool) -> None:
        async with self.database.begin() as work:
            await work.of(User, EVERYTHING).change(self.ann.id, is_active=active)

    async def change_password(self) -> str:
        """Ann has another password from now on, which is the answer."""
        actor = Actor(self.ann.id, EMAIL, False, "", None)
        new = PASSWORD + "2"
        await self.accounts.update(actor, AccountChange(password=new, previous_password=PASSWORD))
        return new

    ann: User = field(init=False)


async def make_scene(database: Database) -> Scene:
    scene = Scene(database)
    scene.ann = await scene.accounts.create(NewAccount(EMAIL, PASSWORD))
    database.subscribe(scene.events.append)
    return scene
