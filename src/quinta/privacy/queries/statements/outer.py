"""The shape: SQL of one level of post-processing, in DuckDB's dialect, made from the typed tree alone.

Every level puts out v<level>_<n>, the values, w<level>_<n>, what accuracy says of them, and o<level>, a number for the
order of its rows, which keys or the order of the level below decide where ORDER BY leaves it open: so that results and
accuracy have the same rows in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.statements.aggregates import Asked
from quinta.privacy.queries.statements.expressions import Builder
from quinta.privacy.queries.statements.literals import NUMBERS
from quinta.privacy.queries.statements.refusals import refused, text_of
from quinta.privacy.queries.statements.relations import Core, Named, Names, Noisy, Told, columns_of
from quinta.privacy.queries.statements.rendering import rendered
from quinta.privacy.queries.statements.selects import Parts
from quinta.privacy.queries.tree import AggregateKind, Column, Expression, Shape

Order = Sequence[tuple[Expression, bool, bool]]
"""Expression, whether descending, whether NULL comes first."""

_SQL = {
    AggregateKind.SUM: "sum({})",
    AggregateKind.AVERAGE: "avg({})",
    AggregateKind.VARIANCE: "var_samp({})",
    AggregateKind.VARIANCE_OF_ALL: "var_pop({})",
    AggregateKind.DEVIATION: "stddev_samp({})",
    AggregateKind.DEVIATION_OF_ALL: "stddev_pop({})",
}


@dataclass(frozen=True, slots=True)
class Level:
    """Where one level reads: ``source`` in SQL, the columns that decide ties, what accuracy says of its columns."""

    number: int
    source: str
    ties: tuple[str, ...]
    told: Mapping[str, tuple[Told, str]]

    @staticmethod
    def grouped(
        number: int, inner: Noisy, where: Expression | None, keys: Sequence[Expression], aggregates: Sequence[str]
    ) -> Level:
        """Groups of the rows of the level below."""
        names = [f"g{number}_{place}" for place in range(len(keys))]
        made = [f"{rendered(key)} AS {name}" for key, name in zip(keys, names, strict=True)]
        made += [f"{sql} AS h{number}_{place}" for place, sql in enumerate(aggregates)]
        by = f" GROUP BY {', '.join(map(rendered, keys))}" if keys else ""
        source = f"(SELECT {', '.join(made)} FROM ({inner.sql}){_where(where)}{by})"
        told: dict[str, tuple[Told, str]] = {
            name: (Told.VALUE if _of_keys(key, inner.told) else Told.NOTHING, "")
            for name, key in zip(names, keys, strict=True)
        }
        told |= {f"h{number}_{place}": (Told.NOTHING, "") for place in range(len(aggregates))}
        return Level(number, source, tuple(names), told)

    def select(
        self,
        core: Core,
        items: Sequence[Expression],
        titles: Sequence[tuple[str, str]],
        condition: Expression | None,
        order: Order,
        parts: Parts,
        *,
        never: bool,
    ) -> Noisy:
        """The level's rows: (name, title) each of ``titles``."""
        number, said, columns = self.number, list[str](), list[Named]()
        told: dict[str, tuple[Told, str]] = {}
        for place, (expression, (name, title)) in enumerate(zip(items, titles, strict=True)):
            value, width = f"v{number}_{place}", f"w{number}_{place}"
            kind, sql = self._accuracy(expression)
            said += [f"{rendered(expression)} AS {value}", f"{sql} AS {width}"]
            told[value] = (kind, width)
            columns.append(Named(name or title, Column(-1, value, expression.type, None)))
        ordered = [_ordered(*item) for item in order] + list(self.ties)
        over = f"ORDER BY {', '.join(ordered)}" if ordered else ""
        said.append(f"row_number() OVER ({over}) AS o{number}")
        sql = f"SELECT {', '.join(said)} FROM {self.source}{_where(condition)}"
        if parts.limit is not None or parts.offset:
            limit = f" LIMIT {parts.limit}" if parts.limit is not None else ""
            sql = f"SELECT * FROM ({sql}) ORDER BY o{number}{limit} OFFSET {parts.offset}"
        titled = tuple(title for _, title in titles)
        return Noisy(core, sql, number, Names((), tuple(columns)), titled, told, never)

    def _accuracy(self, expression: Expression) -> tuple[Told, str]:
        """What accuracy says of the column, and in which SQL."""
        if _of_keys(expression, self.told):
            return Told.VALUE, rendered(expression)
        if isinstance(expression, Column) and self.told[expression.name][0] is Told.WIDTH:
            return Told.WIDTH, self.told[expression.name][1]
        return Told.NOTHING, "CAST(NULL AS DOUBLE)"


def _of_keys(expression: Expression, told: Mapping[str, tuple[Told, str]]) -> bool:
    return all(told[column.name][0] is Told.VALUE for column in columns_of(expression))


def _where(condition: Expression | None) -> str:
    return "" if condition is None else f" WHERE {rendered(condition)}"


def _ordered(expression: Expression, descending: bool, nulls_first: bool) -> str:
    return f"{rendered(expression)} {'DESC' if descending else 'ASC'} NULLS {'FIRST' if nulls_first else 'LAST'}"


def shape_of(noisy: Noisy) -> Shape:
    """The statement's shape: columns with names that are all different, whatever the case of letters."""
    columns = _different(noisy.titles)
    values, widths = [], []
    for number, column in enumerate(noisy.names.columns):
        value, width = f"v{noisy.level}_{number}", f"w{noisy.level}_{number}"
        if column.expression.type is ColumnType.FLOAT:
            value, width = (f"CASE WHEN isfinite({name}) THEN {name} END" for name in (value, width))
        values.append(value)
        widths.append(width)
    selected = ", ".join(values + widths)
    return Shape(f"SELECT {selected} FROM ({noisy.sql}) ORDER BY {noisy.order}", columns)


def _different(titles: Sequence[str]) -> tuple[str, ...]:
    taken: set[str] = set()
    found: list[str] = []
    for title in titles:
        name, number = title, 1
        while name.casefold() in taken:
            number += 1
            name = f"{title}_{number}"
        taken.add(name.casefold())
        found.append(name)
    return tuple(found)


def noisy_aggregate(asked: Asked, builder: Builder) -> tuple[str, ColumnType]:
    """An aggregate of noisy values, which costs nothing: its SQL and type."""
    held = "" if asked.condition is None else f" FILTER (WHERE {rendered(builder.condition(asked.condition))})"
    if asked.operand is None:
        return f"count(*){held}", ColumnType.INT
    operand = builder.build(asked.operand)
    sql = rendered(operand)
    if asked.kind in (AggregateKind.COUNT, AggregateKind.COUNT_UNITS):
        distinct = "DISTINCT " if asked.kind is AggregateKind.COUNT_UNITS else ""
        return f"count({distinct}{sql}){held}", ColumnType.INT
    if asked.kind is AggregateKind.QUANTILE and asked.quantile in (0.0, 1.0):
        return f"{'max' if asked.quantile else 'min'}({sql}){held}", operand.type
    if operand.type not in NUMBERS:
        raise refused(f"{text_of(asked.operand)} is a {operand.type.value}; a number is needed", asked.node)
    if asked.kind is AggregateKind.SUM and operand.type is ColumnType.INT:
        return f"sum({sql}){held}", ColumnType.INT
    double = f"CAST({sql} AS DOUBLE)"
    if asked.kind is AggregateKind.QUANTILE:
        return f"quantile_cont({double}, {asked.quantile!r}){held}", ColumnType.FLOAT
    return f"{_SQL[asked.kind].format(double)}{held}", ColumnType.FLOAT
