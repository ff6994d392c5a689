"""From exact integers to a noisy table. Nothing else of the query worker's memory may leave it.

What is read does not depend on what was read before, but for bounds found with noise; the order of groups is that of
their keys; every number in the table is made of noisy ones alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from typing import TypeVar

from quinta.privacy.queries.allocation import Allocation, Choice, Part, Search
from quinta.privacy.queries.automatic import found_bounds, search_measure
from quinta.privacy.queries.estimates import Estimates, Noisy, estimates
from quinta.privacy.queries.measured import Count, Measured, Rows
from quinta.privacy.queries.noise import Noise, laplace_scale
from quinta.privacy.queries.quantiles import Chooser, choice_of, value_in
from quinta.privacy.queries.tree import (
    AggregateKind,
    AutomaticBounds,
    Expression,
    Interval,
    Measure,
    Plan,
    Value,
)
from quinta.privacy.queries.wants import (
    Joint,
    Want,
    histogram_of,
    joint_sensitivity,
    measure_of,
    operand_of,
    sensitivity_of,
    wants_of,
)

Group = tuple[Value, ...]
_Searched = tuple[Expression | None, AutomaticBounds | None]
_Cell = TypeVar("_Cell")


@dataclass(frozen=True, slots=True)
class NoisyTable:
    """Rows ascending by key, NULL last: their keys, aggregates, and half widths of intervals of 95 % (None: of no
    meaning). ``may_leave_out``: whether a threshold applied; how many groups fell to it is not known outside."""

    keys: tuple[Group, ...]
    aggregates: tuple[tuple[Value, ...], ...]
    widths: tuple[tuple[float | None, ...], ...]
    may_leave_out: bool = False


def release(plan: Plan, allocation: Allocation, rows: Rows, noise: Noise) -> NoisyTable:
    """Reads what ``plan`` needs and tells it with the noise of ``allocation``. StateConflict: as ``Rows.measure``."""
    found: dict[_Searched, Interval] = {
        (search.operand, search.automatic): _find_bounds(search, plan, rows, noise) for search in allocation.searches
    }
    return _Release(plan, allocation, found, noise).of(rows)


def _find_bounds(search: Search, plan: Plan, rows: Rows, noise: Noise) -> Interval:
    measure = search_measure(search.operand, search.edges)
    measured = rows.measure(plan.source, (), (measure,))
    counts = _histogram(measured.groups[()][0])
    scale = laplace_scale(sensitivity_of(measure, plan), search.epsilon)
    drawn = noise.laplace(scale, len(search.edges) - 1)
    noisy = [counts.get(number, 0) + error for number, error in enumerate(drawn)]
    return found_bounds(noisy, search.edges, scale, search.automatic.probability)


@dataclass(frozen=True, slots=True)
class _Told:
    """A part as it is carried out: what is measured of it, in its order, and the scale of its noise."""

    part: Part
    measures: tuple[Measure, ...]
    scale: float


class _Release:
    def __init__(self, plan: Plan, allocation: Allocation, found: Mapping[_Searched, Interval], noise: Noise) -> None:
        self._plan = plan
        self._allocation = allocation
        self._found = found
        self._noise = noise
        self._known = [None if key.values is None else frozenset(_in_utc(key.values)) for key in plan.keys]
        self._told = [self._carried_out(part) for part in allocation.parts]
        self._histograms = [self._histogram_measure(choice) for choice in allocation.choices]

    def of(self, rows: Rows) -> NoisyTable:
        plan = self._plan
        histograms = list(dict.fromkeys(self._histograms))  # those of one operand are one
        measures = [measure for told in self._told for measure in told.measures] + histograms
        measured = rows.measure(plan.source, plan.keys, measures)
        wants = [want for part in self._allocation.parts for want in part.wants]
        exact = _Exact(measured, {want: number for number, want in enumerate(wants)}, len(wants))
        groups, noisy = self._groups(exact)
        for told in self._told:
            if told.part.wants[0] not in noisy:
                noisy |= self._tell(told, exact, groups)
        choices = {
            choice.aggregate: self._choose(choice, histogram, histograms.index(histogram), exact, groups)
            for choice, histogram in zip(self._allocation.choices, self._histograms, strict=True)
        }
        columns = [self._column(number, noisy, choices) for number in range(len(plan.aggregates))]
        return NoisyTable(
            tuple(groups),
            _rows([column.values for column in columns], len(groups)),
            _rows([column.widths for column in columns], len(groups)),
            bool(self._thresholds()),
        )

    def _groups(self, exact: _Exact) -> tuple[list[Group], dict[Want, Noisy]]:
        """Those that are put out, and the noisy numbers that thresholds are about, of these, with what is told jointly
        with them. Only then is anything else told: noise for groups that nobody sees would only take time."""
        if self._allocation.enumerates:
            groups: list[Group] = list(map(_in_utc, product(*(key.values or () for key in self._plan.keys))))
        else:
            groups = [group for group in exact.groups if self._is_declared(group)]
        groups.sort(key=_in_order)
        thresholds = self._thresholds()
        noisy: dict[Want, Noisy] = {}
        for told in self._told:
            if not thresholds.keys().isdisjoint(told.part.wants):
                noisy |= self._tell(told, exact, groups)
        leasts = [(noisy[want].numbers, least * noisy[want].unit) for want, least in thresholds.items()]
        kept = [number for number in range(len(groups)) if all(values[number] >= least for values, least in leasts)]
        return [groups[number] for number in kept], {
            want: replace(one, numbers=[one.numbers[number] for number in kept]) for want, one in noisy.items()
        }

    def _thresholds(self) -> dict[Want, float]:
        thresholds: dict[Want, float] = {}
        if self._allocation.selection is not None and self._allocation.tau is not None:
            thresholds[self._allocation.selection] = self._allocation.tau
        for want, least in self._allocation.limits:
            thresholds[want] = max(least, thresholds.get(want, least))
        return thresholds

    def _is_declared(self, group: Group) -> bool:
        return all(known is None or value in known for known, value in zip(self._known, group, strict=True))

    def _carried_out(self, part: Part) -> _Told:
        measures = tuple(
            measure_of(want, self._bounds(want), self._plan.source, part.grid_epsilon) for want in part.wants
        )
        sensitive = joint_sensitivity if isinstance(part.need, Joint) else sensitivity_of
        return _Told(part, measures, laplace_scale(sensitive(measures[0], self._plan), part.epsilon))

    def _histogram_measure(self, choice: Choice) -> Measure:
        want = histogram_of(self._plan.aggregates[choice.aggregate], self._plan)
        return measure_of(want, self._bounds(want), self._plan.source, choice.epsilon)

    def _bounds(self, want: Want) -> Interval | None:
        return None if want.automatic is None else self._found.get((want.operand, want.automatic))

    def _tell(self, told: _Told, exact: _Exact, groups: Sequence[Group]) -> dict[Want, Noisy]:
        numbers = [exact.numbers(groups, want) for want in told.part.wants]
        if not isinstance(told.part.need, Joint):
            return {told.part.need: Noisy(self._with_noise(numbers[0], told.scale), told.measures[0], told.scale)}
        most = told.measures[0].most
        found = [self._with_noise(joint, told.scale) for joint in told.part.need.split(most, *numbers)]
        first, second, *third = found
        noisy = [[one - other for one, other in zip(first, second, strict=True)]]
        noisy.append([one + other for one, other in zip(first, second, strict=True)])
        noisy += [[one + other for one, other in zip(noisy[1], rest, strict=True)] for rest in third]
        return {
            want: Noisy(values, measure, told.scale, 2 if number == 0 else 2 * most, told.part.need.draws(want))
            for number, (want, measure, values) in enumerate(zip(told.part.wants, told.measures, noisy, strict=True))
        }

    def _with_noise(self, numbers: Sequence[int], scale: float) -> list[int]:
        drawn = self._noise.laplace(scale, len(numbers))
        return [number + error for number, error in zip(numbers, drawn, strict=True)]

    def _choose(
        self, choice: Choice, histogram: Measure, number: int, exact: _Exact, groups: Sequence[Group]
    ) -> list[Value]:
        bins = histogram.bins
        assert bins is not None
        chooser: Chooser = choice_of(self._plan, choice, bins.count)
        type_ = operand_of(self._plan.aggregates[choice.aggregate]).type
        return [
            value_in(self._noise.best(chooser.scores(exact.histogram(group, number)), chooser.scale), bins, type_)
            for group in groups
        ]

    def _column(self, number: int, noisy: Mapping[Want, Noisy], choices: Mapping[int, Sequence[Value]]) -> Estimates:
        aggregate = self._plan.aggregates[number]
        if aggregate.kind is AggregateKind.QUANTILE:
            return Estimates(choices[number], [None] * len(choices[number]))
        told = [noisy[want] for want in wants_of(aggregate, self._plan)]
        return estimates(aggregate, told, clamps_counts=self._plan.clamps_counts)


class _Exact:
    """What was measured, with 0 for groups without rows."""

    def __init__(self, measured: Measured, numbers: Mapping[Want, int], histograms: int) -> None:
        self._measured = {_in_utc(group): counts for group, counts in measured.groups.items()}
        self._numbers = numbers
        self._histograms = histograms

    @property
    def groups(self) -> Iterator[Group]:
        return iter(self._measured)

    def numbers(self, groups: Sequence[Group], want: Want) -> list[int]:
        number, found = self._numbers[want], []
        for group in groups:
            counts = self._measured.get(group)
            count = 0 if counts is None else counts[number]
            assert isinstance(count, int)
            found.append(count)
        return found

    def histogram(self, group: Group, number: int) -> Mapping[int, int]:
        counts = self._measured.get(group)
        return {} if counts is None else _histogram(counts[self._histograms + number])


def _rows(columns: Sequence[Sequence[_Cell]], count: int) -> tuple[tuple[_Cell, ...], ...]:
    return tuple(zip(*columns, strict=True)) if columns else ((),) * count


def _histogram(count: Count) -> Mapping[int, int]:
    assert isinstance(count, Mapping)
    return count


def _in_utc(values: Group) -> Group:
    """A moment without a zone is one in UTC, as everywhere: both are the same group."""
    return tuple(
        value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value for value in values
    )


def _in_order(group: Group) -> tuple[tuple[bool, Value], ...]:
    return tuple((value is None, False if value is None else value) for value in group)
