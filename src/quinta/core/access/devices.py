"""Signing in a program on another device: it shows a code, a person approves it in a browser (RFC 8628; contract
brainstem 4.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class GrantStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"


@dataclass(frozen=True, slots=True)
class DeviceGrant:
    """A program's wish to act for whoever approves it.

    ``digest`` is the SHA-256 of the device code in hexadecimal, ``user_code`` what a person compares (``WXYZ-1234``),
    ``session`` what stands in the page's address. ``user_id`` is who approved it.
    """

    id: str
    digest: str
    user_code: str
    session: str
    client_name: str
    status: GrantStatus
    user_id: str | None
    created_at: datetime
    expires_at: datetime
