"""Record and replay: a dataset and its neighbour with the noise frozen. The same questions in the same order, the same
scales, and exact numbers that lie no further apart than the sensitivity that the scales are made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from quinta.core.datasets.model import NANO
from quinta.privacy.queries.allocation import Allocation, allocate
from quinta.privacy.queries.measured import Count, Measured
from quinta.privacy.queries.quantiles import choice_of
from quinta.privacy.queries.release import Group, NoisyTable, release
from quinta.privacy.queries.tree import Aggregate, AggregateKind, Key, Limit, MeasureKind, Plan
from quinta.privacy.queries.wants import Joint, joint_sensitivity, sensitivity_of
from tests.privacy.queries.plans import AGE, JOB, SCORE, SEX, MemoryRows, Row, aggregate, plan

KEYS = (Key(SEX, ("f", "m")), Key(JOB, ("a", "b", "c")), Key(JOB, None))
KINDS = [kind for kind in AggregateKind if kind is not AggregateKind.QUANTILE]
ROW = st.fixed_dictionaries(
    {
        "id": st.integers(0, 6),
        "age": st.none() | st.integers(-50, 150),
        "score": st.none() | st.floats(allow_subnormal=False),
        "job": st.none() | st.sampled_from("abcd"),
        "sex": st.none() | st.sampled_from("fmx"),
    }
)


@st.composite
def aggregates(draw: st.DrawFn) -> Aggregate:
    operand = draw(st.sampled_from((AGE, SCORE)))
    if draw(st.booleans()) and draw(st.booleans()):
        return aggregate(AggregateKind.QUANTILE, operand, draw(st.sampled_from((0.0, 0.25, 0.5, 1.0))))
    return aggregate(draw(st.sampled_from(KINDS)), operand)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    return plan(
        *draw(st.lists(aggregates(), min_size=1, max_size=4)),
        keys=draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True)),
        most_rows=draw(st.integers(1, 4)),
        tau=draw(st.sampled_from((0.0, 2.0))),
        limits=draw(st.lists(st.sampled_from((Limit(JOB, 2), Limit(None, 2))), max_size=2, unique=True)),
    )


@dataclass
class Frozen:
    """The same for each number, and a record of what was asked for."""

    scales: list[float] = field(default_factory=list)

    def laplace(self, scale: float, count: int) -> Sequence[int]:
        self.scales.append(scale)
        return [1] * count

    def best(self, scores: Sequence[int], scale: float) -> int:
        return max(range(len(scores)), key=scores.__getitem__)


def replayed(asked: Plan, rows: Sequence[Row]) -> tuple[MemoryRows, Frozen, NoisyTable]:
    recorded, noise = MemoryRows(rows), Frozen()
    return recorded, noise, release(asked, allocate(asked, NANO), recorded, noise)


@settings(max_examples=300, deadline=None)
@given(plans(), st.lists(ROW, max_size=25))
def test_neighbours_take_the_same_way_and_lie_close(asked: Plan, rows: list[Row]) -> None:
    one, noise, table = replayed(asked, rows)
    other, other_noise, other_table = replayed(asked, [row for row in rows if row["id"] != 0])
    assert one.measures == other.measures
    assert noise.scales == other_noise.scales
    allocation = allocate(asked, NANO)
    if allocation.tau is None and not allocation.limits:
        assert table.keys == other_table.keys
    assert table.may_leave_out == other_table.may_leave_out
    for number, measure in enumerate(one.measures[0]):
        apart = distance(one.answers[0], other.answers[0], number)
        assert apart <= (asked.source.most_rows if measure.bins else sensitivity_of(measure, asked))
    joints_lie_close(asked, allocation, one, other)
    choices_lie_close(asked, allocation, one, other)


def joints_lie_close(asked: Plan, allocation: Allocation, one: MemoryRows, other: MemoryRows) -> None:
    """All numbers that are told jointly, in sum over groups no further apart than the scale of their noise allows."""
    first = 0
    for part in allocation.parts:
        if isinstance(part.need, Joint):
            measure = one.measures[0][first]
            apart = joint_distance(part.need, measure.most, first, one.answers[0], other.answers[0])
            assert apart <= joint_sensitivity(measure, asked) == 2 * measure.most * asked.source.most_rows
        first += len(part.wants)


def choices_lie_close(asked: Plan, allocation: Allocation, one: MemoryRows, other: MemoryRows) -> None:
    """Scores, in sum over groups, no further apart than half of what epsilon times the scale allows."""
    first = sum(measure.bins is None for measure in one.measures[0])
    histograms = list(one.measures[0][first:])
    for choice in allocation.choices:
        operand = asked.aggregates[choice.aggregate].operand
        number = next(place for place, histogram in enumerate(histograms) if histogram.operand == operand)
        bins = histograms[number].bins
        assert bins is not None
        chooser = choice_of(asked, choice, bins.count)
        apart = 0
        for group in {*one.answers[0].groups, *other.answers[0].groups}:
            scores = [chooser.scores(numbers(rows.answers[0], group, first + number)) for rows in (one, other)]
            apart += max(abs(mine - theirs) for mine, theirs in zip(*scores, strict=True))
        assert 2 * apart <= Fraction(chooser.scale) * Fraction(choice.epsilon, NANO)


def distance(one: Measured, other: Measured, number: int) -> int:
    groups = {*one.groups, *other.groups}
    return sum(
        abs(numbers(one, group, number).get(bin_, 0) - numbers(other, group, number).get(bin_, 0))
        for group in groups
        for bin_ in {*numbers(one, group, number), *numbers(other, group, number)}
    )


def joint_distance(joint: Joint, most: int, first: int, one: Measured, other: Measured) -> int:
    """The distance (L1) of the numbers that get noise, all groups together; the joint's measures begin at ``first``."""
    groups = list({*one.groups, *other.groups})
    places = range(first, first + len(joint.wants))
    mine, theirs = (
        joint.split(most, *([numbers(side, group, place).get(0, 0) for group in groups] for place in places))
        for side in (one, other)
    )
    return sum(abs(x - y) for xs, ys in zip(mine, theirs, strict=True) for x, y in zip(xs, ys, strict=True))


def numbers(measured: Measured, group: Group, number: int) -> Mapping[int, int]:
    counts = measured.groups.get(group)
    if counts is None:
        return {}
    count: Count = counts[number]
    return count if isinstance(count, Mapping) else {0: count}


@settings(max_examples=300, deadline=None)
@given(plans(), st.integers(100, 10**18))
def test_shares_never_sum_up_to_more_than_the_total(asked: Plan, epsilon: int) -> None:
    allocation = allocate(asked, epsilon)
    shares = [part.epsilon for part in allocation.parts] + [choice.epsilon for choice in allocation.choices]
    assert min(shares) > 0
    assert sum(shares) <= allocation.epsilon == epsilon
    assert sum(shares) > epsilon - len(shares)
    wants = [want for part in allocation.parts for want in part.wants]
    assert len(set(wants)) == len(wants)
    assert all(want.kind is not MeasureKind.HISTOGRAM for want in wants)
