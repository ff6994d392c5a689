"""Keys of computers from which people reach the quarantine (contract dq0 2.2): frozen types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """The public key, Ed25519 in base64, with which a person's gateway on one device signs its calls. It says nothing
    before the person's account is active, and nothing any more once it is revoked."""

    id: str
    user_id: str
    device: str
    public_key: str
    created_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SealedCall:
    """That a sealed call was taken: ``id`` is its nonce. It is kept as long as its time would be accepted, so that the
    same call is refused when it comes again, whichever server it reaches."""

    id: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class ServerKey:
    """The private key that calls are sealed to and answers are signed with, ``sealed`` (core.ports.Secrets). There is
    one for all servers on a database: gateways know the server by it."""

    id: str
    sealed: str
    created_at: datetime
