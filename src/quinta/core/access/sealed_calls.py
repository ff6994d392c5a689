"""Sealed calls, on the server's side: the key that they are sealed to, that each is taken once, and that whoever signed
one may speak for its user (contract dq0 2.2, 2.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from quinta.core.access.device_keys import DeviceKey, SealedCall, ServerKey
from quinta.core.access.model import Actor
from quinta.core.errors import AlreadyExists, NotAuthenticated, Unavailable
from quinta.core.ports import Secrets, Store
from quinta.core.resealing import seal_rows_again, text_anew
from quinta.core.scope import EVERYTHING, of_user
from quinta.kit.clock import Clock

_ID: Final = "quarantine"
"""Of the one row with the server's key: all servers on a database have the same."""


class SealedCalls:
    """Use cases of the door that sealed calls come in by."""

    def __init__(self, store: Store, clock: Clock, secrets: Secrets) -> None:
        self._store = store
        self._clock = clock
        self._secrets = secrets

    async def server_key(self, make: Callable[[], str]) -> str:
        """The private key as text, the same each time; the first time it is what ``make`` returns.

        Unavailable when the keyring that sealed it is not there: a new key would be a stranger to every gateway.
        """
        async with self._store.read() as work:
            kept = await work.of(ServerKey, EVERYTHING).get(id=_ID)
        if kept is None:
            new = ServerKey(_ID, self._secrets.seal(make(), _ID), self._clock.now())
            try:
                async with self._store.begin() as work:
                    await work.of(ServerKey, EVERYTHING).add(new)
                kept = new
            except AlreadyExists:  # another server was quicker
                async with self._store.read() as work:
                    kept = await work.of(ServerKey, EVERYTHING).get(id=_ID)
        text = None if kept is None else self._secrets.open(kept.sealed, _ID)
        if text is None:
            raise Unavailable("the server's key for sealed calls does not open: its operator must put the keyring back")
        return text

    async def take(self, nonce: str) -> None:
        """Remembers a call by its nonce; NotAuthenticated when it came before."""
        try:
            async with self._store.begin() as work:
                await work.of(SealedCall, EVERYTHING).add(SealedCall(nonce, self._clock.now()))
        except AlreadyExists:
            raise NotAuthenticated("this sealed call came before: each is taken once") from None

    async def is_known(self, public_key: str) -> bool:
        """Whether the key is of a device of some account, and was not revoked."""
        async with self._store.read() as work:
            return await work.of(DeviceKey, EVERYTHING).count(public_key=public_key, revoked_at=None) > 0

    async def require_device(self, actor: Actor, public_key: str, user: str) -> None:
        """NotAuthenticated unless the key that signed is of one of the actor's devices, and ``user``, an e-mail, is the
        actor's where it is said at all."""
        async with self._store.read() as work:
            keys = work.of(DeviceKey, of_user(actor.user_id))
            known = await keys.count(public_key=public_key, revoked_at=None)
        if not known:
            raise NotAuthenticated("this device is not, or not any more, one of the account's: log in again")
        if user and user.strip().lower() != actor.email:
            raise NotAuthenticated("the session is of another account than the gateway says: log in again")


async def seal_server_key_again(store: Store, secrets: Secrets) -> int:
    """Seals the key with the newest of the keyring's; answers 1 where it does not open, else 0."""
    return await seal_rows_again(store, ServerKey, lambda key: text_anew(secrets, "sealed", key.sealed, _ID))
