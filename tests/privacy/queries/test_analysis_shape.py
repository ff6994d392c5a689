"""The shape: SQL that DuckDB runs on any noisy table, with the values and half widths that the statement asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from quinta.core.datasets.metadata import ColumnType
from quinta.core.errors import InvalidInput
from quinta.privacy.queries.tree import Plan
from tests.privacy.queries.shop import plan

TYPES = {
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATETIME: "TIMESTAMP",
    ColumnType.FLOAT: "DOUBLE",
    ColumnType.INT: "BIGINT",
    ColumnType.STRING: "VARCHAR",
}
NASTY_WHOLE = [None, 0, -1, 1, 7, 2**63 - 1, -(2**63)]
NASTY_REAL = [None, 0.0, -1.5, 1e308, -1e308, float("inf"), float("nan"), 3.25]


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def shaped(
    database: duckdb.DuckDBPyConnection, found: Plan, rows: list[tuple[Any, ...]]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Results and accuracy for rows of keys and aggregates; half widths are 0.5, 1.5, … by aggregate."""
    columns = [f"k{n} {TYPES[key.expression.type]}" for n, key in enumerate(found.keys)]
    columns += [f"a{n} {'BIGINT' if a.whole else 'DOUBLE'}" for n, a in enumerate(found.aggregates)]
    columns += [f"e{n} DOUBLE" for n in range(len(found.aggregates))]
    database.execute(f"CREATE OR REPLACE TEMP TABLE noisy ({', '.join(columns)})")
    widths = tuple(n + 0.5 for n in range(len(found.aggregates)))
    for row in rows:
        database.execute(f"INSERT INTO noisy VALUES ({', '.join('?' * len(columns))})", (*row, *widths))
    told, count = database.execute(found.shape.statement).fetchall(), len(found.shape.columns)
    assert all(len(row) == 2 * count for row in told)
    return [row[:count] for row in told], [row[count:] for row in told]


GROUPED = [("Rome", 10, 50.0), ("Bonn", 30, 90.0), (None, 20, 10.0)]


@pytest.mark.parametrize(
    ("statement", "values", "widths"),
    [
        (
            "SELECT city, COUNT(*) n, SUM(income) FROM people GROUP BY city ORDER BY n DESC",
            [("Bonn", 30, 90.0), (None, 20, 10.0), ("Rome", 10, 50.0)],
            [("Bonn", 0.5, 1.5), (None, 0.5, 1.5), ("Rome", 0.5, 1.5)],
        ),
        (
            "SELECT city, COUNT(*), SUM(income) FROM people GROUP BY city HAVING COUNT(*) > 15",
            [("Bonn", 30, 90.0), (None, 20, 10.0)],
            [("Bonn", 0.5, 1.5), (None, 0.5, 1.5)],
        ),
        (
            "SELECT UPPER(city), COUNT(*) * 2, SUM(income) / COUNT(*) FROM people GROUP BY city ORDER BY 3 LIMIT 2",
            [(None, 40, 0.5), ("BONN", 60, 3.0)],
            [(None, None, None), ("BONN", None, None)],
        ),
        (
            "SELECT city, COUNT(*), SUM(income) FROM people GROUP BY city ORDER BY COUNT(*) OFFSET 2",
            [("Bonn", 30, 90.0)],
            [("Bonn", 0.5, 1.5)],
        ),
        (
            "SELECT CASE WHEN COUNT(*) > 15 THEN 'many' ELSE 'few' END AS size, COUNT(*) c, SUM(income) s FROM people "
            "GROUP BY city ORDER BY city DESC NULLS LAST",
            [("few", 10, 50.0), ("many", 30, 90.0), ("many", 20, 10.0)],
            [(None, 0.5, 1.5), (None, 0.5, 1.5), (None, 0.5, 1.5)],
        ),
        (
            "SELECT SUM(n) AS total, AVG(s), MAX(city), COUNT(*) FROM "
            "(SELECT city, COUNT(*) n, SUM(income) s FROM people GROUP BY city) q WHERE n < 30",
            [(30, 30.0, "Rome", 2)],
            [(None, None, None, None)],
        ),
        (
            "WITH q AS (SELECT city, COUNT(*) n, SUM(income) s FROM people GROUP BY city) "
            "SELECT q.*, n + s AS both FROM q WHERE city IS NOT NULL ORDER BY n LIMIT 1",
            [("Rome", 10, 50.0, 60.0)],
            [("Rome", 0.5, 1.5, None)],
        ),
        (
            "SELECT city = 'Rome' AS rome, SUM(n), COUNT(*) FILTER (WHERE s > 20) FROM "
            "(SELECT city, COUNT(*) n, SUM(income) s FROM people GROUP BY city) GROUP BY rome "
            "HAVING SUM(n) > 0 ORDER BY SUM(n) DESC",
            [(False, 30, 1), (None, 20, 0), (True, 10, 1)],
            [(False, None, None), (None, None, None), (True, None, None)],
        ),
        (
            "SELECT city, COUNT(*) n, SUM(income) s FROM people GROUP BY city ORDER BY city LIMIT 0",
            [],
            [],
        ),
    ],
)
def test_results_and_accuracy(
    database: duckdb.DuckDBPyConnection, statement: str, values: list[Any], widths: list[Any]
) -> None:
    assert shaped(database, plan(statement), GROUPED) == (values, widths)


