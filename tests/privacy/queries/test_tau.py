"""The derived tau against all there could be: every partition of a unit's rows over groups of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quinta.privacy.queries.accuracy import half_width, tail
from quinta.privacy.queries.tau import derived_tau, largest_tau


def probability(scale: float, number: int) -> float:
    ratio = math.exp(-1 / scale)
    return (1 - ratio) / (1 + ratio) * ratio ** abs(number)


def summed(scale: float, least: int) -> float:
    return math.fsum(probability(scale, number) for number in range(least, max(least, 0) + int(60 * scale) + 60))


def partitions(rows: int, largest: int) -> Iterator[tuple[int, ...]]:
    yield ()
    for first in range(1, min(rows, largest) + 1):
        for rest in partitions(rows - first, first):
            yield (first, *rest)


@settings(deadline=None)
@given(st.floats(0.05, 40), st.integers(-60, 60))
def test_tails_are_sums_of_probabilities(scale: float, least: int) -> None:
    assert tail(scale, least) == pytest.approx(summed(scale, least), rel=1e-9, abs=1e-300)


@settings(deadline=None)
@given(st.floats(0.05, 40), st.floats(1e-6, 0.5))
def test_half_widths_are_the_least_ones(scale: float, miss: float) -> None:
    width = half_width(scale, miss)
    assert 2 * summed(scale, width + 1) <= miss * (1 + 1e-9)
    assert width == 0 or 2 * summed(scale, width) > miss * (1 - 1e-9)


@settings(deadline=None)
@given(st.floats(0.2, 30), st.floats(1e-15, 0.1), st.integers(1, 7))
def test_tau_is_the_least_that_keeps_delta(scale: float, delta: float, most_rows: int) -> None:
    of_rows = derived_tau(scale, delta, most_rows, counts_units=False)
    assert worst(scale, of_rows, most_rows) <= delta * (1 + 1e-9) < worst(scale, of_rows - 1, most_rows) * (1 + 2e-9)
    of_units = derived_tau(scale, delta, most_rows, counts_units=True)
    assert most_rows * summed(scale, of_units - 1) <= delta * (1 + 1e-9)
    assert most_rows * summed(scale, of_units - 2) > delta * (1 - 1e-9)
    if most_rows == 1:
        assert of_rows == of_units


def worst(scale: float, tau: int, most_rows: int) -> float:
    told = [0.0] + [tail(scale, tau - rows) for rows in range(1, most_rows + 1)]
    return max(math.fsum(told[rows] for rows in parts) for parts in partitions(most_rows, most_rows))


def test_the_largest_source_of_tau_counts() -> None:
    assert largest_tau(12, 10.5, ()) == 12
    assert largest_tau(12, 30.5, (75, 20)) == 75
    assert largest_tau(None, 30.5, ()) == 30.5
    assert largest_tau(None, 0.0, ()) is None


@pytest.mark.parametrize("delta", [0.0, 0.2])
def test_a_delta_that_promises_nothing_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match="delta"):
        derived_tau(1.0, delta, 1, counts_units=True)
    assert derived_tau(1.0, 0.1, 1, counts_units=True) > 1
