"""Large answers in pieces: 250 requests with 16 MiB of data and result each are 8 GB, which nobody should hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MOST_BYTES = 4 << 20


def in_pieces(ids: Sequence[str], sizes: Mapping[str, int]) -> list[list[str]]:
    """The ids in their order, cut so that those of a piece have at most ``MOST_BYTES`` together, or are one."""
    pieces: list[list[str]] = []
    room = 0
    for key in ids:
        if not pieces or sizes[key] > room:
            pieces.append([])
            room = MOST_BYTES
        pieces[-1].append(key)
        room -= sizes[key]
    return pieces