@pytest.mark.parametrize(
    "expression",
    [
        "a / b",
        "b / a",
        "a / (a - a)",
        "a * a * a",
        "a + a",
        "-a",
        "ABS(a)",
        "ROUND(b)",
        "FLOOR(b * 10)",
        "SQRT(a)",
        "LN(b)",
        "EXP(b)",
        "POWER(b, a)",
        "ROUND(b, 2)",
        "NULLIF(a, 0)",
        "COALESCE(a, 0) + b",
        "LEAST(a, b)",
        "GREATEST(a, 1)",
        "CAST(b AS INT)",
        "CAST(a AS FLOAT)",
        "CASE WHEN a > b THEN a ELSE b END",
        "a > b",
        "a BETWEEN 0 AND 7",
        "a IN (1, 7)",
        "a IS NULL",
        "a - 1.5",
        "CAST(a > 0 AS INT)",
        "1 / a",
        "a = 7 OR NULL",
        "WIDTH_BUCKET(b, 0, 10, 5)",
        "IF(a > 1, 'x', 'y')",
        "a * b / (b - b)",
    ],
)
def test_nothing_that_is_computed_from_noise_fails(database: duckdb.DuckDBPyConnection, expression: str) -> None:
    """Values at the ends of their types, NULL, infinity, NaN: NULL or a finite value, never an error."""
    statement = (
        f"SELECT {expression} AS x FROM (SELECT city, COUNT(*) AS a, SUM(income) AS b FROM people GROUP BY city) q"
    )
    rows = [("x", whole, real) for whole in NASTY_WHOLE for real in NASTY_REAL]
    values, widths = shaped(database, plan(statement), rows)
    assert len(values) == len(widths) == len(rows)
    for (value,) in values:
        assert not isinstance(value, float) or value - value == 0
    ordered = f"{statement} WHERE {expression} IS NOT NULL ORDER BY {expression} DESC, 1"
    shaped(database, plan(ordered), rows)


def test_aggregates_of_noise_do_not_fail(database: duckdb.DuckDBPyConnection) -> None:
    said = [
        "SUM(a)",
        "SUM(b)",
        "AVG(a)",
        "STDDEV(b)",
        "VAR_POP(a)",
        "MEDIAN(b)",
        "MIN(a)",
        "MAX(b)",
        "COUNT(DISTINCT a)",
        "QUANTILE_CONT(a, 0.1)",
    ]
    statement = f"SELECT {', '.join(said)} FROM (SELECT city, COUNT(*) a, SUM(income) b FROM people GROUP BY city)"
    for rows in (
        [("x", whole, 1.5) for whole in NASTY_WHOLE],
        [("x", 1, real) for real in (None, 0.0, -1.5, 3.25, 1e300)],
        [],
    ):
        values, _ = shaped(database, plan(statement), rows)
        assert len(values) == 1


