"""Rotation of the keys that seal the secrets of webhooks (decision 0011)."""

from __future__ import annotations

from quinta.core.ports import Secrets, Store
from quinta.core.resealing import seal_rows_again, text_anew
from quinta.core.webhooks.model import Webhook


async def seal_webhooks_again(store: Store, secrets: Secrets) -> int:
    """Seals with the newest key what was sealed with another; returns how many secrets do not open."""
    return await seal_rows_again(store, Webhook, lambda hook: text_anew(secrets, "secret", hook.secret, hook.id))
