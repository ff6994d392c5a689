"""Random tables and their datasets, as files and in PostgreSQL, and random questions about them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st

from quinta.core.datasets.masking import MaskRules
from quinta.core.datasets.metadata import (
    ColumnMetadata,
    ColumnType,
    ConnectorMetadata,
    DatasetMetadata,
    SchemaMetadata,
    TableMetadata,
)
from quinta.core.queries.model import AskedDataset
from quinta.privacy.queries.tree import (
    Among,
    Bins,
    Case,
    Column,
    Comparison,
    Expression,
    Function,
    Grid,
    Interval,
    IsNull,
    Key,
    Like,
    Literal,
    Logic,
    Measure,
    MeasureKind,
    Scan,
    Source,
)

Row = Mapping[str, Any]

NUMBER, AMOUNT, NAME, MOMENT, FLAG = 'a "number"', "amount; --", "näme'", "select", "flag"
"""Names of columns: hostile ones."""
UNIT: Final = "unit"
TYPES: Final = {
    UNIT: ColumnType.INT,
    NUMBER: ColumnType.INT,
    AMOUNT: ColumnType.FLOAT,
    NAME: ColumnType.STRING,
    MOMENT: ColumnType.DATETIME,
    FLAG: ColumnType.BOOLEAN,
}
SCHEMA, TABLE = 'sche"ma', "ta'ble; DROP"
NUMBERS: Final = Interval(-100.0, 1000.5)
AMOUNTS: Final = Interval(-2.5, 1e6)
MOMENTS: Final = Interval(0.0, 4e9)

texts = st.one_of(
    st.sampled_from(["a", "A", "b ", "ab", "é", "%", "_", "\\", "a%b", "'; --", '"', "x,y", "line\nbreak", "\x1f\x1b"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=6),
)
moments = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))
values: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    UNIT: st.one_of(st.none(), st.integers(0, 8), st.integers(-(2**63), 2**63 - 1)),
    NUMBER: st.one_of(st.none(), st.integers(-3, 5), st.integers(-(2**63), 2**63 - 1)),
    AMOUNT: st.one_of(st.none(), st.sampled_from([0.0, -0.0, 0.5, 1.5, 2.5]), st.floats()),
    NAME: st.one_of(st.none(), texts),
    MOMENT: st.one_of(st.none(), st.sampled_from([datetime(2000, 2, 29, 23, 59, 59, tzinfo=UTC)]), moments),
    FLAG: st.one_of(st.none(), st.booleans()),
}
rows = st.lists(st.fixed_dictionaries(dict(values)), max_size=12)


def canonical(row: Row) -> Row:
    """As a source has it: NaN is NULL, there is one zero."""
    amount = row[AMOUNT]
    return {**row, AMOUNT: None if amount is None or amount != amount else amount + 0.0}


# --- datasets ---


def metadata(connector: ConnectorMetadata, unit: str | None = UNIT, database: str = "") -> DatasetMetadata:
    columns = tuple(ColumnMetadata(name, type_) for name, type_ in TYPES.items())
    table = TableMetadata(TABLE, columns, privacy_level=1, privacy_column=unit)
    return DatasetMetadata("people", "", 1, connector, (SchemaMetadata(SCHEMA, (table,)),), database_name=database)


def file_dataset(path: Path, rows: Sequence[Row], unit: str | None = UNIT) -> AskedDataset:
    """A csv or json file, by the ending."""
    write = {".csv": _write_csv, ".json": _write_json}[path.suffix]
    write(path, rows)
    return AskedDataset(
        "1", "people", metadata(ConnectorMetadata(path.suffix[1:], str(path)), unit), MaskRules(), path=str(path)
    )


def _write_csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(TYPES)
        writer.writerows([_cell(row[name]) for name in TYPES] for row in rows)


def _write_json(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(json.dumps(dict(row), default=str) + "\n" for row in rows), encoding="utf-8")


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


# --- questions ---


def column(name: str) -> Column:
    """Raw."""
    return Column(0, name, TYPES[name], None)


number = Column(0, NUMBER, ColumnType.INT, NUMBERS, clamped=True)
amount = Column(0, AMOUNT, ColumnType.FLOAT, AMOUNTS, clamped=True)
moment = Column(0, MOMENT, ColumnType.DATETIME, MOMENTS, clamped=True)


def whole(value: int) -> Literal:
    return Literal(value, ColumnType.INT, Interval(value, value))


def fraction(value: float) -> Literal:
    return Literal(value, ColumnType.FLOAT, Interval(value, value))


def _bounds(name: str, left: Interval, right: Interval) -> Interval:
    ends = [
        {"add": a + b, "subtract": a - b, "multiply": a * b, "divide": a / b if b else 0.0}[name]
        for a in (left.lower, left.upper)
        for b in (right.lower, right.upper)
    ]
    return Interval(min(ends), max(ends))


@st.composite
def _arithmetic(draw: st.DrawFn, terms: st.SearchStrategy[Expression]) -> Expression:
    left, right = draw(terms), draw(terms)
    name = draw(st.sampled_from(["add", "subtract", "multiply", "divide"]))
    if name == "divide":
        right = draw(st.sampled_from([whole(3), fraction(-0.25), fraction(7e9)]))
    assert left.bounds is not None
    assert right.bounds is not None
    is_whole = left.type is right.type is ColumnType.INT and name != "divide"
    return Function(
        name,
        (left, right),
        ColumnType.INT if is_whole else ColumnType.FLOAT,
        _bounds(name, left.bounds, right.bounds),
    )


@st.composite
def _rounding(draw: st.DrawFn, terms: st.SearchStrategy[Expression]) -> Expression:
    term = draw(terms)
    assert term.bounds is not None
    name = draw(st.sampled_from(["neg", "absolute", "floor", "ceiling", "round"]))
    reach = max(abs(term.bounds.lower), abs(term.bounds.upper)) + 1
    is_whole = term.type is ColumnType.INT or name in ("floor", "ceiling", "round")
    return Function(name, (term,), ColumnType.INT if is_whole else ColumnType.FLOAT, Interval(-reach, reach))


@st.composite
def _choice(draw: st.DrawFn, terms: st.SearchStrategy[Expression]) -> Expression:
    """Of two numbers one: bounds around both."""
    left, right = draw(terms), draw(terms)
    assert left.bounds is not None
    assert right.bounds is not None
    bounds = Interval(min(left.bounds.lower, right.bounds.lower), max(left.bounds.upper, right.bounds.upper))
    type_ = left.type if left.type is right.type else ColumnType.FLOAT
    null = Literal(None, ColumnType.STRING)
    if draw(st.booleans()):
        otherwise = draw(st.sampled_from([right, null]))
        return Case(((draw(simple_conditions), left),), otherwise, type_, bounds)
    return Function(draw(st.sampled_from(["least", "greatest", "coalesce"])), (left, right), type_, bounds)


whole_parts = st.sampled_from(["year", "month", "day", "hour", "weekday"]).map(
    lambda name: Function(name, (column(MOMENT),), ColumnType.INT, Interval(0.0, 9999.0))
)
lengths = st.just(Function("length", (column(NAME),), ColumnType.INT, Interval(0.0, 1e9)))
simple_conditions: st.SearchStrategy[Expression] = st.one_of(
    st.just(column(FLAG)),
    st.sampled_from(list(TYPES)).map(lambda name: IsNull(column(name))),
    st.tuples(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), values[NUMBER]).map(
        lambda pair: Comparison(pair[0], column(NUMBER), Literal(pair[1], ColumnType.INT))
    ),
)
numbers: st.SearchStrategy[Expression] = st.recursive(
    st.one_of(
        st.sampled_from([number, amount]),
        st.integers(-9, 9).map(whole),
        st.sampled_from([0.5, -1e-200, 2.5e-7, 1e9]).map(fraction),
        whole_parts,
        lengths,
    ),
    lambda terms: st.one_of(_arithmetic(terms), _rounding(terms), _choice(terms)),
    max_leaves=4,
)
names: st.SearchStrategy[Expression] = st.one_of(
    st.just(column(NAME)),
    st.just(Function("trim", (column(NAME),), ColumnType.STRING)),
    texts.map(lambda text: Function("coalesce", (column(NAME), Literal(text, ColumnType.STRING)), ColumnType.STRING)),
)
patterns = st.text(st.sampled_from("ab%_\\é'"), max_size=5)
operators = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
conditions: st.SearchStrategy[Expression] = st.recursive(
    st.one_of(
        simple_conditions,
        st.builds(lambda op, a, b: Comparison(op, a, b), operators, numbers, numbers),
        st.builds(lambda op, text: Comparison(op, column(NAME), Literal(text, ColumnType.STRING)), operators, texts),
        st.builds(lambda op, at: Comparison(op, column(MOMENT), Literal(at, ColumnType.DATETIME)), operators, moments),
        st.builds(lambda op, x: Comparison(op, column(AMOUNT), fraction(x)), operators, st.floats(allow_nan=False)),
        st.builds(Like, names, patterns),
        st.lists(texts, min_size=1, max_size=3).map(
            lambda items: Among(column(NAME), tuple(Literal(item, ColumnType.STRING) for item in items))
        ),
        st.lists(st.integers(-3, 5), min_size=1, max_size=3).map(
            lambda items: Among(column(NUMBER), tuple(whole(item) for item in items))
        ),
    ),
    lambda terms: st.one_of(
        terms.map(lambda term: Logic("not", (term,))),
        st.builds(lambda op, a, b: Logic(op, (a, b)), st.sampled_from(["and", "or"]), terms, terms),
    ),
    max_leaves=4,
)
keys: st.SearchStrategy[Key] = st.one_of(
    st.sampled_from(list(TYPES)).map(lambda name: Key(column(name), None)),
    st.just(Key(column(FLAG), (True, False))),
    st.just(Key(column(NAME), ("a", "A", "b ", "é", "missing"))),
    st.just(Key(column(NUMBER), tuple(range(-3, 6)))),
    st.just(Key(column(AMOUNT), (0.0, 0.5, 2.5))),
    st.just(Key(column(MOMENT), (datetime(2000, 2, 29, 23, 59, 59, tzinfo=UTC),))),
    numbers.map(lambda term: Key(term, None)),
)


def equal_bins(bounds: Interval) -> st.SearchStrategy[Bins]:
    return st.sampled_from([1, 2, 7, 100]).map(lambda count: Bins(bounds, count))


def unequal_bins(bounds: Interval) -> st.SearchStrategy[Bins]:
    """Some of the edges are numbers that rows have."""
    edges = st.one_of(st.floats(bounds.lower, bounds.upper), st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.5, 4.0]))
    return st.sets(edges, min_size=1, max_size=70).map(lambda few: Bins(bounds, len(few) + 1, tuple(sorted(few))))


@st.composite
def measures(draw: st.DrawFn) -> Measure:
    kind = draw(st.sampled_from(list(MeasureKind)))
    if kind in (MeasureKind.ROWS, MeasureKind.UNITS):
        return Measure(kind)
    if kind in (MeasureKind.VALUES, MeasureKind.DISTINCT):
        return Measure(kind, draw(st.one_of(st.sampled_from(list(TYPES)).map(column), numbers)))
    operand = draw(st.one_of(numbers, st.just(moment)))
    assert operand.bounds is not None
    bounds = operand.bounds
    if kind is MeasureKind.HISTOGRAM:
        if bounds.lower == bounds.upper:
            bounds = Interval(bounds.lower, bounds.lower + 1)
        return Measure(kind, operand, bins=draw(st.one_of(equal_bins(bounds), unequal_bins(bounds))))
    centre = draw(st.sampled_from([0.0, bounds.lower / 2 + bounds.upper / 2]))
    grid = Grid(centre, draw(st.sampled_from([1.0, 2.0**-10, 2.0**40])), draw(st.sampled_from([1, 100, 2**30, 2**40])))
    offset = draw(st.sampled_from([0, grid.most**2 // 2])) if kind is MeasureKind.SQUARES else 0
    return Measure(kind, operand, grid, offset=offset, most=max(grid.most**2 - offset, offset))


@st.composite
def questions(draw: st.DrawFn, most_rows: int, unit: str | None = UNIT) -> tuple[Source, list[Key], list[Measure]]:
    scan = Scan(0, SCHEMA, TABLE, unit, most_rows)
    where = draw(st.one_of(st.none(), conditions))
    return (
        Source((scan,), (), where, most_rows),
        draw(st.lists(keys, max_size=2)),
        draw(st.lists(measures(), max_size=4)),
    )
