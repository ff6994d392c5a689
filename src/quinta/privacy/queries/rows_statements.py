"""From a source, keys and measures to the statements that count them, the same in both engines.

Bounding: a unit has at most ``most_rows`` rows in what is counted. One table is bounded after its condition, and after
rows of no declared group are left out: a row that counts nowhere would use up a place of its unit for nothing, and
whether it does depends on that row alone. In a join each table is bounded before it, rows without a unit left out:
nobody's rows have no bound, and equal no row of another table. The rows taken are those that come first in an order
that is a hash of each row's tag, which is made of that row alone (and how many like it the unit has), and of the draw's
salt: so they depend on the unit's own rows, and every one comes first equally often.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.measured import Count, Measured
from quinta.privacy.queries.rows_dialects import Dialect
from quinta.privacy.queries.rows_expressions import Emitted, Emitter
from quinta.privacy.queries.tree import (
    JoinKind,
    Key,
    Literal,
    Measure,
    MeasureKind,
    Scan,
    Source,
    Value,
)


@dataclass(frozen=True, slots=True)
class Relation:
    """A scan's table in its engine. ``columns`` are identifiers by the name of the metadata, their values of the
    dialect's types, without NaN. ``tag`` is the column of the rows' tags, which a scan with a unit has."""

    sql: str
    columns: Mapping[str, str]
    tag: str = ""
    shares_tags: bool = False
    """Rows that are alike in all columns have one tag: a row's own is made of it and of how many have it before."""
    numbered: str | None = None
    """The column by which the table was sorted: ``unit`` is the number of its value, from 0 on and below 2^32, ``size``
    how many rows there are of it, in the order of the table, which a window without an order sees."""
    largest: Mapping[str, int] = field(default_factory=dict)
    """How many rows with the same value a column has at most, of columns of which that is known."""


Run = Callable[[str], list[tuple[Any, ...]]]
"""Runs a statement and answers its rows."""


def measure(
    dialect: Dialect,
    relations: Sequence[Relation],
    source: Source,
    keys: Sequence[Key],
    measures: Sequence[Measure],
    salts: Sequence[int],
    run: Run,
) -> Measured:
    """Counts; ``salts`` are those of the scans' draws."""
    question = _Question(dialect, relations, source, keys, salts)
    scalars = [item for item in measures if item.kind is not MeasureKind.HISTOGRAM]
    found: dict[tuple[Value, ...], list[Count]] = {}
    counted = {question.key(row): row[len(keys) :] for row in run(question.scalars(scalars))}
    bins: list[dict[tuple[Value, ...], dict[int, int]]] = []
    for item in measures:
        if item.kind is MeasureKind.HISTOGRAM:
            histogram: dict[tuple[Value, ...], dict[int, int]] = {}
            for row in run(question.histogram(item)):
                histogram.setdefault(question.key(row), {})[int(row[-2])] = int(row[-1])
            bins.append(histogram)
    for key, numbers in counted.items():
        scalar, histograms = iter(numbers[1:]), iter(bins)
        found[key] = [_next(item, key, scalar, histograms) for item in measures]
    return Measured({key: tuple(counts) for key, counts in found.items()})


def _next(
    item: Measure,
    key: tuple[Value, ...],
    scalars: Iterator[Any],
    histograms: Iterator[Mapping[tuple[Value, ...], Mapping[int, int]]],
) -> Count:
    if item.kind is MeasureKind.HISTOGRAM:
        return next(histograms).get(key, {})
    return int(next(scalars) or 0)


