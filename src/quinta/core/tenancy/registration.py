"""How people come into the quarantine: they register from a device, an administrator confirms, they log in (contract
dq0 2.2, 4.2, 5.6).

The key of a device signs what its gateway sends. An account takes the key that came with its registration, or else the
one of its first login; from then on it lets no other device in until an administrator has had its devices forgotten.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta

from quinta.core.access.attempts import RecentCounts
from quinta.core.access.authentication import new_key
from quinta.core.access.base_roles import base_role
from quinta.core.access.decide import require_person
from quinta.core.access.device_keys import DeviceKey
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import BaseRole
from quinta.core.access.server_roles import give_role
from quinta.core.access.sign_in import SignIn, require_unchanged
from quinta.core.errors import AlreadyExists, InvalidInput, NotPermitted, StateConflict, TooManyRequests
from quinta.core.events import Event, EventName
from quinta.core.observation.audit_entry import LOGGED_IN, LOGGED_OUT, AuditNote
from quinta.core.ports import Between, Passwords, Store, UnitOfWork
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.accounts import NewAccount, add_account, new_user
from quinta.core.tenancy.model import SIGNED_IN, ApiKey, KeyKind, User
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

SESSION_LASTS = timedelta(days=30)
"""Contract dq0 2.1."""
MOST_REGISTERED = 200
"""By one address within 15 minutes, as with devices: a whole institute may be behind one."""
_WINDOW_SECONDS = 900.0
_KEY_BYTES = 32
"""Of an Ed25519 public key (RFC 8032)."""
_LONGEST_DEVICE = 64


@dataclass(frozen=True, slots=True)
class Device:
    """A gateway as it introduces itself: its own name, a UUID as a rule, and its public key in base64."""

    name: str
    public_key: str


class Registration:
    """Use cases of people who have no session yet, and the end of one."""

    def __init__(self, store: Store, clock: Clock, passwords: Passwords, sign_in: SignIn) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords
        self._sign_in = sign_in
        self._registered = RecentCounts(clock, _WINDOW_SECONDS)

    async def register(self, email: str, password: str, address: str, device: Device | None = None) -> User:
        """Opens an account that waits for an administrator, with the role user for when it is confirmed.

        InvalidInput: address, password or device against the rules; AlreadyExists: a known e-mail, or a key that is
        another account's; TooManyRequests: too many from ``address``.
        """
        left = self._registered.seconds_left((address, ""), MOST_REGISTERED)
        if left is not None:
            raise TooManyRequests(f"too many registrations: try again in {left} seconds", wait_seconds=left)
        self._registered.add((address, ""))
        checked = None if device is None else _checked(device)
        new = await new_user(NewAccount(email, password), self._passwords, self._clock, is_active=False)
        async with self._store.begin() as work:
            user = await add_account(work, new)
            await give_role(work, None, await base_role(work, BaseRole.USER, self._clock), user_id=user.id)
            if checked is not None:
                await self._add_device(work, user, checked)
        return user

    async def login(self, email: str, password: str, address: str, device: Device | None = None) -> str:
        """The secret of a new session of 30 days. Without a ``device``, the account's devices play no part.

        NotAuthenticated: a wrong e-mail or password, whichever; NotPermitted: the account waits for confirmation, is
        disabled, or belongs to another device; TooManyRequests: too many wrong passwords.
        """
        checked = None if device is None else _checked(device)
        user = await self._sign_in.recognise(email, password, address)
        if not user.is_active:
            raise _not_active(user)
        async with self._store.begin() as work:
            await require_unchanged(work, user)
            if checked is not None:
                await self._admit(work, user, checked)
            now = self._clock.now()
            secret = await _add_session(work, user, now)
            where = "" if checked is None else f" and device '{checked.name}'"
            said = f"user with email '{user.email}'{where} logged in successfully"
            work.note(AuditNote(user.id, user.email, LOGGED_IN, said))
        return secret

    async def logout(self, actor: Actor) -> None:
        """Ends the session that the call was made with; StateConflict for a key that is none."""
        require_person(actor)
        async with self._store.begin() as work:
            keys = work.of(ApiKey, of_user(actor.user_id))
            if not await keys.remove(id=actor.key_id, kind=KeyKind.SESSION):
                raise StateConflict("this call was made with a key, not with a session: there is nothing to end")
            tags = (f"user:{actor.user_id}", f"key:{actor.key_id}")
            work.emit(Event(EventName.KEY_DELETED, actor.key_id, tags, actor.user_id))
            said = f"user with email '{actor.email}' logged out"
            work.note(AuditNote(actor.user_id, actor.email, LOGGED_OUT, said))

    async def _admit(self, work: UnitOfWork, user: User, device: Device) -> None:
        """Lets the device in, as the account's first or as one that it knows."""
        keys = await work.of(DeviceKey, of_user(user.id)).find()
        known = [key for key in keys if key.public_key == device.public_key]
        if known and known[0].revoked_at is not None:
            raise NotPermitted("the key of this device was revoked: a new one is needed, so add the proxy again")
        if known:
            return
        if any(key.revoked_at is None for key in keys):
            raise NotPermitted(
                "this account is bound to another device: log in from there, or ask an administrator to have that "
                "device forgotten"
            )
        await self._add_device(work, user, device)

    async def _add_device(self, work: UnitOfWork, user: User, device: Device) -> None:
        if await work.of(DeviceKey, EVERYTHING).get(public_key=device.public_key) is not None:
            raise AlreadyExists(
                "another account has the key of this device: a new one is needed, so add the proxy again"
            )
        key = DeviceKey(new_id(), user.id, device.name, device.public_key, self._clock.now())
        await work.of(DeviceKey, EVERYTHING).add(key)
        work.emit(Event(EventName.DEVICE_KEY_CREATED, key.id, (f"user:{user.id}",), user.id))


async def _add_session(work: UnitOfWork, user: User, now: datetime) -> str:
    """The account's keys that have expired go."""
    key, secret = new_key(user.id, f"session {new_id()}", KeyKind.SESSION, now, lasts=SESSION_LASTS)
    keys = work.of(ApiKey, of_user(user.id))
    await keys.remove(kind=SIGNED_IN, expires_at=Between(end=now))
    await keys.add(key)
    work.emit(Event(EventName.KEY_CREATED, key.id, (f"user:{user.id}",), actor_id=user.id))
    return secret


def _checked(device: Device) -> Device:
    name = device.name.strip()
    if not 1 <= len(name) <= _LONGEST_DEVICE or not name.isprintable():
        raise InvalidInput(f"a device's name has 1 to {_LONGEST_DEVICE} printable characters", field="device")
    try:
        raw = base64.b64decode(device.public_key, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise InvalidInput(f"a device's key is {_KEY_BYTES} bytes in base64", field="public_key")
    return Device(name, base64.b64encode(raw).decode("ascii"))


def _not_active(user: User) -> NotPermitted:
    if user.disabled_at is not None:
        return NotPermitted("this account is disabled: an administrator can say why")
    return NotPermitted("this account waits for an administrator to confirm it")
