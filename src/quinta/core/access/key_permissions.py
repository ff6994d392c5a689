"""What a key may be used for, whatever its user may do (contract versiontwo 5.7, decision 0028)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from quinta.core.access.model import Actor, KeyPermission
from quinta.core.errors import InvalidInput, NotPermitted

_GIVEN_BY: Mapping[KeyPermission, frozenset[KeyPermission]] = MappingProxyType(
    {
        KeyPermission.READ: frozenset(KeyPermission),
        KeyPermission.DEPLOY: frozenset({KeyPermission.DEPLOY, KeyPermission.WRITE, KeyPermission.ALL}),
        KeyPermission.WRITE: frozenset({KeyPermission.WRITE, KeyPermission.ALL}),
        KeyPermission.ALL: frozenset({KeyPermission.ALL}),
    }
)
"""By what is needed, which permissions of a key will do: write is good for deployments too, and all imply read."""


def allows(permissions: Collection[KeyPermission], needed: KeyPermission) -> bool:
    return not _GIVEN_BY[needed].isdisjoint(permissions)


def require_key(actor: Actor, needed: KeyPermission) -> None:
    """NotPermitted when the key that the call came with is not good for this."""
    if _GIVEN_BY[needed].isdisjoint(actor.permissions):
        raise NotPermitted(f"this key lacks the permission '{needed}'")


def check_permissions(permissions: Iterable[str]) -> tuple[KeyPermission, ...]:
    """The permissions of a new key, each once and in the order of KeyPermission. InvalidInput (field ``permissions``)
    for none, and for one that is not known."""
    known = set(KeyPermission)
    given = set(permissions)
    if unknown := sorted(given - known):
        words = ", ".join(KeyPermission)
        raise InvalidInput(f"there is no permission '{unknown[0][:80]}': there are {words}", field="permissions")
    if not given:
        raise InvalidInput("a key needs at least one permission", field="permissions")
    return tuple(permission for permission in KeyPermission if permission in given)