class _Question:
    """The statements about one source and its keys."""

    def __init__(
        self,
        dialect: Dialect,
        relations: Sequence[Relation],
        source: Source,
        keys: Sequence[Key],
        salts: Sequence[int],
    ) -> None:
        self._dialect = dialect
        self._relations = relations
        self._source = source
        self._keys = keys
        self._salts = salts
        self._emitter = Emitter(dialect, lambda scan, name: f"s{scan}.{relations[scan].columns[name]}")
        self._emitted = [self._emitter.emit(key.expression) for key in keys]
        self._declared = [
            None if key.values is None else {_plain(value): value for value in key.values} for key in keys
        ]

    def key(self, row: Sequence[Any]) -> tuple[Value, ...]:
        """The values of the keys that a row of an answer begins with; those that were declared as they were."""
        return tuple(
            self._value(index, value, key.expression.type)
            for index, (key, value) in enumerate(zip(self._keys, row, strict=False))
        )

    def scalars(self, measures: Sequence[Measure]) -> str:
        columns = [*self._key_columns(), "count(*)", *map(self._aggregate, measures)]
        return f"SELECT {', '.join(columns)} FROM {self._drawn()}{self._grouping(len(self._keys))}"

    def histogram(self, item: Measure) -> str:
        assert item.operand is not None
        assert item.bins is not None
        keys = [f"k{index}" for index in range(len(self._keys))]
        operand = f"{self._emitter.number(item.operand)} AS operand"
        inner = f"SELECT {', '.join([*self._named_keys(), operand])} FROM {self._drawn()}"
        bin_ = f"{self._emitter.bin('operand', item.bins)} AS bin"
        binned = f"SELECT {', '.join([*keys, bin_])} FROM ({inner}) AS valued WHERE operand IS NOT NULL"
        columns = ", ".join([*keys, "bin"])
        return f"SELECT {columns}, count(*) FROM ({binned}) AS binned GROUP BY {columns}"

    def _value(self, index: int, value: Any, type_: ColumnType) -> Value:
        found: Value = value
        if isinstance(value, datetime):
            found = value.replace(tzinfo=UTC)
        elif value is not None and type_ is ColumnType.INT:
            found = int(value)
        elif value is not None and type_ is ColumnType.FLOAT:
            found = float(value)
        declared = self._declared[index]
        return found if declared is None else declared[_plain(found)]

    def _key_columns(self) -> list[str]:
        return [_key_sql(key) for key in self._emitted]

    def _named_keys(self) -> list[str]:
        return [f"{_key_sql(key)} AS k{index}" for index, key in enumerate(self._emitted)]

    def _grouping(self, count: int) -> str:
        return " GROUP BY " + ", ".join(str(index + 1) for index in range(count)) if count else ""

    def _aggregate(self, item: Measure) -> str:
        match item.kind:
            case MeasureKind.ROWS:
                return "count(*)"
            case MeasureKind.UNITS:
                return self._units()
            case MeasureKind.VALUES:
                return f"count({self._operand(item)})"
            case MeasureKind.DISTINCT:
                return f"count(DISTINCT {self._operand(item)})"
        assert item.operand is not None
        assert item.grid is not None
        if item.kind is MeasureKind.SUM:
            return f"sum({self._emitter.step(item.operand, item.grid)})"
        return f"sum({self._emitter.square(item.operand, item.grid, item.offset)})"

    def _operand(self, item: Measure) -> str:
        assert item.operand is not None
        return _key_sql(self._emitter.emit(item.operand))

    def _units(self) -> str:
        """Where a unit has one row at most, its rows are its units."""
        unit = self._source.scans[0].unit
        if unit is None or self._source.most_rows == 1:
            return "count(*)"
        is_numbered = self._relations[0].numbered == unit
        return f"count(DISTINCT {'s0.unit' if is_numbered else self._column(0, unit)})"

    def _column(self, scan: int, name: str) -> str:
        return f"s{scan}.{self._relations[scan].columns[name]}"

    def _drawn(self) -> str:
        """What is counted: FROM and WHERE."""
        conditions = [*self._groups(), *([self._where()] if self._source.where is not None else [])]
        if len(self._source.scans) == 1:
            return self._bounded(0, conditions)
        tables = self._bounded(0, [])
        for number, join in enumerate(self._source.joins, start=1):
            kind = "JOIN" if join.kind is JoinKind.INNER else "LEFT JOIN"
            on = [self._same_unit(number)]
            if join.condition is not None:
                on.append(self._emitter.condition(join.condition))
            tables += f" {kind} {self._bounded(number, [])} ON {' AND '.join(on)}"
        return tables + (f" WHERE {' AND '.join(conditions)}" if conditions else "")

    def _where(self) -> str:
        assert self._source.where is not None
        return self._emitter.condition(self._source.where)

    def _same_unit(self, number: int) -> str:
        first, other = self._source.scans[0].unit, self._source.scans[number].unit
        assert first is not None
        assert other is not None
        return f"{self._column(0, first)} = {self._column(number, other)}"

    def _groups(self) -> list[str]:
        """Rows outside of all declared groups are in none."""
        found = []
        for key, emitted in zip(self._keys, self._emitted, strict=True):
            if key.values is not None:
                values = [Literal(value, key.expression.type) for value in key.values if value is not None]
                found.append(self._among(emitted, values))
        return found

    def _among(self, emitted: Emitted, values: Sequence[Literal]) -> str:
        if not values:
            return "FALSE"
        literals = [self._emitter.literal(value.value, value.type) for value in values]
        if ColumnType.FLOAT in {emitted.type, *(item.type for item in literals)} and emitted.type is ColumnType.INT:
            literals = [item for item in literals if item.type is ColumnType.INT]  # no column holds the others
        return f"{emitted.sql} IN ({', '.join(item.sql for item in literals)})" if literals else "FALSE"

    def _bounded(self, number: int, conditions: Sequence[str]) -> str:
        """The scan, under its alias, with at most so many rows of each unit."""
        scan, relation = self._source.scans[number], self._relations[number]
        if scan.unit is not None:
            conditions = [f"{self._column(number, scan.unit)} IS NOT NULL", *conditions]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        inner = f"{relation.sql} AS s{number}{where}"
        if scan.unit is None or relation.largest.get(scan.unit, math.inf) <= scan.most_rows:
            return f"(SELECT * FROM {inner}) AS s{number}"
        if relation.numbered == scan.unit:
            return _first_of_numbered(f"s{number}", inner, scan, self._order(number))
        unit = self._column(number, scan.unit)
        if relation.shares_tags:
            # After the conditions, which leave all rows that are alike or none.
            alike = f"row_number() OVER (PARTITION BY {unit}, s{number}.{relation.tag}) AS alike"
            inner = f"(SELECT s{number}.*, {alike} FROM {inner}) AS s{number}"
        return f"({_first_rows(f's{number}', inner, unit, scan, self._order(number))}) AS s{number}"

    def _order(self, number: int) -> str:
        tag = f"s{number}.{self._relations[number].tag}"
        return self._dialect.order.format(tag=tag, alike=f"s{number}.alike", salt=self._salts[number])


