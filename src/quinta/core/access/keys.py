"""The keys that people make for their programs (contract versiontwo 5.7, decision 0028)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from quinta.core.access.authentication import new_key
from quinta.core.access.decide import require_person
from quinta.core.access.key_permissions import allows, check_permissions, require_key
from quinta.core.access.key_uses import KeyUses
from quinta.core.access.model import Actor, KeyPermission
from quinta.core.errors import InvalidInput, NotAuthenticated, NotFound, NotPermitted, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.ports import Between, Store, UnitOfWork
from quinta.core.scope import EVERYTHING, of_user
from quinta.core.tenancy.model import ApiKey, KeyKind, User
from quinta.kit.clock import Clock

SECRETS_BEGIN_WITH = "v2_"
LONGEST_NAME = 100


class Keys:
    """Use cases about one's own keys; nobody sees those of others. What a sign-in gives is no key in this sense. A
    service user has one that its project's people replace: NotPermitted."""

    def __init__(self, store: Store, clock: Clock, uses: KeyUses) -> None:
        self._store = store
        self._clock = clock
        self._uses = uses

    async def list(self, actor: Actor, *, limit: int | None = None, before: str | None = None) -> Sequence[ApiKey]:
        """Newest first, at most ``limit``; with ``before``, those made before the key with that id."""
        require_person(actor)
        require_key(actor, KeyPermission.READ)
        page: dict[str, Any] = {} if before is None else {"id": Between(end=before)}
        async with self._store.read() as work:
            keys = work.of(ApiKey, of_user(actor.user_id))
            found = await keys.find(kind=KeyKind.API, **page, order=("-id",), limit=limit)
        return [replace(key, last_used_at=self._uses.last_use(key)) for key in found]

    async def create(self, actor: Actor, name: str, permissions: Collection[str]) -> tuple[ApiKey, str]:
        """A key, and its secret, which is told only now: ``v2_`` and 40 lower-case hexadecimal digits.

        InvalidInput: a name that is not 1 to 100 characters without the spaces around it, or permissions that are not
        (core.access.key_permissions). NotPermitted: more of them than the key that asks has.
        """
        require_person(actor)
        require_key(actor, KeyPermission.WRITE)
        name = _checked_name(name)
        wanted = check_permissions(permissions)
        for permission in wanted:
            if not allows(actor.permissions, permission):
                raise NotPermitted(f"this key lacks the permission '{permission}', so it cannot give it to another")
        now = self._clock.now()
        key, secret = new_key(actor.user_id, name, KeyKind.API, now, permissions=wanted, begins_with=SECRETS_BEGIN_WITH)
        async with self._store.begin() as work:
            await self._require_present(work, actor, now)
            await work.of(ApiKey, of_user(actor.user_id)).add(key)
            work.emit(_event(EventName.KEY_CREATED, key, actor))
        return key, secret

    async def delete(self, actor: Actor, key_id: str) -> None:
        """Ends a key at once; any key may end itself.

        NotFound when the caller has none with the id. StateConflict (field ``api_key``) for the account's last key that
        may do everything and has no end, whichever key asks: nothing over these interfaces could make another.
        """
        require_person(actor)
        if key_id != actor.key_id:
            require_key(actor, KeyPermission.WRITE)
        async with self._store.begin() as work:
            await self._require_present(work, actor, self._clock.now())
            keys = work.of(ApiKey, of_user(actor.user_id))
            key = await keys.get(id=key_id, kind=KeyKind.API)
            if key is None:
                raise NotFound("there is no key with this id")
            if _opens_all(key):
                lasting = await keys.find(kind=KeyKind.API, expires_at=None)
                if not any(_opens_all(other) for other in lasting if other.id != key.id):
                    raise StateConflict(
                        "this is the account's last key with the permission '*': make another one before deleting it",
                        field="api_key",
                    )
            await keys.remove(id=key.id)
            work.emit(_event(EventName.KEY_DELETED, key, actor))

    async def _require_present(self, work: UnitOfWork, actor: Actor, now: datetime) -> None:
        """Holds the account until the transaction ends, so that two calls do not delete the last two keys, and none is
        made with a key that is being deleted: NotAuthenticated."""
        await work.of(User, EVERYTHING).lock(actor.user_id)
        key = await work.of(ApiKey, of_user(actor.user_id)).get(id=actor.key_id)
        if key is None or (key.expires_at is not None and key.expires_at <= now):
            raise NotAuthenticated("the token is not known")


def _opens_all(key: ApiKey) -> bool:
    """Whether everything can be done with the key as long as nobody deletes it."""
    return KeyPermission.ALL in key.permissions and key.expires_at is None


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise InvalidInput("a key needs a name", field="name")
    if len(name) > LONGEST_NAME:
        raise InvalidInput(f"a key's name may have at most {LONGEST_NAME} characters", field="name")
    return name


def _event(name: EventName, key: ApiKey, actor: Actor) -> Event:
    return Event(name, key.id, (f"user:{key.user_id}", f"key:{key.id}"), actor_id=actor.user_id)
