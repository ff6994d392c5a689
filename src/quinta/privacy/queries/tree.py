"""What a statement means once it is analysed: a small typed tree. What is not in here cannot be asked.

Every expression about rows is total: for any row, whatever its values, it has a value or NULL, and never raises in
DuckDB or PostgreSQL (no expression oracles). Numbers that are computed with are clamped to declared bounds first, so
that ``bounds`` of any expression hold for every row there may ever be.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from quinta.core.datasets.metadata import ColumnType

Value = bool | int | float | str | datetime | None


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers from ``lower`` to ``upper``, both finite. Moments count as seconds since 1970, UTC."""

    lower: float
    upper: float


# --- expressions about one row of the source ---


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the scan with that number. ``clamped``: values beyond ``bounds`` count as the nearest bound, NaN as
    NULL; else its raw value, which may only be compared, tested for NULL or grouped by."""

    scan: int
    name: str
    type: ColumnType
    bounds: Interval | None
    clamped: bool = False


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; ``value`` None is NULL."""

    value: Value
    type: ColumnType
    bounds: Interval | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """``name`` is one of analysis' list of total functions: neg, add, subtract, multiply, divide, absolute, floor,
    ceiling, round, least, greatest, coalesce, lower, upper, length, trim, year, month, day, hour, weekday. A divisor's
    bounds exclude 0; moments are in UTC."""

    name: str
    operands: tuple[Expression, ...]
    type: ColumnType
    bounds: Interval | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """``operator`` is one of = <> < <= > >=; both sides of one kind of type."""

    operator: str
    left: Expression
    right: Expression
    type: ColumnType = ColumnType.BOOLEAN
    bounds: Interval | None = None


@dataclass(frozen=True, slots=True)
class Logic:
    """``operator`` is and, or, not; with SQL's three values."""

    operator: str
    operands: tuple[Expression, ...]
    type: ColumnType = ColumnType.BOOLEAN
    bounds: Interval | None = None


@dataclass(frozen=True, slots=True)
class IsNull:
    operand: Expression
    type: ColumnType = ColumnType.BOOLEAN
    bounds: Interval | None = None


@dataclass(frozen=True, slots=True)
class Among:
    """``operand IN (values)``; none of them is NULL."""

    operand: Expression
    values: tuple[Literal, ...]
    type: ColumnType = ColumnType.BOOLEAN
    bounds: Interval | None = None


@dataclass(frozen=True, slots=True)
class Like:
    """``operand LIKE pattern``, the pattern a constant of at most 256 characters, backslash escapes."""

    operand: Expression
    pattern: str
    ignores_case: bool = False
    type: ColumnType = ColumnType.BOOLEAN
    bounds: Interval | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """The value of the first branch whose condition is true, else ``otherwise``. (condition, value) each."""

    branches: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression
    type: ColumnType
    bounds: Interval | None = None


Expression = Column | Literal | Function | Comparison | Logic | IsNull | Among | Like | Case


# --- where the rows come from ---


@dataclass(frozen=True, slots=True)
class Scan:
    """A table of a dataset: ``dataset`` is its index in ``Question.datasets``. ``unit`` is the column that says whom a
    row is about, None where every row is one individual. At most ``most_rows`` rows of a unit count; ``samples``: which
    ones is drawn anew for each query, else the same ones each time (it depends on that unit's rows alone)."""

    dataset: int
    schema: str
    table: str
    unit: str | None
    most_rows: int
    samples: bool = True


class JoinKind(StrEnum):
    INNER = "inner"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Join:
    """The scan with the next number is joined: rows of the same unit, for which ``condition`` holds too."""

    kind: JoinKind
    condition: Expression | None


@dataclass(frozen=True, slots=True)
class Source:
    """``scans[0]``, and each further one by the join before it. Rows for which ``where`` is not true do not count.

    A single scan is bounded after ``where``; in a join each scan is bounded before it. Either way one unit has at most
    ``most_rows`` rows: the product of those of the scans.
    """

    scans: tuple[Scan, ...]
    joins: tuple[Join, ...]
    where: Expression | None
    most_rows: int


# --- what is asked of them ---


@dataclass(frozen=True, slots=True)
class Key:
    """What rows are grouped by. ``values`` are all there can be, known beforehand from the metadata or the expression:
    rows with another value, or NULL, are in no group. None: whatever the rows hold, NULL a group of its own, and told
    only above tau. ``mask`` is the regular expression whose groups are masked away wherever the value is put out."""

    expression: Expression
    values: tuple[Value, ...] | None
    mask: str | None = None


