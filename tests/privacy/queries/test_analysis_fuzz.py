"""Whatever is asked: an answer or InvalidInput on a member of the request, and soon."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from quinta.core.errors import InvalidInput
from tests.privacy.queries.shop import plan

WORDS = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "BY",
    "HAVING",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "WITH",
    "AS",
    "JOIN",
    "LEFT",
    "ON",
    "USING",
    "AND",
    "OR",
    "NOT",
    "NULL",
    "TRUE",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "IN",
    "IS",
    "LIKE",
    "BETWEEN",
    "FILTER",
    "WITHIN",
    "OVER",
    "DISTINCT",
    "UNION",
    "EXISTS",
    "INTERVAL",
    "DATE",
    "CAST",
    "EXTRACT",
    "YEAR",
    "COUNT",
    "SUM",
    "AVG",
    "MEDIAN",
    "QUANTILE_CONT",
    "PERCENTILE_CONT",
    "FLOOR",
    "ROUND",
    "LEAST",
    "COALESCE",
    "NULLIF",
    "people",
    "orders",
    "main",
    "shop",
    "id",
    "person",
    "age",
    "income",
    "city",
    "tier",
    "seen",
    "note",
    "hidden",
    "p",
    "q",
    "n",
    "*",
    "(",
    ")",
    "(",
    ")",
    ",",
    ",",
    ".",
    ";",
    "::",
    ":",
    "+",
    "-",
    "/",
    "%",
    "||",
    "=",
    "<",
    ">",
    "<>",
    "~",
    "^",
    "@",
    "#",
    "$1",
    "?",
    "[",
    "]",
    "{",
    "}",
    "'a'",
    "'2020-01-01'",
    '"x"',
    "0",
    "1",
    "2.5",
    "1e9",
    "1e400",
    "0x1",
    "--",
    "/*",
    "*/",
    "'",
    '"',
    "\\",
    "\x00",
    "é",
    "\U0001d54f",
    "$$",
    "E'x'",
    ":p",
    "{p}",
    "ROW",
    "ARRAY",
    "VALUES",
    "LATERAL",
    "UNNEST",
    "RETURNING",
    "PIVOT",
]
LIMIT_SECONDS = 1.0
PREFIXES = (
    "",
    "SELECT ",
    "SELECT COUNT(*) FROM people WHERE ",
    "SELECT COUNT(*) FROM people GROUP BY ",
    "WITH q AS (SELECT ",
)
SOUP = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)


def survives(statement: str) -> bool:
    """Whether the statement is accepted; anything but a refusal fails the test, and so does a second of the
    processor's time (all of them take some milliseconds: what it finds is exponential)."""
    start = time.process_time()
    error = refusal_of(statement)
    assert time.process_time() - start < LIMIT_SECONDS
    if error is None:
        return True
    assert error.field in ("query", "params")
    assert 0 < len(error.message) < 600
    return False


def refusal_of(statement: str) -> InvalidInput | None:
    try:
        plan(statement)
    except InvalidInput as error:
        return error
    return None


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PREFIXES), SOUP)
@example("SELECT ", "{ p } FROM people")
def test_soup_of_words(prefix: str, soup: str) -> None:
    survives(prefix + soup)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PREFIXES), st.text(max_size=60))
def test_any_text(prefix: str, text: str) -> None:
    survives(prefix + text)


VALID = (
    "SELECT p.city , COUNT ( * ) AS n , SUM ( CASE WHEN age > 5 THEN income ELSE 0 END ) / COUNT ( * ) "
    "FROM people AS p JOIN orders AS o ON p.id = o.person WHERE o.amount BETWEEN 5 AND 9 AND tier IN ( 'gold' ) "
    "GROUP BY p.city HAVING COUNT ( * ) > 5 ORDER BY n DESC LIMIT 5"
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_statement_with_words_changed(data: st.DataObject) -> None:
    words = VALID.split(" ")
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(words) - 1))
        words[place : place + data.draw(st.integers(0, 2))] = [data.draw(st.sampled_from(WORDS))]
    survives(" ".join(words))


def test_the_statement_that_words_are_changed_in() -> None:
    assert survives(VALID)


@pytest.mark.parametrize("depth", [10, 40, 55, 100, 3000, 20000])
@pytest.mark.parametrize(
    ("start", "middle", "end"),
    [
        ("(", "age", ")"),
        ("ABS(", "age", ")"),
        ("- ", "age", ""),
        ("CAST(", "income", " AS INT)"),
        ("NULLIF(", "age", ", 7)"),
        ("CASE WHEN age > 5 THEN ", "age", " ELSE 1 END"),
        ("CASE ", "age", " WHEN 1 THEN 2 WHEN 3 THEN 4 ELSE 5 END"),
        ("WIDTH_BUCKET(", "age", ", 0, 10, 5)"),
        ("COALESCE(", "age", ", 1)"),
        ("LEAST(", "age", ", 1)"),
        ("(SELECT ", "1", ")"),
        ("[", "1", "]"),
        ("{", "p", "}"),
        ("", "age", " + 1"),
        ("", "age", "::int"),
        ("ROUND(", "income", ", 1)"),
    ],
)
def test_deep_nesting(start: str, middle: str, end: str, depth: int) -> None:
    survives(f"SELECT SUM({start * depth}{middle}{end * depth}) FROM people")
    survives(f"SELECT COUNT(*) FROM people GROUP BY {start * depth}{middle}{end * depth}")


@pytest.mark.parametrize("depth", [10, 40, 55, 100, 3000])
@pytest.mark.parametrize(
    ("start", "middle", "end"),
    [
        ("NOT ", "member", ""),
        ("(", "member", " BETWEEN FALSE AND TRUE)"),
        ("(", "member", " IS TRUE)"),
        ("(", "member", " = TRUE)"),
        ("CAST(", "member", " AS INT) = 1"),
        ("(", "member", " AND member OR age > 5)"),
    ],
)
def test_deep_conditions(start: str, middle: str, end: str, depth: int) -> None:
    survives(f"SELECT COUNT(*) FROM people WHERE {start * depth}{middle}{end * depth}")


@pytest.mark.parametrize("count", [5, 15, 40, 400])
@pytest.mark.parametrize(
    "step", ["a + a", "a * 2", "NULLIF(a, 3)", "CASE WHEN a > 1 THEN a ELSE a - 1 END", "LEAST(a, a, a)"]
)
def test_subqueries_that_double(step: str, count: int) -> None:
    queries = ["q0 AS (SELECT id, age AS a FROM people)"]
    queries += [f"q{n} AS (SELECT id, {step} AS a FROM q{n - 1})" for n in range(1, count)]
    accepted = survives(f"WITH {', '.join(queries)} SELECT SUM(a) FROM q{count - 1}")
    assert accepted or count > 5
    nested = "people"
    for _ in range(count):
        nested = f"(SELECT age FROM {nested})"
    assert survives(f"SELECT SUM(age) FROM {nested}") == (count <= 15)


def test_joins_that_double() -> None:
    queries = ["q0 AS (SELECT id FROM people)"]
    queries += [f"q{n} AS (SELECT a.id FROM q{n - 1} a JOIN q{n - 1} b ON a.id = b.id)" for n in range(1, 30)]
    assert not survives(f"WITH {', '.join(queries)} SELECT COUNT(*) FROM q29")
