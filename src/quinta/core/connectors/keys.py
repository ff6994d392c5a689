"""Rotation of the keys that seal credentials (decision 0011)."""

from __future__ import annotations

from quinta.core.connectors.catalogue import KINDS
from quinta.core.connectors.configuration import opened, sealed
from quinta.core.connectors.model import Credentials
from quinta.core.errors import StateConflict
from quinta.core.ports import Secrets, Store
from quinta.core.resealing import Anew, seal_rows_again


async def seal_credentials_again(store: Store, secrets: Secrets) -> int:
    """Seals with the newest key what was sealed with another; returns how many credentials do not open."""
    return await seal_rows_again(store, Credentials, lambda item: _anew(item, secrets))


def _anew(item: Credentials, secrets: Secrets) -> Anew:
    rules = KINDS[item.type].credentials
    try:
        values = opened(rules, item.configuration, secrets, item.id)
    except StateConflict:
        return None
    protected = {rule.name for rule in rules if rule.protected}
    if all(secrets.is_current(each.value) for each in item.configuration if each.name in protected):
        return {}
    return {"configuration": sealed(rules, values, secrets, item.id)}
