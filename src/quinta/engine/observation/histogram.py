"""Durations counted in buckets: what a request costs on its way is one search among 16 numbers and one sum."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds in seconds, the bound itself included; one more bucket holds what is longer. From a warm model that does
next to nothing (0.3 ms) to the longest time limit that callers use by default (300 s)."""


class Histogram:
    """How many durations fell into each bucket, and their sum in seconds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Counts one duration."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def add(self, other: Histogram) -> None:
        """Counts everything that ``other`` has counted."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.seconds += other.seconds

    @property
    def count(self) -> int:
        """How many durations were counted."""
        return sum(self.counts)

    def cumulative(self) -> Iterator[tuple[str, float]]:
        """Prometheus' buckets: (bound as text, how many were at most that long), ``+Inf`` last."""
        return zip((*(f"{bound:g}" for bound in BOUNDS), "+Inf"), map(float, accumulate(self.counts)), strict=True)


def quantile(counts: Sequence[int], share: float) -> float | None:
    """The duration in seconds that ``share`` (0 to 1) of those counted do not exceed, straight between the bounds of
    its bucket; None when nothing was counted. What lies above the last bound is answered with that bound."""
    wanted = share * sum(counts)
    if not wanted:
        return None
    below = 0
    for index, count in enumerate(counts[: len(BOUNDS)]):
        if count and below + count >= wanted:
            lower = BOUNDS[index - 1] if index else 0.0
            return lower + (BOUNDS[index] - lower) * (wanted - below) / count
        below += count
    return BOUNDS[-1]
