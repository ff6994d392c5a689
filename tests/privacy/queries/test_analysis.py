"""Statements and their plans; each refusal beside a statement that differs in one thing and is accepted."""

from __future__ import annotations

import pytest

from quinta.core.errors import InvalidInput
from quinta.privacy.queries.tree import AggregateKind as Kind
from quinta.privacy.queries.tree import Interval, JoinKind
from tests.privacy.queries.shop import CARDINALITY, HIGHEST, LOWEST, PEOPLE, ROWS, SILENT_VALUE, dataset, plan


def refusal(statement: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        plan(statement)
    assert caught.value.field == "query"
    return caught.value.message


@pytest.mark.parametrize(
    ("asked", "kind", "quantile", "whole"),
    [
        ("COUNT(*)", Kind.COUNT_ROWS, None, True),
        ("COUNT(1)", Kind.COUNT_ROWS, None, True),
        ("COUNT(note)", Kind.COUNT, None, True),
        ("COUNT(id)", Kind.COUNT, None, True),
        ("COUNT(DISTINCT id)", Kind.COUNT_UNITS, None, True),
        ("COUNT(*) FILTER (WHERE age > 18)", Kind.COUNT, None, True),
        ("SUM(age)", Kind.SUM, None, True),
        ("SUM(income)", Kind.SUM, None, False),
        ("sum(age / 2)", Kind.SUM, None, False),
        ("SUM(CASE WHEN city = 'x' THEN 1 ELSE 0 END)", Kind.SUM, None, True),
        ("SUM(member)", Kind.SUM, None, True),
        ("SUM(age) FILTER (WHERE member)", Kind.SUM, None, True),
        ("AVG(age)", Kind.AVERAGE, None, False),
        ("VAR(age)", Kind.VARIANCE, None, False),
        ("VARIANCE(age)", Kind.VARIANCE, None, False),
        ("VAR_SAMP(age)", Kind.VARIANCE, None, False),
        ("VAR_POP(age)", Kind.VARIANCE_OF_ALL, None, False),
        ("STDDEV(age)", Kind.DEVIATION, None, False),
        ("STDDEV_SAMP(age)", Kind.DEVIATION, None, False),
        ("STDDEV_POP(age)", Kind.DEVIATION_OF_ALL, None, False),
        ("MIN(age)", Kind.QUANTILE, 0.0, True),
        ("MAX(income)", Kind.QUANTILE, 1.0, False),
        ("MEDIAN(income)", Kind.QUANTILE, 0.5, False),
        ("QUANTILE_CONT(income, 0.25)", Kind.QUANTILE, 0.25, False),
        ("PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY income)", Kind.QUANTILE, 0.25, False),
        ("PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY income DESC)", Kind.QUANTILE, 0.75, False),
        ("PERCENTILE_DISC(0.9) WITHIN GROUP (ORDER BY age)", Kind.QUANTILE, 0.9, True),
        ("APPROX_QUANTILE(income, 0.9)", Kind.QUANTILE, 0.9, False),
    ],
)
def test_aggregates(asked: str, kind: Kind, quantile: float | None, whole: bool) -> None:
    found = plan(f"SELECT {asked} FROM people")
    assert [(a.kind, a.quantile, a.whole) for a in found.aggregates] == [(kind, quantile, whole)]
    assert found.keys == ()
    assert found.shape.columns == ("col_1",)
    assert not found.is_empty


@pytest.mark.parametrize(
    ("refused", "accepted", "says"),
    [
        ("SUM(note)", "COUNT(note)", "nothing is declared about the values of 'note'"),
        ("SUM(points)", "SUM(income)", "nothing is declared about the values of 'points'"),
        ("SUM(city)", "COUNT(city)", "a number is needed"),
        ("SUM(id)", "COUNT(id)", "says whom a row is about"),
        ("SUM(vast)", "COUNT(vast)", "too large to compute with"),
        ("SUM(income * income * income * income)", "SUM(income * 2)", "larger than 1e15"),
        ("SUM(1 / age)", "SUM(1 / (age + 1))", "divides by what may be 0"),
        ("SUM(1 / visits)", "SUM(1 / NULLIF(age, 0))", "divides by what may be 0"),
        ("SUM(age / 0)", "SUM(age / 2)", "divides by what may be 0"),
        ("COUNT(DISTINCT city)", "COUNT(DISTINCT id)", "counts the privacy column only"),
        ("COUNT(DISTINCT id) FILTER (WHERE member)", "COUNT(*) FILTER (WHERE member)", "use WHERE"),
        ("SUM(DISTINCT age)", "SUM(age)", "DISTINCT"),
        ("COUNT(age, visits)", "COUNT(age)", "EXPRESSIONS"),
        ("SUM(AVG(age))", "SUM(age)", "not allowed here"),
        ("CORR(age, visits)", "AVG(age)", "is not supported"),
        ("SUM(age) OVER ()", "SUM(age)", "not supported"),
        ("QUANTILE_CONT(income, 1.5)", "QUANTILE_CONT(income, 1.0)", "from 0 to 1"),
        ("MODE() WITHIN GROUP (ORDER BY age)", "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY age)", "WITHIN GROUP"),
        ("SUM(CAST(city AS INT))", "SUM(CAST(income AS INT))", "CAST from string"),
        ("SUM(WIDTH_BUCKET(age, 0, 5))", "SUM(WIDTH_BUCKET(age, 0, 5, 2))", "WIDTH_BUCKET takes"),
        ("SUM(age % 2)", "SUM(age * 2)", "not supported"),
        ("SUM(SQRT(age))", "SQRT(SUM(age))", "not supported"),
        ("SUM(RANDOM())", "SUM(1)", "not supported"),
        ("SUM((SELECT 1))", "SUM(1)", "subquery"),
        ("AVG(CASE WHEN note = 'x' THEN 1 END)", "AVG(CASE WHEN city = 'x' THEN 1 END)", "nothing is declared"),
        ("AVG(CASE WHEN city = 'x' THEN 1 ELSE 'y' END)", "AVG(CASE WHEN city = 'x' THEN 1 ELSE 2 END)", "one kind"),
        ("COUNT(*), city", "COUNT(*)", "must stand in GROUP BY"),
        ("*", "COUNT(*)", "would tell rows"),
        ("age", "AVG(age)", "would tell rows"),
        ("DISTINCT city", "COUNT(city)", "use GROUP BY"),
        ("1", "COUNT(*) + 1", "would tell rows"),
    ],
)
def test_refused_after_select(refused: str, accepted: str, says: str) -> None:
    assert says in refusal(f"SELECT {refused} FROM people")
    plan(f"SELECT {accepted} FROM people")


@pytest.mark.parametrize(
    ("refused", "accepted", "says"),
    [
        ("note = 'x'", "city = 'x'", "nothing is declared"),
        ("note IS NULL", "city IS NULL", "nothing is declared"),
        ("points > 1", "income > 1", "nothing is declared"),
        ("wealth > 1", "income > 1", "nothing is declared"),
        ("id = 7", "age = 7", "says whom a row is about"),
        ("hidden = 7", "age = 7", "there is no column 'hidden'"),
        ("age = 'x'", "age = 1", "a number is needed"),
        ("city = 1", "city = '1'", "a string is needed"),
        ("age", "age > 0", "no condition"),
        ("city LIKE age", "city LIKE 'a%'", "pattern"),
        ("city LIKE 'a\\'", "city LIKE 'a\\\\'", "escapes nothing"),
        ("age LIKE 'a'", "city LIKE 'a'", "about texts"),
        ("city LIKE 'a' ESCAPE '!'", "city LIKE 'a'", "not supported"),
        ("city ~ 'a'", "city ILIKE 'a'", "not supported"),
        ("age IN (SELECT 1)", "age IN (1, 2)", "QUERY"),
        ("age IN (1, NULL)", "age NOT IN (1)", "no NULL"),
        ("age IN (1, visits)", "age IN (1)", "constants only"),
        ("EXISTS (SELECT 1 FROM orders)", "member", "subquery"),
        ("seen > 'soon'", "seen > '2021-01-01'", "is no date"),
        ("seen > 5", "seen > DATE '2021-01-01'", "a datetime is needed"),
        ("1 / (age - 30) > 0", "1 / (age + 30) > 0", "divides by what may be 0"),
        ("COUNT(*) > 5", "age > 5", "not allowed here"),
        ("age > 99999999999999999999", "age > 99999999", "too large"),
        ("LENGTH(age) > 1", "LENGTH(city) > 1", "a text is needed"),
        ("pg_sleep(1) = 1", "ABS(age) = 1", "not supported"),
        ("age = $1", "age = 1", "not supported"),
        ("member = 1", "member = TRUE", "a boolean is needed"),
        ('"AGE" > 1', '"age" > 1', "there is no column"),
        ("seen > CAST(city AS DATE)", "seen > CAST('2021-01-01' AS DATE)", "constants"),
    ],
)
def test_where(refused: str, accepted: str, says: str) -> None:
    assert says in refusal(f"SELECT COUNT(*) FROM people WHERE {refused}")
    assert plan(f"SELECT COUNT(*) FROM people WHERE {accepted}").source.where is not None


@pytest.mark.parametrize(
    ("refused", "accepted", "values"),
    [
        ("note", "tier", ("gold", SILENT_VALUE)),
        ("household", "member", (False, True)),
        ("age", "FLOOR(age / 30) * 30", (0, 30, 60, 90)),
        ("visits", "ROUND(visits, -3)", (0, 1000, 2000, 3000, 4000, 5000)),
        ("income", "stars", (1, 3, 5)),
        ("income / 10", "stars * 2", (2, 6, 10)),
        ("id", "age > 5", (False, True)),
        ("seen", "EXTRACT(YEAR FROM seen)", (2020, 2021, 2022, 2023)),
        ("LOWER(note)", "CASE WHEN age < 18 THEN 'child' WHEN age < 65 THEN 'adult' END", ("child", "adult")),
        ("LOWER(mail)", "mail", None),
        ("LENGTH(note)", "UPPER(city)", None),
        ("'x'", "branch", None),
        ("ROLLUP (tier)", "WIDTH_BUCKET(income, 0, 60000, 2)", (0, 3, 1, 2)),
        ("age + 0", "EXTRACT(DOW FROM seen)", tuple(range(7))),
        ("COUNT(*)", '"Mixed Case" > 4', (False, True)),
        ("COALESCE(note, 'x')", "COALESCE(tier, 'none')", ("gold", SILENT_VALUE, "none")),
        ("3", "1", None),
        ("hidden", "FLOOR(income * 1000)", None),
    ],
)
def test_group_by(refused: str, accepted: str, values: tuple[object, ...] | None) -> None:
    refusal(f"SELECT COUNT(*) FROM people GROUP BY {refused}")
    [key] = plan(f"SELECT {accepted if accepted != '1' else 'city'}, COUNT(*) FROM people GROUP BY {accepted}").keys
    if values is not None and accepted.startswith(("FLOOR", "ROUND")):
        assert key.values is not None
        assert set(values) <= set(key.values)
    else:
        assert key.values == values


def test_keys_of_enumerated_groups_hold_all_bins_and_nothing_else() -> None:
    [key] = plan("SELECT FLOOR(age / 30) * 30 AS bin, COUNT(*) FROM people GROUP BY bin").keys
    assert key.values == (0, 30, 60, 90)


def test_keys_alone() -> None:
    found = plan("SELECT tier FROM people GROUP BY tier")
    assert found.aggregates == ()
    assert found.keys[0].values == ("gold", SILENT_VALUE)
    refusal("SELECT 5 FROM people HAVING TRUE")


def test_a_mask_goes_with_its_key() -> None:
    assert plan("SELECT mail, COUNT(*) FROM people GROUP BY mail").keys[0].mask == "(.*)@"
    assert plan("SELECT city, COUNT(*) FROM people GROUP BY city").keys[0].mask is None


def test_groups_beyond_the_cap_are_found_in_the_rows() -> None:
    found = plan("SELECT FLOOR(visits), tier, COUNT(*) FROM people GROUP BY 1, 2").keys
    assert [key.values is None for key in found] == [True, False]
    found = plan("SELECT FLOOR(visits / 2), tier, COUNT(*) FROM people GROUP BY 1, 2").keys
    assert [key.values is None for key in found] == [False, False]


@pytest.mark.parametrize(
    ("refused", "accepted", "says"),
    [
        ("nobody", "events", "nothing says whom the rows"),
        ("nowhere", "people", "there is no table 'nowhere'"),
        ("other.people", "main.people", "there is no table"),
        ("shop.other.people", "shop.main.people", "there is no table"),
        ('"People"', "People", "there is no table"),
        ("people, orders", "people JOIN orders ON id = person", "write JOIN"),
        ("people CROSS JOIN orders", "people INNER JOIN orders ON id = person", "CROSS"),
        ("people NATURAL JOIN orders", "people LEFT JOIN orders ON id = person", "METHOD"),
        ("people FULL JOIN orders ON id = person", "people LEFT OUTER JOIN orders ON id = person", "FULL"),
        ("people JOIN orders ON age = amount", "people JOIN orders ON id = person", "privacy column of the first"),
        ("people JOIN orders ON city = place", "people JOIN orders ON id = person AND city = place", "privacy column"),
        (
            "people JOIN orders ON id = person AND note = place",
            "people JOIN orders ON id = person AND age > 5",
            "nothing is",
        ),
        ("people JOIN orders ON id = person OR TRUE", "people JOIN orders ON (id = person)", ""),
        ("people JOIN events ON id = size", "people p JOIN people q ON p.id = q.id", "every row is one individual"),
        ("people AS p (a)", "people AS p", "COLUMNS"),
        ("generate_series(1, 5)", "(SELECT * FROM people)", "is no table"),
        ("people TABLESAMPLE (10)", "people", "SAMPLE"),
        (
            "(SELECT city, COUNT(*) FROM people GROUP BY city) a JOIN people b ON a.city = b.city",
            "(SELECT id FROM people) a JOIN orders b ON a.id = b.person",
            "already aggregated",
        ),
        (
            "people p JOIN (SELECT person, amount * 2 a FROM orders) o ON p.id = o.person",
            "people p LEFT JOIN (SELECT person, amount FROM orders WHERE amount > 5) o ON p.id = o.person",
            None,
        ),
        ("(SELECT * FROM people LIMIT 5)", "(SELECT * FROM people WHERE age > 5)", "LIMIT"),
        ("(SELECT 1 UNION SELECT 2)", "((SELECT id FROM people))", "UNION"),
        ("LATERAL (SELECT 1) x", "people", "FROM takes"),
    ],
)
def test_from(refused: str, accepted: str, says: str | None) -> None:
    if says is not None:
        assert says in refusal(f"SELECT COUNT(*) FROM {refused}")
    plan(f"SELECT COUNT(*) FROM {accepted}")


def test_tables_of_one_name_need_more_of_it() -> None:
    one, other = dataset(), dataset(name="mall")
    with pytest.raises(InvalidInput, match="more than one table"):
        plan("SELECT COUNT(*) FROM main.people", one, other)
    found = plan("SELECT COUNT(*) FROM mall.main.people", one, other)
    assert found.source.scans[0].dataset == 1
    assert found.datasets == ("id of mall",)
    assert plan("SELECT COUNT(*) FROM shop.people", one, other).datasets == ("id of shop",)
    with pytest.raises(InvalidInput, match="one dataset"):
        plan("SELECT COUNT(*) FROM shop.people a JOIN mall.orders b ON a.id = b.person", one, other)


def test_joins_multiply_what_a_unit_adds() -> None:
    found = plan(
        "SELECT COUNT(DISTINCT p.id), SUM(amount) FROM people p LEFT JOIN orders o ON p.id = o.person AND place = city"
    )
    assert [scan.most_rows for scan in found.source.scans] == [3, 2]
    assert found.source.most_rows == 6
    assert found.source.joins[0].kind is JoinKind.LEFT
    assert found.source.joins[0].condition is not None
    refusal("SELECT COUNT(DISTINCT o.person) FROM people p LEFT JOIN orders o ON p.id = o.person")
    plan("SELECT COUNT(DISTINCT o.person) FROM people p JOIN orders o ON p.id = o.person")


def test_using_merges_columns() -> None:
    found = plan("SELECT COUNT(DISTINCT id) FROM people p JOIN (SELECT id, age AS years FROM people) q USING (id)")
    assert found.source.joins[0].condition is None
    refusal("SELECT COUNT(*) FROM people p JOIN people q ON p.id = q.id WHERE age > 5")
    found = plan("SELECT COUNT(*) FROM people p JOIN people q USING (id, age) WHERE age > 5")
    assert found.source.joins[0].condition is not None


def test_chains_of_left_joins_start_at_the_first_table() -> None:
    start = "SELECT COUNT(*) FROM people a LEFT JOIN orders b ON a.id = b.person"
    refusal(f"{start} LEFT JOIN orders c ON b.person = c.person")
    plan(f"{start} LEFT JOIN orders c ON a.id = c.person")
    refusal(
        f"{start} JOIN orders c ON a.id = c.person JOIN orders d ON a.id = d.person JOIN orders e ON a.id = e.person"
    )


def test_every_row_is_one_individual() -> None:
    found = plan("SELECT COUNT(*) FROM events")
    assert found.source.scans[0].unit is None
    assert found.source.most_rows == 1
    assert "COUNT(*)" in refusal("SELECT COUNT(DISTINCT size) FROM events")


def test_subqueries_stand_for_their_expressions() -> None:
    direct = plan("SELECT SUM((age + 1) * 2) FROM people WHERE member AND age > 5")
    nested = plan(
        "WITH a AS (SELECT age + 1 AS older, age FROM people WHERE member), "
        "b AS (SELECT older * 2 AS twice, age FROM a) "
        "SELECT SUM(twice) FROM (SELECT * FROM b WHERE age > 5) c"
    )
    assert nested.aggregates == direct.aggregates
    assert nested.source == direct.source
    assert nested.aggregates[0].operand is not None
    assert nested.aggregates[0].operand.bounds == Interval(2, 182)


def test_the_same_aggregate_is_paid_once() -> None:
    found = plan("SELECT SUM(age), SUM(age) / COUNT(*), COUNT(*) AS n FROM people p ORDER BY SUM(p.age), n")
    assert [aggregate.label for aggregate in found.aggregates] == ["col_1", "n"]


@pytest.mark.parametrize(
    "condition",
    [
        "FALSE",
        "1 = 0",
        "NULL",
        "NOT TRUE",
        "age > 5 AND age < 3",
        "age = 1 AND age = 2",
        "city IN ('a') AND city = 'b'",
        "city IS NULL AND city = 'x'",
        "1 + 1 = 3",
        "'a' = 'b'",
        "age > 5 AND 2 < 1",
        "age = 5 AND age <> 5",
        "age >= 5 AND 5 > age",
    ],
)
def test_statically_empty(condition: str) -> None:
    found = plan(f"SELECT COUNT(*), SUM(age), COUNT(DISTINCT id), AVG(age) FROM people WHERE {condition}")
    assert found.is_empty
    assert found.constants == (0, None, 0, None)
    grouped = plan(f"SELECT city, COUNT(*) FROM people WHERE {condition} GROUP BY city")
    assert grouped.is_empty
    assert grouped.constants is None


@pytest.mark.parametrize(
    "rest",
    [
        "WHERE age > 3 AND age < 5",
        "WHERE age > 100",
        "WHERE city > 'b' AND city < 'a'",
        "WHERE age = 1 OR age = 2",
        "WHERE TRUE",
        "LIMIT 1",
        "HAVING COUNT(*) > 5",
        "WHERE age >= 5 AND age <= 5",
        "WHERE NOT (age > 5 AND age < 3)",
    ],
)
def test_not_statically_empty(rest: str) -> None:
    """Bounds are for owners: that a condition goes beyond them is not told."""
    assert not plan(f"SELECT COUNT(*) FROM people {rest}").is_empty


@pytest.mark.parametrize("rest", ["LIMIT 0", "HAVING FALSE", "OFFSET 1", "HAVING COUNT(*) > 5 AND 1 = 0"])
def test_no_rows_are_put_out(rest: str) -> None:
    found = plan(f"SELECT COUNT(*) FROM people {rest}")
    assert found.is_empty
    assert found.constants is None


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("foo", "Bad token foo at line 1 column 0.  Message: missing SELECT at 'foo'"),
        ("", "the statement is empty"),
        (";;", "the statement is empty"),
        ("DELETE FROM people", "missing SELECT at 'DELETE'"),
        ("DROP TABLE people", "missing SELECT at 'DROP'"),
        ("SELECT COUNT(*) FROM people; SELECT 1", "one statement at a time"),
        ("SELECT COUNT(* FROM people", "line 1 column"),
        ("SELECT 'a", "not closed"),
        ("SELECT\n  nope FROM people", "line 2 column 2"),
        ("SELECT COUNT(*) FROM people UNION SELECT COUNT(*) FROM people", "UNION"),
        ("SELECT COUNT(*) FROM people FOR UPDATE", "LOCKS"),
        ("SELECT COUNT(*) INTO x FROM people", "INTO"),
        ("SELECT COUNT(*) FROM people QUALIFY 1", "QUALIFY"),
        ("SELECT COUNT(*)", "FROM is missing"),
        ("SELECT COUNT(*) FROM people LIMIT -1", "LIMIT"),
        ("SELECT COUNT(*) FROM people LIMIT 1.5", "LIMIT"),
        ("WITH x AS (SELECT 1 FROM people) SELECT COUNT(*) FROM people", "not used"),
        ("WITH RECURSIVE x AS (SELECT * FROM x) SELECT COUNT(*) FROM x", "RECURSIVE"),
        ("SELECT " + "(" * 70 + "1" + ")" * 70 + " FROM people", "nested deeper"),
        ("SELECT COUNT(*) FROM people WHERE " + "NOT " * 70 + "member", "nested deeper"),
        ("SELECT COUNT(*) FROM people WHERE 1" + " + 1" * 70 + " > 0", "nested deeper"),
        ("SELECT COUNT(*) FROM people -- " + "x" * 65536, "longer than"),
        ("SELECT 'a\x00'", "zero byte"),
        ("SELECT COUNT(*) FROM people WHERE city = '\ud800'", "no valid text"),
    ],
)
def test_what_is_no_statement(statement: str, says: str) -> None:
    assert says in refusal(statement)


