"""Identifiers that sort by the time they were made."""

from __future__ import annotations

import base64
import itertools
import os
import time
import uuid
from datetime import UTC, datetime, timedelta

# The two highest bits of the digit are the variant of RFC 9562, 10 in binary; the other two are random.
_VARIANTS = {f"{value:x}": f"{8 | value & 3:x}" for value in range(16)}
_SHORT_CHARACTERS = 26
"""Of 5 bits each, for the 128 of a UUID."""


def new_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7) as 36 characters: 48 bits of Unix milliseconds, then 74 random bits."""
    moment = f"{time.time_ns() // 1_000_000:012x}"
    chance = os.urandom(10).hex()
    variant = _VARIANTS[chance[3]]
    return f"{moment[:8]}-{moment[8:]}-7{chance[:3]}-{variant}{chance[4:7]}-{chance[7:19]}"


def first_id(moment: datetime) -> str:
    """What every id that ``new_id`` gave at ``moment`` or later is not less than, and every earlier one is."""
    milliseconds = f"{(moment - _EPOCH) // timedelta(milliseconds=1):012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}"


def short_id(item_id: str) -> str:
    """The 128 bits of an id as 26 characters ``a`` to ``z`` and ``2`` to ``7`` (RFC 4648 base32, lower case, no
    padding): how ids look on the wire of VersionTwo, after their prefix."""
    return base64.b32encode(uuid.UUID(item_id).bytes).decode("ascii").rstrip("=").lower()


def parse_short_id(text: str) -> str | None:
    """The id that ``short_id`` made ``text`` of, or None when it is not from there."""
    if len(text) != _SHORT_CHARACTERS or not text.isascii():
        return None
    try:
        found = str(uuid.UUID(bytes=base64.b32decode(text.upper() + "======")))
    except ValueError:
        return None
    return found if short_id(found) == text else None


def parse_id(text: str) -> str | None:
    """``text`` in the canonical form of a UUID (lower case, dashes), or None when it is not a UUID."""
    try:
        return str(uuid.UUID(text))
    except (ValueError, AttributeError, TypeError):
        return None


_log_counter = itertools.count()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_log_id(moment: datetime) -> str:
    """24 hexadecimal characters that sort by ``moment``, then by the order of calls in this process.

    Layout: 14 digits of microseconds since 1970, 5 of a counter that wraps, 5 random ones that keep processes apart.
    """
    tail = int.from_bytes(os.urandom(3), "big") >> 4
    return f"{first_log_id(moment)}{next(_log_counter) & 0xFFFFF:05x}{tail:05x}"


def first_log_id(moment: datetime) -> str:
    """What every log id of ``moment`` or later is not less than, and every earlier one is."""
    return f"{(moment - _EPOCH) // timedelta(microseconds=1):014x}"
