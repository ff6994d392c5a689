"""What is kept sealed, sealed again after the keyring got a new key (decision 0011)."""

from __future__ import annotations

from quinta.core.access.lasting import seal_tokens_again
from quinta.core.access.sealed_calls import seal_server_key_again
from quinta.core.connectors.keys import seal_credentials_again
from quinta.core.datasets.metadata_keeper import seal_datasets_again
from quinta.core.models.environment import seal_again
from quinta.core.ports import Secrets, Store
from quinta.core.webhooks.keys import seal_webhooks_again

_ALL = (
    seal_again,
    seal_credentials_again,
    seal_datasets_again,
    seal_server_key_again,
    seal_tokens_again,
    seal_webhooks_again,
)


async def seal_all_again(store: Store, secrets: Secrets) -> int:
    """Seals everything with the newest key; answers how much does not open with any."""
    return sum([await seal(store, secrets) for seal in _ALL])