def test_long_chains_are_flat() -> None:
    plan("SELECT COUNT(*) FROM people WHERE " + " OR ".join(f"age = {n}" for n in range(900)))


def test_names_of_columns() -> None:
    columns = plan(
        'SELECT p.city, COUNT(*), COUNT(*) AS n, AVG(age) AS "a.b", city FROM people p GROUP BY p.city'
    ).shape.columns
    assert columns == ("p_city", "col_2", "n", "a_b", "city")
    assert plan("SELECT COUNT(*) n, COUNT(*) N, COUNT(*) n FROM people").shape.columns == ("n", "N_2", "n_3")


def test_no_sentence_tells_what_is_for_owners() -> None:
    """Every way to compute with, compare and group each column, well and badly: no refusal says a bound, a value, a
    cardinality or a number of rows that the statement did not say."""
    columns = [column.name for column in PEOPLE.columns if " " not in column.name] + ["nope"]
    forms = [
        "SUM({0})",
        "SUM(1 / {0})",
        "SUM({0} * {0} * {0} * {0} * {0})",
        "COUNT(DISTINCT {0})",
        "{0}",
        "SUM(SQRT({0}))",
        "COUNT(*) FILTER (WHERE {0} = 'x')",
        "COUNT(*) FILTER (WHERE {0} > 2)",
        "SUM(CAST({0} AS INT))",
    ]
    shapes = ["{0}", "FLOOR({0} / 7)", "LOWER({0})"]
    statements = [f"SELECT {form.format(column)} FROM people" for column in columns for form in forms]
    statements += [
        f"SELECT COUNT(*) FROM people GROUP BY {shape.format(column)}" for column in columns for shape in shapes
    ]
    silent = [
        f"{LOWEST:g}.0",
        f"{HIGHEST:g}",
        "91723",
        str(CARDINALITY),
        str(ROWS),
        SILENT_VALUE,
        "5000000",
        "1e+18",
        "2020-03",
        "2023-05",
    ]
    told = [message for message in map(refusal_of, statements) if message]
    assert len(told) > 50
    assert [message for message in told if any(value in message for value in silent)] == []


def refusal_of(statement: str) -> str:
    try:
        plan(statement)
    except InvalidInput as error:
        return error.message
    return ""
