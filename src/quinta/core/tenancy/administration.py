"""What an operator does on the server itself, without a caller to ask about: accounts, keys, the first start."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass

from quinta.core.access.authentication import digest, new_key
from quinta.core.access.base_roles import base_role
from quinta.core.access.key_permissions import check_permissions
from quinta.core.access.model import Actor, KeyPermission
from quinta.core.access.platform_roles import BaseRole
from quinta.core.access.server_roles import give_role
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound
from quinta.core.events import Event, EventName
from quinta.core.ports import Passwords, Store, UnitOfWork
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.accounts import Accounts, NewAccount
from quinta.core.tenancy.model import ApiKey, KeyKind, User
from quinta.kit.clock import Clock


@dataclass(frozen=True, slots=True)
class FirstAdministrator:
    """What was made at the first start. ``password`` and ``token`` are set where they were generated: shown once."""

    email: str
    password: str | None
    token: str | None

    @property
    def told(self) -> list[str]:
        """Lines for the operator."""
        generated = {"password": self.password, "token": self.token}
        shown = [f"{noun} (shown once): {secret}" for noun, secret in generated.items() if secret is not None]
        return [f"first administrator: {self.email}", *shown]


class Administration:
    """Use cases of the operator."""

    def __init__(self, store: Store, clock: Clock, passwords: Passwords) -> None:
        self._store = store
        self._clock = clock
        self._accounts = Accounts(store, clock, passwords)

    async def first_administrator(
        self, email: str, password: str | None, token: str | None
    ) -> FirstAdministrator | None:
        """Makes a staff account with a key and the role admin where the server has none yet; None where it has.

        Accounts without that right do not count: an operator may have made some before the first start. AlreadyExists
        where one of them has the e-mail: who made it is unknown, so it is not given the right.

        A ``token`` that is given opens that account from then on, also when the account exists already, so that an
        operator can set a new one by restarting.
        """
        async with self._store.read() as work:
            users = work.of(User, EVERYTHING)
            known = await users.get(email=email.strip().lower())
            has_staff = await users.count(is_staff=True) > 0
        if token is not None:
            _check_token(token)  # before anything is made: a second start would find an account without a key
        if has_staff:
            if known is not None and known.is_staff and token is not None:
                await self._ensure_key(known, token)
            return None
        chosen = password or secrets.token_urlsafe(18)
        user = await self.create_user(email, chosen, staff=True)
        async with self._store.begin() as work:
            await give_role(work, None, await base_role(work, BaseRole.ADMIN, self._clock), user_id=user.id)
        made = await self.create_key(user.email, "administrator", secret=token)
        return FirstAdministrator(user.email, None if password else chosen, None if token else made)

    async def create_user(self, email: str, password: str, *, staff: bool = False) -> User:
        """An active account."""
        user = await self._accounts.create(NewAccount(email, password))
        async with self._store.begin() as work:
            await work.of(User, EVERYTHING).change(user.id, is_staff=staff, is_active=True)
            work.emit(Event(EventName.USER_CHANGED, user.id, (f"user:{user.id}",)))
        return user

    async def approve_user(self, email: str) -> User:
        """Activates an account that waits for confirmation, or was disabled."""
        async with self._store.begin() as work:
            user = await _user(work, email)
            await work.of(User, EVERYTHING).change(user.id, is_active=True, disabled_at=None)
            work.emit(Event(EventName.USER_CHANGED, user.id, (f"user:{user.id}",)))
        return user

    async def create_key(
        self, email: str, name: str, *, secret: str | None = None, permissions: Collection[str] = (KeyPermission.ALL,)
    ) -> str:
        """A key of the account; its secret is the answer and is kept nowhere. InvalidInput (field ``permissions``) for
        none, and for one that is not known."""
        checked = check_permissions(permissions)
        if secret is not None:
            _check_token(secret)
        async with self._store.begin() as work:
            user = await _user(work, email)
            key, secret = new_key(user.id, name, KeyKind.API, self._clock.now(), secret=secret, permissions=checked)
            if await work.of(ApiKey, EVERYTHING).get(digest=key.digest) is not None:
                raise AlreadyExists("another account has this token already", field="token")
            await work.of(ApiKey, of_user(user.id)).add(key)
            work.emit(Event(EventName.KEY_CREATED, key.id, (f"user:{user.id}",)))
        return secret

    async def actor(self, email: str | None) -> Actor:
        """The account as one who calls, for use cases that an operator starts in its name; None: the first staff."""
        async with self._store.read() as work:
            if email is None:
                staff = await work.of(User, EVERYTHING).find(is_staff=True, order=("id",), limit=1)
                if not staff:
                    raise NotFound("there is no staff account yet: make one, or name an account")
                user = staff[0]
            else:
                user = await _user(work, email)
        return Actor(user.id, user.email, user.is_staff, key_id="", expires_at=None, project_id=user.project_id)

    async def _ensure_key(self, user: User, token: str) -> None:
        async with self._store.read() as work:
            known = await work.of(ApiKey, EVERYTHING).get(digest=digest(token))
        if known is None:
            await self.create_key(user.email, "administrator", secret=token)


def _check_token(token: str) -> None:
    if len(token) < 16 or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInput("a token needs at least 16 printable ASCII characters without spaces", field="token")


async def _user(work: UnitOfWork, email: str) -> User:
    user = await work.of(User, EVERYTHING).get(email=email.strip().lower())
    if user is None:
        raise NotFound(f"there is no account with the email '{email}'")
    return user
