"""How far noise may lie: tails of the discrete Laplace distribution, and half widths of intervals of 95 %."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

MISS: Final = 0.05
"""The chance that the exact number lies outside: ``QueryAnswer.accuracy`` is about intervals of 95 %."""


def tail(scale: float, least: int) -> float:
    """P(X >= least) for X of the discrete Laplace distribution: a^least / (1 + a) with a = e^(-1/scale)."""
    ratio = math.exp(-1 / scale)
    if least >= 1:
        return math.exp(-least / scale) / (1 + ratio)
    return 1 - math.exp(-(1 - least) / scale) / (1 + ratio)


@lru_cache(maxsize=1024)
def half_width(scale: float, miss: float = MISS) -> int:
    """The least w with P(|X| > w) <= ``miss``."""
    ratio = math.exp(-1 / scale)
    # P(|X| > w) = 2 a^(w+1) / (1 + a)
    width = max(0, math.ceil(scale * math.log(2 / (miss * (1 + ratio)))) - 1)
    while width > 0 and 2 * tail(scale, width) <= miss:
        width -= 1
    while 2 * tail(scale, width + 1) > miss:
        width += 1
    return width


def ratio_ends(top: tuple[float, float], bottom: tuple[float, float]) -> tuple[float, float]:
    """The least and the largest quotient of a number of the one interval by one of the other; bottom > 0."""
    low, high = top
    return low / (bottom[1] if low > 0 else bottom[0]), high / (bottom[0] if high > 0 else bottom[1])


def square_ends(ends: tuple[float, float]) -> tuple[float, float]:
    """The least and the largest square of a number of the interval."""
    low, high = ends
    least = 0.0 if low <= 0 <= high else min(low * low, high * high)
    return least, max(low * low, high * high)
