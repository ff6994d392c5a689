"""How far noise may lie: tails of the discrete Laplace distribution, and half widths of intervals of 95 %.

A discrete Laplace number is the difference of two geometric ones, and these are exponential ones rounded down: it is
less than a Laplace number of the same scale and 1. So sums of n of them have tails below those of n Laplace numbers,
moved by n.
"""

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


def tail_of_sum(scale: float, least: float, draws: int) -> float:
    """No less than P(X >= least) for the sum X of so many discrete Laplace numbers, 2 or 3: the tail of as many Laplace
    numbers, a polynomial in least / scale by an exponential, at ``least - draws``."""
    at = (least - draws) / scale
    if at < 0:
        return 1.0
    polynomial = (2 + at) / 4 if draws == 2 else (8 + 5 * at + at * at) / 16
    return polynomial * math.exp(-at)


@lru_cache(maxsize=1024)
def half_width_of_sum(scale: float, draws: int, miss: float = MISS) -> float:
    """A w with P(|X| > w) <= ``miss`` for the sum of so many discrete Laplace numbers."""
    low, high = 0.0, draws + 100 * scale
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if 2 * tail_of_sum(scale, middle, draws) <= miss else (middle, high)
    return high


@lru_cache(maxsize=1024)
def half_width_of_two(first: float, second: float, miss: float = MISS) -> float:
    """A w with P(|X + Y| > w) <= ``miss`` for Laplace numbers of these two scales, not both 0."""
    small, large = sorted((abs(first), abs(second)))
    large = max(large, small * 1.001)  # of two that are the same the formula would be 0 / 0
    low, high = 0.0, 200 * large
    for _ in range(60):
        middle = (low + high) / 2
        tails = [(large, 1.0), (small, -1.0)] if small else [(large, 1.0)]
        chance = sum(sign * scale**2 * math.exp(-middle / scale) for scale, sign in tails) / (large**2 - small**2)
        low, high = (low, middle) if chance <= miss else (middle, high)
    return high


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
