"""A statistical attack on (epsilon, delta): is there an event that one dataset makes likelier than allowed?

Draws of both neighbours are split. On the first part events are made up and ranked: presence of groups, thresholds and
exact values of each number and of sums and differences of two, the lattice that floating-point noise would fall on, and
conjunctions of the best of these. The best CANDIDATES are judged on the second part: a loss is found where a lower
Clopper-Pearson bound of one probability is above e^epsilon times an upper bound of the other plus delta. By Bonferroni
over candidates, directions and both bounds, a mechanism that keeps its promise is accused with probability
FALSE_ALARM at most, whatever the first part suggested.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv  # type: ignore[import-untyped]

from quinta.privacy.queries.release import Group, NoisyTable

FALSE_ALARM = 1e-6
CANDIDATES = 10
CHOOSING = 0.3
"""Of the draws."""

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Event = Callable[[Numbers], Flags]


def features_of(tables: Sequence[NoisyTable], groups: Sequence[Group], width: int) -> Numbers:
    """A row a draw: for each of the groups 1 or 0 for whether it is there, and its ``width`` numbers, else NaN."""
    missing = [0.0] + [math.nan] * width
    rows: list[list[float]] = []
    for table in tables:
        told = dict(zip(table.keys, table.aggregates, strict=True))
        row: list[float] = []
        for group in groups:
            values = told.get(group)
            row += missing if values is None else [1.0, *map(float, values)]  # type: ignore[arg-type]
        rows.append(row)
    return np.array(rows)


def finds_loss(one: Numbers, other: Numbers, epsilon: float, delta: float) -> bool:
    """Whether the draws, of neighbours, show more than (epsilon, delta)."""
    split = int(len(one) * CHOOSING)
    for first, second in ((one, other), (other, one)):
        events = _best_events(first[:split], second[:split], epsilon, delta)
        miss = FALSE_ALARM / (2 * 2 * CANDIDATES)
        for event in events:
            least = _lower(int(event(first[split:]).sum()), len(first) - split, miss)
            most = _upper(int(event(second[split:]).sum()), len(second) - split, miss)
            if least > math.exp(epsilon) * most + delta:
                return True
    return False


def _best_events(first: Numbers, second: Numbers, epsilon: float, delta: float) -> list[Event]:
    ranked = _ranked(_simple_events(first, second), first, second, epsilon, delta)
    single = [event for _, event in ranked[:60]]
    both = [_and(one, other) for one, other in combinations(single[::3], 2)]
    ranked = sorted(ranked + _ranked(both, first, second, epsilon, delta), key=lambda pair: -pair[0])
    return [event for _, event in ranked[:CANDIDATES]]


def _ranked(
    events: Sequence[Event], first: Numbers, second: Numbers, epsilon: float, delta: float
) -> list[tuple[float, Event]]:
    """By how many standard deviations of the draws the loss is above what is allowed."""
    ranked = []
    for event in events:
        p, q = event(first).mean(), event(second).mean()
        spread = math.sqrt((p * (1 - p) + math.exp(2 * epsilon) * q * (1 - q)) / len(first)) + 1 / len(first)
        ranked.append(((p - math.exp(epsilon) * q - delta) / spread, event))
    return sorted(ranked, key=lambda pair: -pair[0])


def _simple_events(first: Numbers, second: Numbers) -> list[Event]:
    width = first.shape[1]
    columns: list[Event] = [_column(number) for number in range(width)]
    pooled = np.concatenate([first, second])
    spread = [np.nanstd(pooled[:, number]) if not np.isnan(pooled[:, number]).all() else 0.0 for number in range(width)]
    moving = [number for number in range(width) if spread[number] > 0]
    for one, other in list(combinations(moving, 2))[:40]:
        columns += [_combined(one, other, sign, 1.0) for sign in (1, -1)]
        columns += [_combined(one, other, sign, spread[one] / spread[other]) for sign in (1, -1)]
    events: list[Event] = []
    for column in columns:
        values = column(pooled)
        known = values[~np.isnan(values)]
        if not len(known):
            continue
        events += [_absent(column), _off_lattice(column)]
        for bound in np.unique(np.quantile(known, np.linspace(0.01, 0.99, 25))):
            events += [_at_least(column, bound), _at_most(column, bound)]
        common, counts = np.unique(known, return_counts=True)
        events += [_equal(column, value) for value in common[np.argsort(-counts)[:3]]]
    return events


def _column(number: int) -> Event:
    return lambda draws: draws[:, number]  # type: ignore[return-value]


def _combined(one: int, other: int, sign: int, weight: float) -> Event:
    return lambda draws: draws[:, one] + sign * weight * draws[:, other]  # type: ignore[return-value]


def _absent(column: Event) -> Event:
    return lambda draws: np.isnan(column(draws))


def _at_least(column: Event, bound: float) -> Event:
    return lambda draws: column(draws) >= bound


def _at_most(column: Event, bound: float) -> Event:
    return lambda draws: column(draws) <= bound


def _equal(column: Event, value: float) -> Event:
    return lambda draws: column(draws) == value


def _off_lattice(column: Event) -> Event:
    """Numbers below 0 that are no multiples of 2^-48 (Mironov 2012): noise from floating-point numbers beyond -16 never
    is one, closer to 0 half of it is, so that this tells 16 from 8 behind it."""

    def event(draws: Numbers) -> Flags:
        values = column(draws)
        return (values > -8) & (values < 0) & (np.mod(values * 2.0**48, 1) != 0)  # type: ignore[no-any-return]

    return event


def _and(one: Event, other: Event) -> Event:
    return lambda draws: one(draws) & other(draws)


def _lower(hits: int, draws: int, miss: float) -> float:
    return 0.0 if hits == 0 else float(betaincinv(hits, draws - hits + 1, miss))


def _upper(hits: int, draws: int, miss: float) -> float:
    return 1.0 if hits == draws else float(betaincinv(hits + 1, draws - hits, 1 - miss))
