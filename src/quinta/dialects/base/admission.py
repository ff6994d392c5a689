"""Letting a call in: who makes it is known, and its key is good for what it does (decision 0028)."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from quinta.core.access.key_permissions import require_key
from quinta.core.access.model import Actor, KeyPermission

_LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})


def admit(call: HTTPConnection, actor: Actor, needed: KeyPermission | None = None) -> Actor:
    """Remembers who makes the call, in case that it is refused; answers the actor.

    NotPermitted when its key is not good for ``needed``: by default READ for methods that only look, WRITE for all
    others. Every face lets calls in here, and nowhere else.
    """
    call.state.actor = actor
    require_key(actor, needed or needed_for(call.scope["method"]))
    return actor


def needed_for(method: str) -> KeyPermission:
    return KeyPermission.READ if method in _LOOKS else KeyPermission.WRITE
