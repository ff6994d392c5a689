"""What answers of sign-ins look like (contract brainstem 4)."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Token(BaseModel):
    """``access`` is the same as ``token``: later clients read it."""

    token: str
    access: str


class TokenPair(BaseModel):
    """``expires_in`` is in seconds, for ``access``."""

    access: str
    refresh: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int


class DeviceStarted(BaseModel):
    """``interval`` and ``expires_in`` are in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    interval: int
    expires_in: int
    session_id: str


class DevicePoll(BaseModel):
    """Has ``status``, with ``token`` for success, or ``error``."""

    status: Literal["authorization_pending", "success"] | None = None
    token: str | None = None
    error: Literal["access_denied", "expired_token", "already_used", "invalid_request"] | None = None
