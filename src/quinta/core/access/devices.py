"""Signing in a program on another device: it shows a code, a person approves it in a browser (RFC 8628; contract
brainstem 4.4; decision 0027)."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from quinta.core.access.attempts import RecentCounts
from quinta.core.access.authentication import digest, new_key
from quinta.core.access.sign_in import SignIn
from quinta.core.errors import NotFound, StateConflict, TooManyRequests
from quinta.core.events import Event, EventName
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.model import ApiKey, KeyKind, User
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

GRANT_LASTS = timedelta(minutes=15)
POLL_SECONDS = 5
TOKEN_LASTS = timedelta(days=365)
MOST_STARTED = 200
"""By one address within 15 minutes. A whole laboratory may be behind one; a grant that is asked for takes 1 kB."""
LONGEST_CLIENT_NAME = 100
_NO_NAME = "a program"
_SESSION = re.compile("[0-9a-f]{40}")
_LETTERS = "BCDFGHJKMNPQRSTVWXZ"
"""Without vowels, so that no words come out, and without L and Y, which are read as others."""


class GrantStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"


@dataclass(frozen=True, slots=True)
class DeviceGrant:
    """A program's wish to act for whoever approves it.

    ``digest`` is the SHA-256 of the device code in hexadecimal, ``user_code`` what a person compares (``WXZK-1234``),
    ``session`` what stands in the page's address. ``user_id`` is who approved it.
    """

    id: str
    digest: str
    user_code: str
    session: str
    client_name: str
    status: GrantStatus
    user_id: str | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StartedGrant:
    """``device_code`` is the program's secret, told once."""

    grant: DeviceGrant
    device_code: str


class PollStatus(StrEnum):
    PENDING = "authorization_pending"
    SUCCESS = "success"
    DENIED = "access_denied"
    EXPIRED = "expired_token"
    USED = "already_used"


@dataclass(frozen=True, slots=True)
class PollAnswer:
    """``token`` is set with SUCCESS, which is answered once."""

    status: PollStatus
    token: str | None = None


