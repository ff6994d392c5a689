"""A tighter bound of what several queries cost together, by privacy loss distributions (Sommer et al. 2019; contract
dq0 5.4). It is shown beside the sum, which is what is charged."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from dp_accounting.pld.common import DifferentialPrivacyParameters
from dp_accounting.pld.privacy_loss_distribution import PrivacyLossDistribution, from_privacy_parameters

from quinta.core.datasets.model import NANO

MOST_LOSS: Final = 50.0
"""A single epsilon above it is no longer composed: the sum is as good, and distributions would get large."""
MOST_STEPS: Final = 2**17
"""Of all charges' epsilon together: so many steps a distribution may have."""
FEW: Final = 64
"""Different charges are rounded up to this many different ones at most."""


def tighter_epsilon(charges: Iterable[tuple[int, float]], delta: float) -> int:
    """An epsilon, in 1e-9, so that all ``charges`` of (epsilon in 1e-9, delta) together are (it, ``delta``)-private.

    Never above their sum, which holds where their own deltas sum up to no more than ``delta``; where they sum up to
    more, there is no such bound, and it is their sum too.
    """
    kept = [(epsilon, own) for epsilon, own in charges if epsilon > 0 or own > 0]
    total = sum(epsilon for epsilon, _ in kept)
    left = delta - math.fsum(own for _, own in kept)
    if len(kept) < 2 or left <= 0 or any(epsilon > MOST_LOSS * NANO for epsilon, _ in kept):
        return total
    step = max(1e-6, total / NANO / MOST_STEPS)
    groups = _rounded_up([epsilon for epsilon, _ in kept if epsilon > 0])
    composed: PrivacyLossDistribution | None = None
    for epsilon, times in groups.items():
        parameters = DifferentialPrivacyParameters(epsilon / NANO, 0.0)
        one = from_privacy_parameters(parameters, value_discretization_interval=step)
        several = one.self_compose(times)
        composed = several if composed is None else composed.compose(several)
    if composed is None:
        return total
    bound = composed.get_epsilon_for_delta(left)
    if not math.isfinite(bound):
        return total
    return min(total, math.ceil(Fraction(max(0.0, bound)) * NANO))


def _rounded_up(epsilons: list[int]) -> Counter[int]:
    """How many charges there are of each epsilon; more than FEW different ones are rounded up to a geometric scale."""
    counted = Counter(epsilons)
    if len(counted) <= FEW:
        return counted
    least, most = min(counted), max(counted)
    rungs = [math.ceil(least * (most / least) ** (number / (FEW - 1))) for number in range(FEW - 1)] + [most]
    rounded: Counter[int] = Counter()
    for epsilon, times in counted.items():
        rounded[rungs[bisect_left(rungs, epsilon)]] += times
    return rounded
