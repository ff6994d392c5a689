"""Rotation of the keys that seal the secrets of webhooks (decision 0011)."""

from __future__ import annotations

from contextlib import suppress

from quinta.core.errors import NotFound
from quinta.core.ports import Secrets, Store
from quinta.core.scope import EVERYTHING
from quinta.core.webhooks.model import Webhook


async def seal_webhooks_again(store: Store, secrets: Secrets) -> int:
    """Seals with the newest key what was sealed with another; returns how many secrets do not open."""
    async with store.read() as work:
        webhooks = await work.of(Webhook, EVERYTHING).find()
    lost = 0
    for webhook in webhooks:
        secret = secrets.open(webhook.secret, webhook.id)
        if secret is None:
            lost += 1
        elif not secrets.is_current(webhook.secret):
            with suppress(NotFound):  # deleted meanwhile, through another server
                async with store.begin() as work:
                    await work.of(Webhook, EVERYTHING).change(webhook.id, secret=secrets.seal(secret, webhook.id))
    return lost
