"""The threshold of keys that nobody knew beforehand: a group that is there because of one unit is told with
probability delta at most (Korolova et al. 2009; Wilson et al. 2020, 3.4).

With noise X, a group is told if count + X >= tau: X is a discrete Laplace number, or where counts are told jointly
with a sum (``wants.Joint``) a sum of two or three, in parts of a row. What one unit alone may bring about: up to m
groups with a count of 1 each where units are counted, or any partition of its m rows over groups where rows are. The
sum of the chances of these groups is held below delta; it bounds the chance that any of them is told.

Metadata's ``use_dpsu`` asks that rare values of keys stay private: this threshold does that for every query, so there
is nothing to switch on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from quinta.privacy.queries.accuracy import tail, tail_of_sum

MOST_DELTA: Final = 0.1
"""Above it "worst" would need another argument than the one below, and the promise would be worth nothing; a larger
one that is declared is not used up."""


def derived_tau(scale: float, delta: float, most_rows: int, *, counts_units: bool, draws: int = 1) -> int:
    """The least tau that keeps delta for noise of ``scale`` on counts of units, or of up to ``most_rows`` rows each.
    With more than one of ``draws`` the noise is their sum, each of ``scale`` in rows and on a grid of halves or finer.

    ValueError: delta is not above 0 and at most MOST_DELTA.
    """
    if not 0 < delta <= MOST_DELTA:
        raise ValueError(f"delta {delta} is not above 0 and at most {MOST_DELTA}")

    def reaches(least: int) -> float:
        # In halves of a row, the widest steps there are; in narrower ones the bound is smaller.
        return tail(scale, least) if draws == 1 else tail_of_sum(2 * scale, 2 * least, draws)

    def chance(tau: int) -> float:
        if counts_units:
            return most_rows * reaches(tau - 1)
        return max(_chance_of_rows(reaches, tau, most_rows, groups) for groups in _numbers_of_groups(most_rows))

    low, high = 1, 2
    while chance(high) > delta:
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        if chance(middle) <= delta:
            high = middle
        else:
            low = middle + 1
    return low


def _numbers_of_groups(most_rows: int) -> tuple[int, ...]:
    # For j groups the worst partition is m - j + 1 rows in one and 1 in each other: above the median the tail is
    # convex, as its density falls. In j that is a convex and a linear part, convex again: the worst j is an end.
    return (1, most_rows)


def _chance_of_rows(reaches: Callable[[int], float], tau: int, rows: int, groups: int) -> float:
    return reaches(tau - (rows - groups + 1)) + (groups - 1) * reaches(tau - 1)


def largest_tau(derived: int | None, asked: float, limits: tuple[int, ...]) -> float | None:
    """The one that counts: of delta, of request and metadata, of limits on units. None: no group is left out."""
    candidates = [float(value) for value in limits if value > 0]
    if derived is not None:
        candidates.append(float(derived))
    if asked > 0 and math.isfinite(asked):
        candidates.append(asked)
    return max(candidates, default=None)
