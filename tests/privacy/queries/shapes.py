"""Every shape of statement that is allowed, each with the neighbours at which it would tell most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quinta.core.queries.model import GroupLimit
from tests.privacy.queries.neighbours import DELTA, Case, Row, person

OTHERS: list[Row] = [person(number, 20 + number) for number in range(3)]
TWINS: list[Row] = [person(number, 50) for number in range(2)]
CLOSE = [*TWINS, person(5, 50, sex="m")]
ONE = [person(9, 10**12, pay="inf", town="b", sex="m")]
"""Beyond all bounds, and alone in groups of its own."""
NOTHING = [person(9, "", pay="nan", town="", sex="")]
NO_NUMBER = [person(9, "thirty", pay="1e999")]
THREE = [person(9, 100, town, "m") for town in "abc"]
SAME = [person(9, 100, "b", "m")] * 3
SEVEN = [person(9, 100, town, "m") for town in "abcdefg"]
EIGHT = [person(number) for number in range(8)]
OF_EIGHT = [person(9, 100)] * 8
TOWNS = tuple((town,) for town in "abcdefg")
ABC = TOWNS[:3]
SEXES = (("f",), ("m",))
BY_COPY = "FROM people GROUP BY copy"
BY_SEX = "FROM people GROUP BY copy, sex"
BY_TOWN = "FROM people GROUP BY copy, town"
M3 = {"max_ids": 3}
TAU_SHOWS = {"budget_delta": 0.0135}
"""With scale 1 the chance of a group of one is 0.0134 at tau 5, 0.036 at 4."""


def of_two(statement: str, others: Sequence[Row], unit: Sequence[Row], **more: Any) -> Case:
    """About the groups of both sexes: of declared ones there are 10,000 at most."""
    return Case(statement, others, unit, SEXES, copies=5_000, **more)


SHAPES = {
    "count": Case(f"SELECT copy, COUNT(*) AS n {BY_COPY}", OTHERS, ONE),
    "count, nobody else": Case(f"SELECT copy, COUNT(*) AS n {BY_COPY}", [], ONE, ending="parquet"),
    "count of a column": Case(f"SELECT copy, COUNT(age) AS n, COUNT(*) AS m {BY_COPY}", OTHERS, NOTHING),
    "count of what is no number": Case(f"SELECT copy, COUNT(age) AS n, COUNT(pay) AS m {BY_COPY}", OTHERS, NO_NUMBER),
    "count of units": Case(f"SELECT copy, COUNT(DISTINCT id) AS n {BY_COPY}", OTHERS, SAME, table=M3),
    "sum": Case(f"SELECT copy, SUM(age) AS s {BY_COPY}", OTHERS, ONE),
    "sum of fractions": Case(f"SELECT copy, SUM(pay) AS s {BY_COPY}", EIGHT, OF_EIGHT, table={"max_ids": 8}),
    "average": Case(f"SELECT copy, AVG(age) AS a {BY_COPY}", [], ONE),
    "average of NULL": Case(f"SELECT copy, AVG(pay) AS a, SUM(pay) AS s {BY_COPY}", TWINS, NOTHING),
    "variance": Case(f"SELECT copy, VAR(age) AS v {BY_COPY}", TWINS, ONE),
    "deviation": Case(f"SELECT copy, STDDEV(pay) AS d, COUNT(*) AS n {BY_COPY}", TWINS, [person(9, 0, pay="-inf")]),
    "least and largest": Case(
        f"SELECT copy, MIN(grade) AS l, MAX(grade) AS m {BY_COPY}", OTHERS, [person(9, grade=-5)]
    ),
    "median": Case(
        f"SELECT copy, MEDIAN(grade) AS m {BY_COPY}",
        [person(1, grade=95), person(2, grade=100)],
        [person(9, grade=2**60)],
    ),
    "quantile of three rows": Case(
        f"SELECT copy, QUANTILE_CONT(grade, 0.25) AS q {BY_COPY}", OTHERS, [person(9, grade=95)] * 3, table=M3
    ),
    "expression": Case(f"SELECT copy, SUM(age * 2 - grade / 4) AS s {BY_COPY}", OTHERS, [person(9, 100, grade=0)]),
    "case": Case(f"SELECT copy, SUM(CASE WHEN town = 'b' THEN age ELSE -5 END) AS s {BY_COPY}", OTHERS, ONE),
    "filter": Case(f"SELECT copy, COUNT(*) FILTER (WHERE age > 90) AS n, SUM(age) AS s {BY_COPY}", OTHERS, ONE),
    "where": Case(
        "SELECT copy, COUNT(*) AS n FROM people WHERE age > 20 AND town LIKE 'b%' OR pay IS NULL GROUP BY copy",
        OTHERS,
        NOTHING,
    ),
    "declared groups": of_two(f"SELECT copy, sex, COUNT(*) AS n, AVG(age) AS a {BY_SEX}", OTHERS, ONE),
    "declared groups, key NULL": of_two(f"SELECT copy, sex, COUNT(*) AS n {BY_SEX}", OTHERS, NOTHING),
    "unknown groups": Case(f"SELECT copy, town, COUNT(*) AS n, SUM(age) AS s {BY_TOWN}", OTHERS, ONE, ABC),
    "unknown groups at tau": Case(f"SELECT copy, town, COUNT(*) AS n {BY_TOWN}", [], ONE, ABC, table=TAU_SHOWS),
    "unknown groups alone": Case(f"SELECT copy, town {BY_TOWN}", TWINS, ONE, ABC, ending="parquet"),
    "unknown groups, hidden count": Case(f"SELECT copy, town, SUM(age) AS s {BY_TOWN}", [], ONE, ABC),
    "unknown groups, key NULL": Case(
        f"SELECT copy, town, COUNT(age) AS n {BY_TOWN}", OTHERS, [person(9, 5, "")], (*ABC, ("",))
    ),
    "bins": Case(
        "SELECT copy, FLOOR(age / 50) AS b, COUNT(*) AS n FROM people GROUP BY copy, FLOOR(age / 50)",
        OTHERS,
        ONE,
        (("0",), ("1",), ("2",)),
        copies=3_000,
    ),
    "having": of_two(f"SELECT copy, sex, COUNT(*) AS n {BY_SEX} HAVING COUNT(*) > 1 AND SUM(age) > 40", OTHERS, ONE),
    "order": of_two(f"SELECT copy, sex, SUM(age) AS s {BY_SEX} ORDER BY s DESC", TWINS, ONE),
    "order by what is not told": of_two(f"SELECT copy, sex {BY_SEX} ORDER BY COUNT(*), sex", CLOSE, ONE),
    "subquery": Case(
        f"SELECT copy, MAX(n) AS m, SUM(n) AS s FROM (SELECT copy, sex, COUNT(*) AS n {BY_SEX}) AS q GROUP BY copy",
        OTHERS,
        ONE,
        copies=5_000,
    ),
    "with": Case(
        "WITH old AS (SELECT copy, age + 1 AS older FROM people WHERE age > 20) "
        "SELECT copy, SUM(older) AS s, COUNT(*) AS n FROM old GROUP BY copy",
        OTHERS,
        ONE,
    ),
    "join": Case(
        "SELECT p.copy, COUNT(*) AS n, SUM(v.age) AS s FROM people AS p JOIN visits AS v ON p.id = v.id "
        "GROUP BY p.copy",
        OTHERS,
        THREE,
        table={"max_ids": 2},
    ),
    "left join": Case(
        "SELECT p.copy, v.town, COUNT(*) AS n FROM people AS p LEFT JOIN visits AS v ON p.id = v.id AND v.age > 50 "
        "GROUP BY p.copy, v.town",
        [],
        THREE,
        (*ABC, ("",)),
        table={"max_ids": 2},
    ),
    "three rows": Case(f"SELECT copy, town, COUNT(*) AS n {BY_TOWN}", OTHERS, THREE, ABC, table=M3),
    "three rows in one group": Case(f"SELECT copy, town, COUNT(*) AS n {BY_TOWN}", [], SAME, ABC, table=M3),
    "eight rows in one group": Case(
        f"SELECT copy, town, COUNT(*) AS n {BY_TOWN}", [], OF_EIGHT, ABC, table={"max_ids": 8}
    ),
    "units in three groups": Case(f"SELECT copy, town, COUNT(DISTINCT id) AS n {BY_TOWN}", [], THREE, ABC, table=M3),
    "row privacy": Case(
        f"SELECT copy, town, COUNT(*) AS n, SUM(age) AS s {BY_TOWN}",
        [person(9, 30)] * 3,
        ONE,
        ABC,
        table={"privacy_column": None, "row_privacy": True, "max_ids": 5},
    ),
    "drawn rows": Case(f"SELECT copy, town, COUNT(*) AS n {BY_TOWN}", [], SEVEN, TOWNS, table={"max_ids": 2}),
    "drawn rows of one group": Case(
        f"SELECT copy, COUNT(*) AS n, SUM(age) AS s {BY_COPY}", [], OF_EIGHT, table={"max_ids": 2}
    ),
    "rows that are always the same": of_two(
        f"SELECT copy, sex, SUM(age) AS s {BY_SEX}",
        OTHERS,
        SEVEN,
        table={"max_ids": 2, "sample_max_ids": False},
    ),
    "drawn rows of the other condition": Case(
        "SELECT copy, COUNT(*) AS n FROM people WHERE town <> 'a' GROUP BY copy", OTHERS, SEVEN, table=M3
    ),
    "threshold": Case(
        f"SELECT copy, COUNT(*) AS n {BY_COPY}", OTHERS, THREE, table=M3, asked={"limits": (GroupLimit("town", 3),)}
    ),
    "threshold of units": Case(
        f"SELECT copy, SUM(age) AS s {BY_COPY}", OTHERS, SAME, table=M3, asked={"limits": (GroupLimit("id", 4),)}
    ),
    "tau of the request": of_two(f"SELECT copy, sex, SUM(age) AS s {BY_SEX}", OTHERS, ONE, asked={"tau": 2.0}),
    "counts above 0": of_two(f"SELECT copy, sex, COUNT(*) AS n {BY_SEX}", OTHERS, ONE, table={"clamp_counts": True}),
}
ALONE = {
    "one count": Case("SELECT COUNT(*) AS n FROM people", OTHERS, ONE, copies=1),
    "count and sum": Case("SELECT COUNT(*) AS n, SUM(age) AS s FROM people", OTHERS, ONE, copies=1),
    "one count of units": Case("SELECT COUNT(DISTINCT id) AS n FROM people", OTHERS, SAME, copies=1, table=M3),
    "one median": Case(
        "SELECT MEDIAN(grade) AS m FROM people",
        [person(1, grade=95), person(2, grade=100)],
        [person(9, grade=2**60)],
        copies=1,
        ending="parquet",
    ),
    "bounds that are found": Case("SELECT SUM(wealth) AS s FROM people", [], [person(9, wealth=1e300)], copies=1),
    "limit": Case(
        "SELECT town, COUNT(*) AS n FROM people GROUP BY town ORDER BY n DESC LIMIT 1",
        [person(n, 50) for n in range(4)],
        [person(9, 100, "b")],
        ABC,
        copies=1,
        table={"budget_delta": DELTA},
    ),
    "limit of declared groups": Case(
        "SELECT sex, AVG(age) AS a FROM people GROUP BY sex ORDER BY COUNT(*) LIMIT 1 OFFSET 1",
        OTHERS,
        ONE,
        SEXES,
        copies=1,
    ),
    "one group at tau": Case("SELECT COUNT(*) AS n FROM people", OTHERS, ONE, copies=1, asked={"tau": 4.0}),
}
"""Shapes without copies."""
