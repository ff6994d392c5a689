"""How much a mechanism is seen to lose: a lower bound of its epsilon from what comes out of it.

A distinguisher is told outcomes with and without one person. On the first half of them it picks the line that tells
best; on the second half it is judged. The bound is Chernoff's on each of two shares, so that it is above the true
epsilon with probability ``FALSE_ALARM`` at most, whatever the mechanism is (Jagielski, Ullman, Oprea, "Auditing
Differentially Private Machine Learning", 2020, with their confidence made ours).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

FALSE_ALARM = 1e-9
"""Of one judgement, 1e-8 for all of a suite's: a run a second for three years."""
_LINES = np.linspace(0.005, 0.995, 199)


def seen_epsilon(with_one: Any, without: Any, delta: float) -> float:
    """The most epsilon that the outcomes show at ``delta``: numbers that grow with the person's part."""
    half = len(with_one) // 2
    line, above, swapped = _best_line(with_one[:half], without[:half], delta)
    first, second = (without, with_one) if swapped else (with_one, without)
    count = len(with_one) - half
    often = _share(first[half:], line, above)
    seldom = _share(second[half:], line, above)
    low, high = _bound(often, count, downwards=True), _bound(seldom, count, downwards=False)
    return math.log((low - delta) / high) if low > delta else 0.0


def _best_line(with_one: Any, without: Any, delta: float) -> tuple[float, bool, bool]:
    """Where, on which side, and whether the person makes it seldom."""
    found: list[tuple[float, float, bool, bool]] = []
    for line in np.quantile(np.concatenate([with_one, without]), _LINES):
        for above in (True, False):
            for swapped in (True, False):
                first, second = (without, with_one) if swapped else (with_one, without)
                low = _bound(_share(first, line, above), len(first), downwards=True) - delta
                high = _bound(_share(second, line, above), len(second), downwards=False)
                found.append((low / high, float(line), above, swapped))
    return max(found)[1:]


def _share(outcomes: Any, line: float, above: bool) -> float:
    return float((outcomes > line).mean() if above else (outcomes <= line).mean())


def _bound(share: float, count: int, *, downwards: bool) -> float:
    """What a true share is not below, or above, but with half of ``FALSE_ALARM``: where the relative entropy to what
    was seen is log(2 / FALSE_ALARM) / count."""
    least = math.log(2 / FALSE_ALARM) / count
    inner, outer = share, 0.0 if downwards else 1.0
    for _ in range(50):
        middle = (inner + outer) / 2
        inner, outer = (middle, outer) if _entropy(share, middle) < least else (inner, middle)
    return outer


def _entropy(seen: float, true: float) -> float:
    parts: list[Callable[[], float]] = [
        lambda: seen * math.log(seen / true) if seen else 0.0,
        lambda: (1 - seen) * math.log((1 - seen) / (1 - true)) if seen < 1 else 0.0,
    ]
    return math.inf if true in (0.0, 1.0) else sum(part() for part in parts)
