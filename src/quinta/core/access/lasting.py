"""The one token of an account that a sign-in answers again each time (contract brainstem 4.1).

Clients of this kind ask for a token at every start and expect the one they had. Keys are kept as digests, so this one
is kept sealed as well (decision 0011). It is a session's key: a new password ends it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from quinta.core.access.authentication import new_key
from quinta.core.events import Event, EventName
from quinta.core.ports import Secrets, Store, UnitOfWork
from quinta.core.resealing import Anew, seal_rows_again, text_anew
from quinta.core.scope import of_user
from quinta.core.tenancy.model import ApiKey, KeyKind

_NAME = "brainstem"


async def find_lasting_token(work: UnitOfWork, user_id: str, secrets: Secrets) -> str | None:
    """The account's token; None when it has none, or the keyring that sealed it is gone."""
    key = await _key(work, user_id)
    return None if key is None else _opened(key, secrets)


async def replace_lasting_token(work: UnitOfWork, user_id: str, secrets: Secrets, now: datetime) -> str:
    """A new token in place of the one that the account had, if any."""
    former = await _key(work, user_id)
    keys = work.of(ApiKey, of_user(user_id))
    if former is not None:
        await keys.remove(id=former.id)
        work.emit(Event(EventName.KEY_REVOKED, former.id, (f"user:{user_id}",), actor_id=user_id))
    key, secret = new_key(user_id, _NAME, KeyKind.SESSION, now)
    await keys.add(replace(key, sealed=secrets.seal(secret, key.id)))
    work.emit(Event(EventName.KEY_CREATED, key.id, (f"user:{user_id}",), actor_id=user_id))
    return secret


async def seal_tokens_again(store: Store, secrets: Secrets) -> int:
    """Seals with the newest key what was sealed with another; returns how many tokens do not open."""

    def anew(key: ApiKey) -> Anew:
        return {} if key.sealed is None else text_anew(secrets, "sealed", key.sealed, key.id)

    return await seal_rows_again(store, ApiKey, anew, name=_NAME, kind=KeyKind.SESSION)


async def _key(work: UnitOfWork, user_id: str) -> ApiKey | None:
    return await work.of(ApiKey, of_user(user_id)).get(name=_NAME, kind=KeyKind.SESSION)


def _opened(key: ApiKey, secrets: Secrets) -> str | None:
    return None if key.sealed is None else secrets.open(key.sealed, key.id)
