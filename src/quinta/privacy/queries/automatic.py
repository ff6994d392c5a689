"""Bounds found with a part of epsilon: a noisy histogram whose bins double in width away from 0 (metadata:
``use_auto_bounds``; contract dq0 6.3). The edges come from the declared limits alone, never from rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.accuracy import tail
from quinta.privacy.queries.tree import (
    Bins,
    Case,
    Comparison,
    Expression,
    Interval,
    Literal,
    Measure,
    MeasureKind,
)

HALVINGS: Final = 32
"""So many times the largest number is halved for edges closer to 0: down to 2e-10 of it."""


def edges_of(within: Interval, *, is_whole: bool) -> tuple[float, ...]:
    """The ends of the bins, ascending, from ``within.lower`` to ``within.upper``; at least two."""
    largest = max(abs(within.lower), abs(within.upper))
    sizes = [math.ldexp(largest, -power) for power in range(HALVINGS + 1)]
    if is_whole:  # of moments too: seconds
        sizes = [float(math.ceil(size)) for size in sizes]
    candidates = {0.0, *sizes, *(-size for size in sizes)}
    inner = sorted(edge for edge in candidates if within.lower < edge < within.upper)
    return (within.lower, *inner, within.upper)


def search_measure(operand: Expression, edges: Sequence[float]) -> Measure:
    """Rows by the number of the bin that the operand lies in; NULL in none."""
    bins = Bins(Interval(edges[0], edges[-1]), len(edges) - 1, tuple(edges[1:-1]))
    return Measure(MeasureKind.HISTOGRAM, operand, bins=bins)


def found_bounds(noisy: Sequence[int], edges: Sequence[float], scale: float, probability: float) -> Interval:
    """From the first to the last bin that rows are in but for a chance of 1 - ``probability``: so high is the number
    that noise alone reaches in any of them. Where it is reached nowhere, all of the limits."""
    least = _least_count(scale, len(noisy), 1 - probability)
    full = [index for index, count in enumerate(noisy) if count >= least]
    if not full:
        return Interval(edges[0], edges[-1])
    return Interval(edges[full[0]], edges[full[-1] + 1])


def clamped_to(operand: Expression, bounds: Interval) -> Expression:
    """The operand, the nearest bound where it lies beyond them, and NULL where it is NULL."""
    lower, upper = _literal(operand, bounds.lower), _literal(operand, bounds.upper)
    branches = ((Comparison("<", operand, lower), lower), (Comparison(">", operand, upper), upper))
    return Case(branches, operand, operand.type, bounds)


def _least_count(scale: float, bins: int, miss: float) -> int:
    miss = min(max(miss, 1e-12), 0.5)
    least = max(1, math.ceil(scale * math.log(bins / miss)))
    while least > 1 and bins * tail(scale, least - 1) <= miss:
        least -= 1
    return least


def moment(seconds: float) -> datetime:
    """The moment of so many seconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=round(seconds))


def _literal(operand: Expression, value: float) -> Literal:
    exact: int | float | datetime = value
    if operand.type is ColumnType.DATETIME:
        exact = moment(value)
    elif operand.type is ColumnType.INT:
        exact = math.floor(value)
    return Literal(exact, operand.type, Interval(value, value))
