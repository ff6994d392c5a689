"""The bound beside the sum: never above it, well below it for many charges, and never below what is known exactly."""

from __future__ import annotations

import math
import random

import pytest

from quinta.core.datasets.model import NANO
from quinta.privacy.queries.composition import tighter_epsilon


def test_many_small_charges_cost_less_together() -> None:
    charges = [(NANO // 100, 0.0)] * 200
    assert 0.55 * NANO < tighter_epsilon(charges, 1e-6) < 0.6 * NANO  # 0.5715, the sum is 2
    assert tighter_epsilon([(NANO, 0.0)] * 1000, 1e-6) < 620 * NANO


def test_a_thousand_different_ones_are_bounded_too() -> None:
    amounts = random.Random(1)
    charges = [(amounts.randint(NANO // 200, NANO // 10), 1e-12) for _ in range(1000)]
    total = sum(epsilon for epsilon, _ in charges)
    bound = tighter_epsilon(charges, 1e-6)
    assert 0 < bound < total / 2
    # Kairouz et al. 2015: no bound of k equal ones is below that of the largest alone.
    assert bound > max(epsilon for epsilon, _ in charges)


@pytest.mark.parametrize(
    "charges",
    [[], [(NANO, 0.0)], [(NANO, 1e-3)] * 3, [(60 * NANO, 0.0)] * 3, [(0, 0.0)] * 5],
)
def test_else_it_is_the_sum(charges: list[tuple[int, float]]) -> None:
    assert tighter_epsilon(charges, 1e-6) == sum(epsilon for epsilon, _ in charges)


def test_two_charges_are_composed_exactly() -> None:
    # Of two epsilon, the loss is 2 epsilon with the chance (e^epsilon / (1 + e^epsilon))^2: delta there is p - e^-x p'.
    delta = 0.05
    bound = tighter_epsilon([(NANO, 0.0)] * 2, delta) / NANO
    one = math.e / (1 + math.e)
    assert one**2 - math.exp(bound) * (1 - one) ** 2 <= delta * 1.001
    assert bound < 2
