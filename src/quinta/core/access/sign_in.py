"""Signing in: what an e-mail and its password are exchanged for (contracts ubiops 1.2 and brainstem 4.1, 4.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from quinta.core.access.attempts import SignInAttempts
from quinta.core.access.authentication import digest, new_key
from quinta.core.access.lasting import find_lasting_token, replace_lasting_token
from quinta.core.errors import NotAuthenticated
from quinta.core.events import Event, EventName
from quinta.core.ports import Between, Passwords, Secrets, Store, UnitOfWork
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.model import SIGNED_IN, ApiKey, KeyKind, User
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long the two keys of a session open."""

    access: timedelta
    refresh: timedelta


DAY = Lifetimes(timedelta(hours=12), timedelta(days=14))
"""Contract ubiops 1.2."""
HOUR = Lifetimes(timedelta(hours=1), timedelta(days=30))
"""Contract brainstem 4.3."""


@dataclass(frozen=True, slots=True)
class Session:
    """The two secrets of a sign-in: ``access`` opens, ``refresh`` gets the next pair."""

    access: str
    refresh: str


class SignIn:
    """Use cases of whoever has no key yet, or only one to refresh with.

    ``address`` is where the call comes from: TooManyRequests when that has sent too many wrong passwords. For every way
    in which an e-mail and a password can be wrong there is one NotAuthenticated in one wording.
    """

    def __init__(self, store: Store, clock: Clock, passwords: Passwords, secrets: Secrets) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords
        self._secrets = secrets
        self._attempts = SignInAttempts(clock)

    async def check(self, email: str, password: str, address: str) -> User:
        """The account of an e-mail and its password, an active one."""
        user = await self.recognise(email, password, address)
        if not user.is_active:
            raise _inactive()
        return user

    async def recognise(self, email: str, password: str, address: str) -> User:
        """The account of an e-mail and its password, whether it is active or not."""
        email = email.strip().lower()
        self._attempts.check(address, email)
        async with self._store.read() as work:
            user = await work.of(User, EVERYTHING).get(email=email)
        right = await self._passwords.matches(password, None if user is None else user.password_hash)
        if user is None or not right:
            self._attempts.failed(address, email)
            raise _wrong()
        self._attempts.succeeded(address, email)
        return user

    async def session(self, email: str, password: str, address: str, lifetimes: Lifetimes) -> Session:
        """A new session."""
        user = await self.check(email, password, address)
        async with self._store.begin() as work:
            await require_unchanged(work, user)
            return await self._add_pair(work, user.id, f"session {new_id()}", lifetimes)

    async def lasting_token(self, email: str, password: str, address: str) -> str:
        """The same token each time, without an end but a change of the password (contract brainstem 4.1)."""
        user = await self.check(email, password, address)
        async with self._store.read() as work:
            known = await find_lasting_token(work, user.id, self._secrets)
        if known is not None:
            return known
        async with self._store.begin() as work:
            await require_unchanged(work, user)  # and two who come at once do not make two
            known = await find_lasting_token(work, user.id, self._secrets)
            return known or await replace_lasting_token(work, user.id, self._secrets, self._clock.now())

    async def refresh(self, secret: str, lifetimes: Lifetimes) -> Session:
        """The next pair for a refresh key, which is spent with that.

        NotAuthenticated when it is unknown or expired, and when it was spent before: then it has been in two hands, one
        of them a thief's, and every key of the session ends (RFC 9700, 4.14.2).
        """
        async with self._store.read() as work:
            found = await work.of(ApiKey, EVERYTHING).get(digest=digest(secret))
        if found is None:
            raise _no_refresh_key()
        async with self._store.begin() as work:
            session = await self._exchange(work, found, lifetimes)
        if session is None:  # not raised inside, where it would take back the end of the session
            raise NotAuthenticated("the refresh token was used before: its session has ended, sign in again")
        return session

    async def _exchange(self, work: UnitOfWork, found: ApiKey, lifetimes: Lifetimes) -> Session | None:
        """None when the session was ended."""
        locked = await work.of(User, EVERYTHING).lock_all(id=found.user_id)
        user = await work.of(User, EVERYTHING).get(id=found.user_id) if locked else None
        keys = work.of(ApiKey, of_user(found.user_id))
        key = await keys.get(id=found.id)
        if user is None or key is None or key.kind not in (KeyKind.REFRESH, KeyKind.SPENT):
            raise _no_refresh_key()
        if key.expires_at is None or key.expires_at <= self._clock.now():
            raise _no_refresh_key()
        if not user.is_active:
            raise _inactive()
        if key.kind is KeyKind.SPENT:
            await keys.remove(name=key.name, kind=SIGNED_IN)
            work.emit(Event(EventName.KEY_REVOKED, key.id, (f"user:{user.id}",), actor_id=user.id))
            return None
        await keys.change(key.id, kind=KeyKind.SPENT)
        return await self._add_pair(work, user.id, key.name, lifetimes)

    async def _add_pair(self, work: UnitOfWork, user_id: str, name: str, lifetimes: Lifetimes) -> Session:
        """Two keys of one name, which is the session's; the account's keys that have expired go."""
        now = self._clock.now()
        access, access_secret = new_key(user_id, name, KeyKind.SESSION, now, lasts=lifetimes.access)
        refresh, refresh_secret = new_key(user_id, name, KeyKind.REFRESH, now, lasts=lifetimes.refresh)
        keys = work.of(ApiKey, of_user(user_id))
        await keys.remove(kind=SIGNED_IN, expires_at=Between(end=now))
        await keys.add(access, refresh)
        work.emit(Event(EventName.KEY_CREATED, access.id, (f"user:{user_id}",), actor_id=user_id))
        return Session(access_secret, refresh_secret)


async def require_unchanged(work: UnitOfWork, user: User) -> None:
    """NotAuthenticated when the account is not any more what it was when its password was checked. Nobody changes it
    until the transaction ends: a new password also ends what is made here."""
    users = work.of(User, EVERYTHING)
    present = await users.get(id=user.id) if await users.lock_all(id=user.id) else None
    if present is None or present.password_hash != user.password_hash:
        raise _wrong()
    if not present.is_active:
        raise _inactive()


def _wrong() -> NotAuthenticated:
    return NotAuthenticated("no account has this email and password")


def _inactive() -> NotAuthenticated:
    return NotAuthenticated("the account is not active yet: an administrator must confirm it")


def _no_refresh_key() -> NotAuthenticated:
    return NotAuthenticated("the refresh token is not known, or has expired: sign in again")
