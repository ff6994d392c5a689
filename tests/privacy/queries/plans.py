"""Plans, rows and sources of noise for tests: what analysis and sources would make, small and in memory."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from quinta.core.datasets.metadata import ColumnType
from quinta.core.queries.model import AskedDataset
from quinta.privacy.queries.measured import Count, Measured
from quinta.privacy.queries.noise import OpenDPNoise
from quinta.privacy.queries.tree import (
    Aggregate,
    AggregateKind,
    Case,
    Column,
    Comparison,
    Expression,
    Interval,
    Key,
    Limit,
    Literal,
    Measure,
    MeasureKind,
    Plan,
    Scan,
    Shape,
    Source,
    Value,
)
from tests.privacy.queries.reference import bin_of

Row = Mapping[str, Value]
AGE = Column(0, "age", ColumnType.INT, Interval(0, 100), clamped=True)
SCORE = Column(0, "score", ColumnType.FLOAT, Interval(-2.5, 7.5), clamped=True)
JOB = Column(0, "job", ColumnType.STRING, None)
SEX = Column(0, "sex", ColumnType.STRING, None)
UNKNOWN = Key(JOB, None)
DECLARED = Key(SEX, ("f", "m"))


def aggregate(kind: AggregateKind, operand: Expression | None = None, quantile: float | None = None) -> Aggregate:
    return Aggregate(kind, kind.value, operand, quantile)


def source(most_rows: int = 1, unit: str | None = "id") -> Source:
    return Source((Scan(0, "s", "t", unit, most_rows),), (), None, most_rows)


def plan(
    *aggregates: Aggregate,
    keys: Sequence[Key] = (),
    most_rows: int = 1,
    tau: float = 0.0,
    limits: Sequence[Limit] = (),
    delta: float = 1e-6,
    clamps_counts: bool = False,
) -> Plan:
    names = tuple(f"k{number}" for number in range(len(keys))) + tuple(f"a{n}" for n in range(len(aggregates)))
    widths = tuple(f"k{number}" for number in range(len(keys))) + tuple(f"e{n}" for n in range(len(aggregates)))
    shape = Shape(f"SELECT {', '.join(names + widths)} FROM noisy", names)
    return Plan(
        source(most_rows), tuple(keys), aggregates, shape, tuple(limits), tau, delta, clamps_counts, datasets=("d",)
    )


def value_of(expression: Expression, row: Row) -> Value:
    """What the tests' expressions come to: columns, constants, comparisons and CASE."""
    match expression:
        case Literal(value):
            return value
        case Column(_, name, _, bounds, clamped):
            value = row[name]
            if not clamped or value is None or bounds is None or not isinstance(value, (int, float)):
                return value
            return None if math.isnan(value) else min(max(value, bounds.lower), bounds.upper)
        case Comparison(operator, left, right):
            one, other = value_of(left, row), value_of(right, row)
            if one is None or other is None:
                return None
            assert isinstance(one, (int, float))
            assert isinstance(other, (int, float))
            return {"<": one < other, ">": one > other, "<=": one <= other}[operator]
        case Case(branches, otherwise):
            for condition, chosen in branches:
                if value_of(condition, row) is True:
                    return value_of(chosen, row)
            return value_of(otherwise, row)
    raise AssertionError(f"no test has {expression}")


@dataclass
class MemoryRows:
    """Rows that are bounded already: each unit's first ``most_rows``. ``measured`` records what was asked."""

    rows: Sequence[Row]
    answers: list[Measured] = field(default_factory=list)
    measures: list[tuple[Measure, ...]] = field(default_factory=list)

    def measure(self, source: Source, keys: Sequence[Key], measures: Sequence[Measure]) -> Measured:
        groups: dict[tuple[Value, ...], list[Row]] = defaultdict(list) if keys else defaultdict(list, {(): []})
        seen: Counter[Value] = Counter()
        for row in self.rows:
            seen[row["id"]] += 1
            group = tuple(value_of(key.expression, row) for key in keys)
            declared = all(key.values is None or value in key.values for key, value in zip(keys, group, strict=True))
            if seen[row["id"]] <= source.most_rows and declared:
                groups[group].append(row)
        answer = Measured(
            {group: tuple(measured(measure, rows) for measure in measures) for group, rows in groups.items()}
        )
        self.answers.append(answer)
        self.measures.append(tuple(measures))
        return answer

    @contextmanager
    def open(self, datasets: Sequence[AskedDataset]) -> Iterator[MemoryRows]:
        yield self


def measured(measure: Measure, rows: Sequence[Row]) -> Count:
    if measure.kind is MeasureKind.ROWS:
        return len(rows)
    if measure.kind is MeasureKind.UNITS:
        return len({row["id"] for row in rows})
    assert measure.operand is not None
    values = [value for row in rows if (value := value_of(measure.operand, row)) is not None]
    if measure.kind is MeasureKind.VALUES:
        return len(values)
    if measure.kind is MeasureKind.DISTINCT:
        return len(set(values))
    numbers = [float(value) for value in values if isinstance(value, (int, float))]
    if measure.kind is MeasureKind.HISTOGRAM:
        assert measure.bins is not None
        return Counter(bin_of(number, measure.bins) for number in numbers)
    assert measure.grid is not None
    grid = measure.grid
    steps = [max(-grid.most, min(grid.most, round((number - grid.centre) / grid.grain))) for number in numbers]
    return sum(step if measure.kind is MeasureKind.SUM else step * step - measure.offset for step in steps)


class NoNoise:
    def laplace(self, scale: float, count: int) -> Sequence[int]:
        return [0] * count

    def best(self, scores: Sequence[int], scale: float) -> int:
        return max(range(len(scores)), key=scores.__getitem__)


class BatchedNoise:
    """OpenDP's noise, drawn ahead: a call for each number would take most of a test's time."""

    BATCH = 20_000

    def __init__(self) -> None:
        self._source = OpenDPNoise()
        self._drawn: dict[float, list[int]] = defaultdict(list)

    def laplace(self, scale: float, count: int) -> Sequence[int]:
        drawn = self._drawn[scale]
        while len(drawn) < count:
            drawn.extend(self._source.laplace(scale, self.BATCH))
        taken = drawn[-count:] if count else []
        del drawn[len(drawn) - count :]
        return taken

    def best(self, scores: Sequence[int], scale: float) -> int:
        return self._source.best(scores, scale)