def _first_rows(alias: str, inner: str, unit: str, scan: Scan, order: str) -> str:
    ranked = f"SELECT {alias}.*, row_number() OVER (PARTITION BY {unit} ORDER BY {order}) AS place FROM {inner}"
    return f"SELECT * FROM ({ranked}) AS {alias} WHERE place <= {scan.most_rows}"


def _first_of_numbered(alias: str, inner: str, scan: Scan, order: str) -> str:
    """As ``_first_rows``, but faster where the rows of units are beside each other, in the order of their numbers.

    One row of each: ``place`` is less for a later unit than for any earlier one, so that the least place so far is that
    of a row of this unit or of none yet; rows that have it when they are met are better than all of their unit before
    them, and the last of these is the best. Were rows met in another order, then rows of units before the one with the
    highest number so far would not have the least place: rows would be missing, but no unit would have two.

    Several rows: units that have no more than so many need no places.
    """
    if scan.most_rows > 1:
        few, many = (
            f"(SELECT * FROM {inner}) AS {alias} WHERE {alias}.size {test} {scan.most_rows}" for test in ("<=", ">")
        )
        some = _first_rows(alias, many, f"{alias}.unit", scan, order)
        return f"(SELECT {alias}.*, 0 AS place FROM {few} UNION ALL {some}) AS {alias}"
    place = f"((4294967295 - CAST({alias}.unit AS UBIGINT)) << 32) | ({order} >> 32) AS place"
    least = "min(place) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS least"
    better = f"SELECT * FROM (SELECT *, {least} FROM (SELECT {alias}.*, {place} FROM {inner})) WHERE place = least"
    last = f"SELECT *, lead(unit) OVER () AS following FROM ({better})"
    return f"(SELECT * FROM ({last}) WHERE following IS DISTINCT FROM unit) AS {alias}"


def _key_sql(emitted: Emitted) -> str:
    """A number's two zeros are one group."""
    return f"({emitted.sql} + 0.0)" if emitted.type is ColumnType.FLOAT else emitted.sql


def _plain(value: Value) -> Value:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
