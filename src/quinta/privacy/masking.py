"""The attribute ``mask`` of a column: a regular expression whose groups are masked away (contract dq0 5.5)."""

from __future__ import annotations

import re
from typing import Final

MASKED: Final = "***"
"""In place of whatever a group matched, so that its length tells nothing."""


def mask_fault(pattern: str) -> str | None:
    """What is wrong with a mask; None when it can be used."""
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return "is no regular expression"
    if not compiled.groups:
        return "must have a group: what stands in ( ) is masked away"
    return None


def masked(pattern: str, value: str) -> str:
    """``value`` without what the groups of the pattern match in it; what matches nowhere stays as it is.

    A pattern may take for ever: call this where that holds up nobody else (``core.ports.Apart``).
    """
    parts, end = [], 0
    for match in re.finditer(pattern, value):
        spans = sorted(match.span(number) for number in range(1, match.re.groups + 1) if match.start(number) >= 0)
        for start, stop in spans:
            if start >= end and stop > start:
                parts += [value[end:start], MASKED]
            end = max(end, stop)
    return "".join([*parts, value[end:]])
