"""Bounds that analysis gives an expression hold for every row, whatever is in it; and so do the values of keys."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quinta.core.datasets.metadata import ColumnMetadata, ColumnType, SchemaMetadata, TableMetadata
from quinta.core.errors import InvalidInput
from quinta.core.queries.model import AskedDataset
from quinta.privacy.queries.statements.relations import columns_of
from quinta.privacy.queries.tree import Expression, Plan
from tests.privacy.queries.interpreter import worth
from tests.privacy.queries.shop import dataset, plan

whole = st.integers(-1000, 1000)
real = st.floats(-1e6, 1e6, allow_nan=False)
value_of_int = st.none() | st.integers(-(2**60), 2**60) | whole
value_of_float = st.none() | st.floats(allow_nan=True, allow_infinity=True) | real


@st.composite
def tables(draw: st.DrawFn) -> AskedDataset:
    columns = [ColumnMetadata("id", ColumnType.INT, private_id=True)]
    for number in range(3):
        low, high = sorted((draw(whole), draw(whole)))
        columns.append(ColumnMetadata(f"i{number}", ColumnType.INT, bounded=True, lower=low, upper=high))
        least, most = sorted((draw(real), draw(real)))
        columns.append(ColumnMetadata(f"f{number}", ColumnType.FLOAT, bounded=True, lower=least, upper=most))
    return dataset(SchemaMetadata("main", (TableMetadata("t", tuple(columns), 2, privacy_column="id"),)))


leaves = st.sampled_from(["i0", "i1", "i2", "f0", "f1", "f2"]) | whole.map(str) | real.map(lambda value: f"{value:.6f}")


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = ["({} + {})", "({} - {})", "({} * {})", "({} / {})", "LEAST({}, {})", "GREATEST({}, {})", "COALESCE({}, {})"]
    two += ["NULLIF({}, {})", "CASE WHEN {} > {} THEN 3 END"]
    one = ["(- {})", "ABS({})", "FLOOR({})", "CEIL({})", "ROUND({})", "ROUND({}, 2)", "ROUND({}, -2)", "NULLIF({}, 0)"]
    one += [
        "CAST({} AS INT)",
        "CAST({} AS FLOAT)",
        "WIDTH_BUCKET({}, -10, 90, 7)",
        "CASE WHEN {} BETWEEN -5 AND 5 THEN 1 ELSE 0 END",
    ]
    three = [
        "CASE WHEN {} < {} THEN {} ELSE 1.5 END",
        "CASE WHEN {} IS NULL THEN {} ELSE {} END",
        "CASE {} WHEN 1 THEN {} ELSE {} END",
    ]
    return st.one_of(
        st.builds(str.format, st.sampled_from(one), inner),
        st.builds(str.format, st.sampled_from(two), inner, inner),
        st.builds(str.format, st.sampled_from(three), inner, inner, inner),
    )


expressions = st.recursive(leaves, _grown, max_leaves=8)
rows = st.fixed_dictionaries(
    {**{f"i{n}": value_of_int for n in range(3)}, **{f"f{n}": value_of_float for n in range(3)}}
)


def accepted(statement: str, asked: AskedDataset) -> Plan | None:
    try:
        return plan(statement, asked)
    except InvalidInput:
        return None


def check(expression: Expression, row: dict[str, Any]) -> None:
    value = worth(expression, row)
    assert expression.bounds is not None
    if value is not None:
        assert math.isfinite(value)
        assert expression.bounds.lower <= value <= expression.bounds.upper
        assert isinstance(value, int) or expression.type is ColumnType.FLOAT


@settings(max_examples=200, deadline=None)
@given(tables(), expressions, st.lists(rows, min_size=3, max_size=12))
def test_bounds_hold_for_every_row(asked: AskedDataset, text: str, some: list[dict[str, Any]]) -> None:
    found = accepted(f"SELECT SUM({text}) FROM t", asked)
    if found is None:
        return
    operand = found.aggregates[0].operand
    assert operand is not None
    corners: list[dict[str, Any]] = [{}, {}, {}]
    for column in columns_of(operand):
        assert column.bounds is not None
        for corner, value in zip(corners, (column.bounds.lower, column.bounds.upper, None), strict=True):
            corner[column.name] = value
    for row in [*some, *(dict.fromkeys(some[0]) | corner for corner in corners)]:
        check(operand, row)


@settings(max_examples=200, deadline=None)
@given(tables(), expressions, st.lists(rows, min_size=3, max_size=12))
def test_keys_are_among_their_values(asked: AskedDataset, text: str, some: list[dict[str, Any]]) -> None:
    found = accepted(f"SELECT COUNT(*) FROM t GROUP BY {text}", asked)
    if found is None or found.keys[0].values is None:
        return
    for row in some:
        value = worth(found.keys[0].expression, row)
        assert value is None or value in found.keys[0].values
    assert len(set(found.keys[0].values)) == len(found.keys[0].values) <= 10_000


@pytest.mark.parametrize(
    ("text", "lower", "upper"),
    [
        ("age - 10", -10, 80),
        ("age * age", 0, 8100),
        ("-age", -90, 0),
        ("ABS(visits)", 0, 5000),
        ("ABS(age - 45)", 0, 45),
        ("1.0 / (age + 10)", 0.01, 0.1),
        ("LEAST(visits, 7)", -20, 7),
        ("LEAST(visits, age)", -20, 5000),
        ("GREATEST(visits, 7)", 7, 5000),
        ("NULLIF(age, 0)", 1, 90),
        ("NULLIF(visits, 0)", -20, 5000),
        ("COALESCE(age, -1)", -1, 90),
        ("CASE WHEN age > 5 THEN age ELSE -3 END", -3, 90),
        ("FLOOR(age / 7)", 0, 12),
        ("EXTRACT(MONTH FROM seen)", 1, 12),
        ("CASE WHEN city = 'x' THEN visits END", -20, 5000),
        ("member", 0, 1),
        ("5", 5, 5),
    ],
)
def test_bounds_are_tight(text: str, lower: float, upper: float) -> None:
    operand = plan(f"SELECT SUM({text}) FROM people").aggregates[0].operand
    assert operand is not None
    assert operand.bounds is not None
    assert (operand.bounds.lower, operand.bounds.upper) == pytest.approx((lower, upper))