class MeasureKind(StrEnum):
    """What is counted exactly, for each group, before noise. All are integers."""

    ROWS = "rows"
    VALUES = "values"
    """Rows in which the operand is not NULL."""
    UNITS = "units"
    """Different units."""
    DISTINCT = "distinct"
    """Different values of the operand that are not NULL; only for limits."""
    SUM = "sum"
    """Of ``Grid.step_of`` of the operand, NULL counting nothing."""
    SQUARES = "squares"
    """Of its square, less ``offset`` each."""
    HISTOGRAM = "histogram"
    """Rows by bin of the operand: ``Bins``."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Numbers as integers: (x - centre) / grain, rounded to the nearest, at most ``most`` away from 0."""

    centre: float
    grain: float
    most: int


@dataclass(frozen=True, slots=True)
class Bins:
    """``count`` bins from ``bounds.lower`` to ``bounds.upper``; the last one includes its end. They are of equal width,
    or lie between ``edges``, ascending and without the bounds. What is beyond the bounds is in the first or last."""

    bounds: Interval
    count: int
    edges: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """One number (a histogram: many) for each group. ``most`` is how much one row adds at most, in absolute value:
    what a unit adds to all groups together is at most that times ``Source.most_rows``."""

    kind: MeasureKind
    operand: Expression | None = None
    grid: Grid | None = None
    bins: Bins | None = None
    offset: int = 0
    most: int = 1


class AggregateKind(StrEnum):
    """What a statement may ask of a group (issue: Analysis)."""

    COUNT_ROWS = "count(*)"
    COUNT = "count"
    COUNT_UNITS = "count(distinct)"
    SUM = "sum"
    AVERAGE = "avg"
    VARIANCE = "variance"
    """Of the sample: VAR, VAR_SAMP, VARIANCE."""
    VARIANCE_OF_ALL = "var_pop"
    DEVIATION = "stddev"
    DEVIATION_OF_ALL = "stddev_pop"
    QUANTILE = "quantile"
    """MIN is the quantile of 0, MAX of 1, MEDIAN of a half."""


COUNTS: Final = frozenset({AggregateKind.COUNT_ROWS, AggregateKind.COUNT, AggregateKind.COUNT_UNITS})
"""Kinds whose exact answer is a whole number, 0 where there are no rows."""


@dataclass(frozen=True, slots=True)
class AutomaticBounds:
    """Bounds that a part of epsilon is spent to find, between those of ``within`` (metadata: use_auto_bounds); each
    found bound is right with ``probability``."""

    within: Interval
    probability: float


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A noisy column of the noisy table, called ``label`` by the statement. ``operand`` has bounds wherever its values
    are computed with; with ``automatic`` they are found first. ``whole``: the result is an integer."""

    kind: AggregateKind
    label: str
    operand: Expression | None = None
    quantile: float | None = None
    whole: bool = False
    automatic: AutomaticBounds | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """Groups that stand for fewer than ``least`` different values are left out; ``column`` None: different units.
    ``is_told``: the column exists for who asks, and may be named."""

    column: Column | None
    least: int
    is_told: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """What is done with the noisy table, in DuckDB's SQL, made by analysis out of its own tree and never from the text
    of who asked. The table is called ``noisy``: columns k0, k1, ... for keys, a0, a1, ... for aggregates, and e0, e1,
    ... for half the width of the interval of 95 % of each aggregate.

    ``statement`` puts out the values of ``columns``, and then what accuracy says of each: the value of a key, the half
    width of an aggregate, NULL for what is computed from several or nested ones.
    """

    statement: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """An analysed statement. ``is_empty``: the answer has the same rows whatever the data, and nothing is charged;
    then ``constants`` are the values of the aggregates of its one row, or None for no row at all."""

    source: Source
    keys: tuple[Key, ...]
    aggregates: tuple[Aggregate, ...]
    shape: Shape
    limits: tuple[Limit, ...]
    tau: float
    """The larger one of the request's and the metadata's; 0 where neither says one."""
    delta: float
    clamps_counts: bool
    is_empty: bool = False
    constants: tuple[Value, ...] | None = None
    datasets: tuple[str, ...] = ()
    """Ids of the datasets that are read."""
    notes: tuple[str, ...] = ()
