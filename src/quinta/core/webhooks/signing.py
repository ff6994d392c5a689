"""How receivers tell that a call comes from here: an HMAC over the body with the webhook's secret."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_secret() -> str:
    """A secret with 160 random bits: ``whsec_`` and 40 hexadecimal digits."""
    return f"whsec_{secrets.token_hex(20)}"


def signature(secret: str, body: bytes) -> str:
    """The value of X-VersionTwo-Signature: ``sha256=`` and the HMAC-SHA256 of the raw body, in hexadecimal digits
    (contract versiontwo 5.8)."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
