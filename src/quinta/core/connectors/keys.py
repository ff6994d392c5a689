"""Rotation of the keys that seal credentials (decision 0011)."""

from __future__ import annotations

from contextlib import suppress

from quinta.core.connectors.catalogue import KINDS
from quinta.core.connectors.configuration import opened, sealed
from quinta.core.connectors.model import Credentials
from quinta.core.errors import NotFound, StateConflict
from quinta.core.ports import Secrets, Store
from quinta.core.scope import EVERYTHING


async def seal_credentials_again(store: Store, secrets: Secrets) -> int:
    """Seals with the newest key what was sealed with another; returns how many credentials do not open."""
    async with store.read() as work:
        items = await work.of(Credentials, EVERYTHING).find()
    lost = 0
    for item in items:
        if not _is_current(item, secrets):
            with suppress(NotFound):  # deleted meanwhile, through another server
                await _seal_again(store, secrets, item.id)
        lost += not _opens(item, secrets)
    return lost


def _is_current(item: Credentials, secrets: Secrets) -> bool:
    protected = {rule.name for rule in KINDS[item.type].credentials if rule.protected}
    return all(secrets.is_current(each.value) for each in item.configuration if each.name in protected)


def _opens(item: Credentials, secrets: Secrets) -> bool:
    try:
        opened(KINDS[item.type].credentials, item.configuration, secrets, item.id)
    except StateConflict:
        return False
    return True


async def _seal_again(store: Store, secrets: Secrets, item_id: str) -> None:
    async with store.begin() as work:
        items = work.of(Credentials, EVERYTHING)
        item = await items.lock(item_id)
        if _opens(item, secrets):
            rules = KINDS[item.type].credentials
            values = opened(rules, item.configuration, secrets, item.id)
            await items.change(item_id, configuration=sealed(rules, values, secrets, item.id))
