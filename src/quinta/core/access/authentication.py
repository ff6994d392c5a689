"""From a secret to an actor."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from quinta.core.access.key_uses import KeyUses
from quinta.core.access.model import Actor, KeyPermission
from quinta.core.errors import NotAuthenticated
from quinta.core.events import Event
from quinta.core.ports import Store
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import ApiKey, KeyKind, User
from quinta.kit.cache import TaggedCache
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

_OPENING = frozenset({KeyKind.API, KeyKind.SESSION})
_SHOWN_DIGITS = 8
"""Of the 40 that a secret has: 128 bits stay unknown."""


def digest(secret: str) -> str:
    """What is kept of a secret: keys are 160 random bits, so a plain SHA-256 cannot be guessed back."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_key(
    user_id: str,
    name: str,
    kind: KeyKind,
    now: datetime,
    *,
    lasts: timedelta | None = None,
    secret: str | None = None,
    begins_with: str = "",
    permissions: tuple[KeyPermission, ...] = (KeyPermission.ALL,),
) -> tuple[ApiKey, str]:
    """A key and its secret: 40 lower-case hexadecimal digits (contract ubiops 1.2) after ``begins_with``, or the
    ``secret`` given, of which no prefix is kept: it may be short."""
    prefix = None
    if secret is None:
        secret = begins_with + secrets.token_hex(20)
        prefix = secret[: len(begins_with) + _SHOWN_DIGITS]
    key = ApiKey(
        id=new_id(),
        user_id=user_id,
        name=name,
        kind=kind,
        digest=digest(secret),
        created_at=now,
        expires_at=None if lasts is None else now + lasts,
        permissions=permissions,
        prefix=prefix if kind is KeyKind.API else None,
    )
    return key, secret


class Authenticator:
    """Answers who a secret stands for, from memory where it can. ``uses`` hears of each time."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.uses = KeyUses(store)
        self._actors: TaggedCache[str, Actor] = TaggedCache()
        store.subscribe(self._forget)

    async def authenticate(self, secret: str) -> Actor:
        """The actor of ``secret``; NotAuthenticated when it is unknown, expired, or its user is not active."""
        key_digest = digest(secret)
        actor = self._actors.get(key_digest)
        if actor is None:
            actor = await self._actors.load(key_digest, lambda: self._load(key_digest))
        now = self._clock.now()
        if actor.expires_at is not None and actor.expires_at <= now:
            raise NotAuthenticated("the token has expired: sign in again")
        self.uses.note(actor.key_id, now)
        return actor

    async def _load(self, key_digest: str) -> tuple[Actor, Iterable[str]]:
        async with self._store.read() as work:
            key = await work.of(ApiKey, EVERYTHING).get(digest=key_digest)
            user = None if key is None else await work.of(User, EVERYTHING).get(id=key.user_id)
        if key is None or user is None or not user.is_active or key.kind not in _OPENING:
            raise NotAuthenticated("the token is not known")
        tags = [f"user:{user.id}", f"key:{key.id}"]
        if user.project_id is not None:  # a service user goes with its project
            tags.append(f"project:{user.project_id}")
        actor = Actor(
            user.id,
            user.email,
            user.is_staff,
            key.id,
            key.expires_at,
            project_id=user.project_id,
            permissions=frozenset(key.permissions),
        )
        return actor, tags

    def _forget(self, event: Event) -> None:
        self._actors.forget(event.tags)