def test_the_shape_has_nothing_of_the_text(database: duckdb.DuckDBPyConnection) -> None:
    """Texts are put in quotes; everything else comes out of the analysed tree, and no name of a column is in it."""
    statement = (
        'SELECT city AS "x""; DROP TABLE noisy; --", COUNT(*) AS "a b" FROM people GROUP BY city '
        "HAVING COUNT(*) > 5 /* comment */ AND city <> '''; DROP TABLE noisy; --'"
    )
    found = plan(statement)
    values, _ = shaped(database, found, [("Rome", 10), ("'; DROP TABLE noisy; --", 10)])
    assert values == [("Rome", 10)]
    assert found.shape.columns == ('x"; DROP TABLE noisy; --', "a b")
    assert "comment" not in found.shape.statement
    assert "a b" not in found.shape.statement


def test_whole_numbers_stay_whole(database: duckdb.DuckDBPyConnection) -> None:
    found = plan(
        "SELECT FLOOR(age / 10) * 10 AS decade, SUM(age), COUNT(*) * 2, ROUND(AVG(age)), MAX(age) FROM people "
        "GROUP BY decade"
    )
    [row], _ = shaped(database, found, [(10, 7, 3, 4.6, 9)])
    assert row == (10, 7, 6, 5, 9)
    assert [type(value) for value in row] == [int] * 5


@pytest.mark.parametrize(
    ("refused", "accepted"),
    [
        ("SELECT COUNT(*) + city FROM people GROUP BY city", "SELECT COUNT(*) + 1 FROM people GROUP BY city"),
        ("SELECT COUNT(*) FROM people HAVING AVG(age)", "SELECT COUNT(*) FROM people HAVING AVG(age) > 1"),
        ("SELECT city FROM people GROUP BY tier", "SELECT tier FROM people GROUP BY tier"),
        ("SELECT COUNT(*) FROM people ORDER BY age", "SELECT COUNT(*) FROM people ORDER BY AVG(age)"),
        ("SELECT COUNT(*) FROM people ORDER BY 2", "SELECT COUNT(*) FROM people ORDER BY 1"),
        (
            "SELECT age, COUNT(*) FROM people GROUP BY FLOOR(age / 10)",
            "SELECT FLOOR(p.age / 10) + 1 FROM people p GROUP BY FLOOR(age / 10)",
        ),
        (
            "SELECT SUM(x) FROM (SELECT city AS x, COUNT(*) FROM people GROUP BY 1)",
            "SELECT SUM(x) FROM (SELECT COUNT(*) AS x FROM people)",
        ),
        (
            "SELECT city FROM (SELECT tier, COUNT(*) FROM people GROUP BY 1)",
            "SELECT tier FROM (SELECT tier, COUNT(*) FROM people GROUP BY 1)",
        ),
        (
            "SELECT COUNT(*) OVER () FROM (SELECT COUNT(*) FROM people)",
            "SELECT COUNT(*) FROM (SELECT COUNT(*) FROM people)",
        ),
        (
            "SELECT x FROM (SELECT COUNT(*) x FROM people) q JOIN people p ON age = x",
            "SELECT q.x FROM (SELECT COUNT(*) x FROM people) q",
        ),
        ("SELECT COUNT(*) / 0 FROM people", "SELECT COUNT(*) / 2 FROM people"),
        ("SELECT (SELECT 1), COUNT(*) FROM people", "SELECT 1, COUNT(*) FROM people"),
    ],
)
def test_what_post_processing_may_say(database: duckdb.DuckDBPyConnection, refused: str, accepted: str) -> None:
    with pytest.raises(InvalidInput):
        plan(refused)
    shaped(database, plan(accepted), [])


def test_moments_are_in_utc(database: duckdb.DuckDBPyConnection) -> None:
    found = plan(
        "SELECT y, n FROM (SELECT EXTRACT(YEAR FROM seen) AS y, MAX(age) AS n FROM people GROUP BY 1) "
        "WHERE TIMESTAMP '2021-01-01T02:00:00+02:00' = TIMESTAMP '2021-01-01' AND y > 2020"
    )
    assert shaped(database, found, [(2020, 1), (2021, 2)])[0] == [(2021, 2)]
