"""What private training costs: Renyi differential privacy of the Poisson-subsampled Gaussian mechanism.

Source: Mironov, Talwar, Zhang, "Renyi Differential Privacy of the Sampled Gaussian Mechanism" (2019), equation for
integer orders; the way back to (epsilon, delta) is proposition 12 of Canonne, Kamath, Steinke, "The Discrete Gaussian
for Differential Privacy" (2020). Neighbours differ in one person, added or removed.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Dict, Tuple

import numpy as np

ORDERS: Tuple[int, ...] = (*range(2, 64), 64, 80, 96, 128, 192, 256, 384, 512, 1024)
"""The more orders, the nearer is the answer to the least epsilon that can be shown; each gives a true one."""

_LARGEST_MULTIPLIER = 1e6
_SMALLEST_MULTIPLIER = 0.2
"""Below it the integer orders say nothing that is of use: epsilon is in the hundreds."""


def renyi_divergence(sampling: float, noise_multiplier: float, order: int) -> float:
    """Of one step at an integer order: rows are drawn with probability ``sampling``, and the noise's standard deviation
    is ``noise_multiplier`` times the most that one person can change."""
    if sampling == 0:
        return 0.0
    if sampling == 1:
        return order / (2 * noise_multiplier**2)
    k = np.arange(order + 1, dtype=np.float64)
    logarithms = np.array([math.lgamma(index + 1) for index in range(order + 1)])
    binomials = logarithms[order] - logarithms - logarithms[::-1]
    terms = (
        binomials
        + k * math.log(sampling)
        + (order - k) * math.log1p(-sampling)
        + (k * k - k) / (2 * noise_multiplier**2)
    )
    highest = float(terms.max())
    return max(0.0, (highest + math.log(float(np.exp(terms - highest).sum()))) / (order - 1))


def epsilon_of(divergences: Dict[int, float], delta: float) -> float:
    """The least epsilon that the divergences show at ``delta``."""
    best = math.inf
    for order, divergence in divergences.items():
        shown = divergence + math.log1p(-1 / order) - (math.log(delta) + math.log(order)) / (order - 1)
        best = min(best, shown)
    return max(best, 0.0)


@lru_cache(maxsize=1024)
def epsilon(sampling: float, noise_multiplier: float, steps: int, delta: float) -> float:
    """What ``steps`` steps cost at ``delta``."""
    divergences = {order: steps * renyi_divergence(sampling, noise_multiplier, order) for order in ORDERS}
    return epsilon_of(divergences, delta)


@lru_cache(maxsize=128)
def noise_multiplier(sampling: float, steps: int, target: float, delta: float) -> float:
    """The least noise with which ``steps`` steps cost no more than ``target``, to a thousandth above it.

    ValueError where ``target`` cannot be reached.
    """
    low, high = _SMALLEST_MULTIPLIER, _LARGEST_MULTIPLIER
    if not target > 0 or epsilon(sampling, high, steps, delta) > target:
        raise ValueError("an epsilon of %r cannot be reached with %d steps at delta %r" % (target, steps, delta))
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        if epsilon(sampling, middle, steps, delta) > target:
            low = middle
        else:
            high = middle
    return high