class Devices:
    """Use cases of programs that have no key yet, and of the people who approve them.

    A grant opens nothing: what it leads to is a key of the person's, which is made and told when the program asks after
    the approval (KEY_CREATED).
    """

    def __init__(self, store: Store, clock: Clock, sign_in: SignIn) -> None:
        self._store = store
        self._clock = clock
        self._sign_in = sign_in
        self._started = RecentCounts(clock, GRANT_LASTS.total_seconds())

    async def start(self, client_name: str, address: str) -> StartedGrant:
        """A new grant for the program that calls itself ``client_name``; of that, 100 printable characters are kept.

        TooManyRequests when ``address`` has started too many within 15 minutes.
        """
        left = self._started.seconds_left((address, ""), MOST_STARTED)
        if left is not None:
            raise TooManyRequests(f"too many sign-ins were started: try again in {left} seconds", wait_seconds=left)
        self._started.add((address, ""))
        now, device_code = self._clock.now(), secrets.token_hex(20)
        async with self._store.begin() as work:
            grant = DeviceGrant(
                id=new_id(),
                digest=digest(device_code),
                user_code=await _free_user_code(work),
                session=secrets.token_hex(20),
                client_name=printable_name(client_name),
                status=GrantStatus.PENDING,
                user_id=None,
                created_at=now,
                expires_at=now + GRANT_LASTS,
            )
            await work.of(DeviceGrant, EVERYTHING).add(grant)
        return StartedGrant(grant, device_code)

    async def poll(self, device_code: str) -> PollAnswer:
        """What has become of the program's grant. The token of an approved one is told once, to one of two who ask at
        the same moment. A code that nobody knows has expired: grants go a day after they have."""
        async with self._store.read() as work:
            grant = await work.of(DeviceGrant, EVERYTHING).get(digest=digest(device_code))
        if grant is None:
            return PollAnswer(PollStatus.EXPIRED)
        if self._answer(grant) is not None or grant.user_id is None:
            return PollAnswer(self._answer(grant) or PollStatus.PENDING)
        async with self._store.begin() as work:
            return await self._hand_out(work, grant.id)

    async def find(self, reference: str) -> DeviceGrant:
        """The grant that waits for a person, by what stands in the page's address or by the code as the person typed
        it; NotFound when there is none, or it has expired. One that was decided is StateConflict."""
        if _SESSION.fullmatch(reference):
            named = {"session": reference}
        else:
            typed = re.sub(r"[^A-Z0-9]", "", reference.upper())
            named = {"user_code": f"{typed[:4]}-{typed[4:]}"}
        async with self._store.read() as work:
            return self._waiting(await work.of(DeviceGrant, EVERYTHING).get(**named))

    async def decide(self, session: str, *, approve: bool, email: str, password: str, address: str) -> DeviceGrant:
        """Approves the grant, for whoever has that e-mail and password, or denies it. Raises what ``find`` does, and
        what a wrong password does anywhere (core.access.sign_in)."""
        grant = await self.find(session)
        user = await self._sign_in.check(email, password, address)
        async with self._store.begin() as work:
            grants = work.of(DeviceGrant, EVERYTHING)
            grant = self._waiting(await grants.lock(grant.id))
            status = GrantStatus.APPROVED if approve else GrantStatus.DENIED
            await grants.change(grant.id, status=status, user_id=user.id if approve else None)
        return grant

    async def _hand_out(self, work: UnitOfWork, grant_id: str) -> PollAnswer:
        grants = work.of(DeviceGrant, EVERYTHING)
        grant = await grants.lock(grant_id)
        ended = self._answer(grant)
        if ended is not None or grant.user_id is None:
            return PollAnswer(ended or PollStatus.PENDING)
        await grants.change(grant.id, status=GrantStatus.USED)
        user = await work.of(User, EVERYTHING).get(id=grant.user_id)
        if user is None or not user.is_active:  # closed since it approved
            return PollAnswer(PollStatus.DENIED)
        now = self._clock.now()
        key, secret = new_key(user.id, f"{grant.client_name} on {now:%Y-%m-%d}", KeyKind.API, now, lasts=TOKEN_LASTS)
        await work.of(ApiKey, of_user(user.id)).add(key)
        work.emit(Event(EventName.KEY_CREATED, key.id, (f"user:{user.id}",), actor_id=user.id))
        return PollAnswer(PollStatus.SUCCESS, secret)

    def _answer(self, grant: DeviceGrant) -> PollStatus | None:
        """What a poll is told; None for one that is approved and not handed out."""
        if grant.status is GrantStatus.USED:
            return PollStatus.USED
        if grant.expires_at <= self._clock.now():
            return PollStatus.EXPIRED
        if grant.status is GrantStatus.DENIED:
            return PollStatus.DENIED
        return None if grant.status is GrantStatus.APPROVED else PollStatus.PENDING

    def _waiting(self, grant: DeviceGrant | None) -> DeviceGrant:
        if grant is None or grant.expires_at <= self._clock.now():
            raise NotFound("no program waits for this code: it is mistyped, or older than 15 minutes")
        if grant.status is not GrantStatus.PENDING:
            done = "denied" if grant.status is GrantStatus.DENIED else "approved"
            raise StateConflict(f"this sign-in was {done} already: start the program again for another one")
        return grant


def printable_name(client_name: str) -> str:
    """The name as people are shown it: on one line of 100 characters at most, without what turns the direction of
    writing or shows nothing."""
    words = "".join(character if character.isprintable() else " " for character in client_name[:1_000]).split()
    return " ".join(words)[:LONGEST_CLIENT_NAME].strip() or _NO_NAME


async def _free_user_code(work: UnitOfWork) -> str:
    grants = work.of(DeviceGrant, EVERYTHING)
    while True:
        letters = "".join(secrets.choice(_LETTERS) for _ in range(4))
        code = f"{letters}-{secrets.randbelow(10_000):04}"
        if await grants.get(user_code=code) is None:
            return code
