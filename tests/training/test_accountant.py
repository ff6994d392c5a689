"""The cost of private training, against values that another accountant gives."""

from __future__ import annotations

import math

import pytest

from dq0.makedp import accountant

# (share, noise multiplier, steps, delta) and the epsilon that dp-accounting 0.6.0's RdpAccountant tells for the same
# orders: PoissonSampledDpEvent(share, GaussianDpEvent(noise)), composed with itself.
KNOWN = [
    (256 / 60_000, 1.1, 14_062, 1e-5, 2.5969811785948815),
    (150 / 60_000, 1.3, 6_000, 1e-5, 0.7242234026106222),
    (0.01, 1.0, 1_000, 1e-5, 2.1077530754515745),
    (0.05, 2.0, 200, 1e-6, 1.951806548191748),
    (1.0, 4.0, 1, 1e-6, 1.1431687205814116),
]


@pytest.mark.parametrize(("sampling", "noise", "steps", "delta", "epsilon"), KNOWN)
def test_epsilon_is_that_of_another_accountant(
    sampling: float, noise: float, steps: int, delta: float, epsilon: float
) -> None:
    assert accountant.epsilon(sampling, noise, steps, delta) == pytest.approx(epsilon, rel=1e-9)


def test_the_tutorials_example_costs_what_is_published() -> None:
    """60,000 rows in batches of 256, noise 1.1, 60 epochs: epsilon 3.01 at delta 1e-5, as TensorFlow Privacy's tutorial
    has it. That is by Mironov's way from Renyi divergences (2017, proposition 3); ours tells less."""
    steps, delta = 60 * 60_000 // 256, 1e-5
    published = min(
        steps * accountant.renyi_divergence(256 / 60_000, 1.1, order) - math.log(delta) / (order - 1)
        for order in accountant.ORDERS
    )
    assert published == pytest.approx(3.01, abs=0.005)
    assert accountant.epsilon(256 / 60_000, 1.1, steps, delta) < published


@pytest.mark.parametrize(("sampling", "noise", "steps", "delta", "epsilon"), KNOWN)
def test_noise_is_found_for_a_cost(sampling: float, noise: float, steps: int, delta: float, epsilon: float) -> None:
    found = accountant.noise_multiplier(sampling, steps, epsilon, delta)
    assert found == pytest.approx(noise, rel=2e-3)
    assert accountant.epsilon(sampling, found, steps, delta) <= epsilon


def test_less_of_anything_costs_less() -> None:
    cost = accountant.epsilon(0.1, 2.0, 100, 1e-6)
    assert accountant.epsilon(0.05, 2.0, 100, 1e-6) < cost
    assert accountant.epsilon(0.1, 3.0, 100, 1e-6) < cost
    assert accountant.epsilon(0.1, 2.0, 50, 1e-6) < cost
    assert accountant.epsilon(0.1, 2.0, 100, 1e-5) < cost
    assert accountant.epsilon(0.0, 2.0, 100, 1e-6) < 0.02  # what converting alone costs with the orders there are


@pytest.mark.parametrize("target", [0.0, -1.0, float("nan"), 1e-9])
def test_a_cost_that_cannot_be_kept_to_is_refused(target: float) -> None:
    with pytest.raises(ValueError, match="cannot be reached"):
        accountant.noise_multiplier(0.1, 1_000, target, 1e-6)
    assert accountant.noise_multiplier(0.1, 1_000, 1.0, 1e-6) > 1
