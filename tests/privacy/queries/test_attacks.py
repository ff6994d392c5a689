"""Attacks on the whole path, from a statement to its answer: whatever is told besides noisy numbers is the same for a
dataset and its neighbour, which lacks one individual with the most telling rows there can be (contract dq0 5.2)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quinta.core.datasets.metadata import DatasetMetadata
from quinta.core.datasets.model import NANO, MaskRules
from quinta.core.errors import InvalidInput, QuintaError
from quinta.core.queries.model import AskedDataset, GroupLimit, QueryAnswer, Question
from quinta.engine.reading_process import ReadingProcess
from quinta.privacy.metadata.reader import YamlMetadataReader
from quinta.privacy.queries import answering
from quinta.privacy.queries.sources import Sources
from tests.metadata import AGE, UNIT, metadata_text

JOBS = ("clerk", "nurse")
CANARIES = ("7919006", "7919007", "7919010", "7919001", "7919002", "canary")
"""What the metadata say of bounds, cardinality, rows, budgets, allowed values and places."""
TABLE = """data: {name: people, rows: 7919001},
    differential_privacy: {privacy_column: id, budget_epsilon: 7919002.0, budget_delta: 0.000001}"""
COLUMNS = (
    UNIT,
    AGE,
    "data: {name: wage, data_type_name: float},"
    " private_sql_and_synthesis: {bounded: true, lower: -7919006.0, upper: 7919007.0}",
    "data: {name: job, data_type_name: string}, private_sql: {allowed_values: [clerk, nurse]}",
    "data: {name: town, data_type_name: string, selectable: true}, private_sql_and_synthesis: {cardinality: 7919010}",
    "data: {name: note, data_type_name: string}",
)
VICTIMS: tuple[tuple[str, ...], ...] = (
    ("30", "1e308", "surgeon", "Ainsa", "'; DROP"),
    ("nan", "inf", "", "Ainsa", "0"),
    ("-9223372036854775808", "-1e308", "clerk", "", "1/0"),
    ("thirty", "nan", "nurse", "Ainsa" * 100, "%_%_%_"),
    ("99999999999999999999", "1e-320", "clerk", "\U0001f600", "2024-02-30"),
)
"""Rows of the one who is there or not: age, wage, job, town, note."""


@dataclass
class Ground:
    """``those`` with the victim of each number; the last is without any."""

    those: list[AskedDataset]
    sources: Sources

    def question(self, statement: str, dataset: AskedDataset, epsilon: float = 1.0, **more: Any) -> Question:
        return Question(statement, (dataset,), round(epsilon * NANO), **more)

    def answer(self, statement: str, victim: int = -1, epsilon: float = 1.0, **more: Any) -> QueryAnswer:
        return answering.answer(self.question(statement, self.those[victim], epsilon, **more), self.sources)

    def told(self, statement: str, victim: int, **more: Any) -> tuple[Any, ...]:
        """All of an outcome but noisy numbers, and which of the groups that come from the data were told."""
        try:
            answered = self.answer(statement, victim, **more)
        except QuintaError as error:
            return type(error), error.message, error.field
        rows = table(answered)
        known = answered.cost.tau is None
        return answered.cost, answered.message, rows[0], known and len(rows)

    def refusal(self, statement: str, dataset: AskedDataset | None = None, **more: Any) -> str:
        with pytest.raises(InvalidInput) as refused:
            answering.cost(self.question(statement, dataset or self.those[-1], **more))
        return refused.value.message


def table(answer: QueryAnswer) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.results.decode())))


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("canary")
    made = [dataset(folder, number, victim) for number, victim in enumerate([*VICTIMS, None])]
    sources = Sources(folder / "imports", memory_megabytes=200, threads=2)
    yield Ground(made, sources)
    sources.close()


def dataset(folder: Path, number: int, victim: Sequence[str] | None) -> AskedDataset:
    rows = [(each, 20 + each % 40, each / 7, JOBS[each % 2], "Bern", "x") for each in range(300)]
    file = folder / f"{number}.csv"
    with file.open("w", newline="") as sink:
        writer = csv.writer(sink)
        writer.writerow(("id", "age", "wage", "job", "town", "note"))
        writer.writerows(rows)
        if victim is not None:
            writer.writerows([(1_000, *victim)] * 3)
    metadata: DatasetMetadata = YamlMetadataReader().read(
        metadata_text(file, *COLUMNS, table=TABLE, name="work", database="canary_db")
    )
    return AskedDataset("0" * 8, "work", metadata, MaskRules(), path=str(file))


leaves = st.sampled_from(
    ["age", "wage", "30", "0", "-1", "0.5", "1e308", "9223372036854775807", "NULL", "age", "wage", "id", "note", "job"]
)


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "%"]), inner)
    functions = st.sampled_from(["ABS", "FLOOR", "ROUND", "SQRT", "LN", "EXP", "SIGN", "LENGTH", "-", "CAST AS INT"])
    return st.one_of(
        pairs.map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(functions, inner).map(
            lambda parts: f"CAST({parts[1]} AS INT)" if parts[0] == "CAST AS INT" else f"{parts[0]}({parts[1]})"
        ),
        st.tuples(conditions, inner, inner).map(
            lambda parts: f"CASE WHEN {parts[0]} THEN {parts[1]} ELSE {parts[2]} END"
        ),
        st.tuples(inner, inner).map(lambda parts: f"COALESCE({parts[0]}, {parts[1]})"),
        st.tuples(inner, inner).map(lambda parts: f"POWER({parts[0]}, {parts[1]})"),
        st.tuples(inner, inner).map(lambda parts: f"NULLIF({parts[0]}, {parts[1]})"),
    )


conditions = st.sampled_from(
    [
        *(
            "age = 30",
            "age > 100",
            "age IS NULL",
            "wage > 1e300",
            "job = 'surgeon'",
            "job LIKE '%s%'",
            "town = 'Ainsa'",
        ),
        *(
            "town LIKE '%_%_%_%'",
            "note = '0'",
            "age / (age - 30) > 1",
            "CAST(note AS INT) = 0",
            "1 = 0",
            "NOT age = 30",
        ),
        *("job IN ('clerk', 'surgeon')", "age BETWEEN 29 AND 31", "town IS NOT NULL", "SUBSTR(town, 2) = 'insa'"),
    ]
)
expressions = st.recursive(leaves, _wider, max_leaves=6)
calls = st.tuples(st.sampled_from(["SUM", "AVG", "COUNT", "MIN", "MAX", "VAR", "STDDEV", "MEDIAN"]), expressions).map(
    lambda parts: f"{parts[0]}({parts[1]})"
)
statements = st.builds(
    lambda call, where, key: (
        f"SELECT {key + ', ' if key else ''}{call} AS v FROM LR.people"
        f"{' WHERE ' + where if where else ''}{' GROUP BY ' + key if key else ''}"
    ),
    st.one_of(st.just("COUNT(*)"), calls),
    st.one_of(st.just(""), conditions),
    st.sampled_from(["", "", "job", "town", "age", "FLOOR(age / 10)", "note"]),
)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(statement=statements, victim=st.integers(0, len(VICTIMS) - 1))
def test_neighbours_are_told_the_same(ground: Ground, statement: str, victim: int) -> None:
    """Errors, shapes, notes, prices: of statements of chance."""
    assert ground.told(statement, victim) == ground.told(statement, -1), statement


ORACLES = (
    "SELECT SUM(1 / (age - 30)) FROM LR.people",
    "SELECT SUM(age / (age - 30)) FROM LR.people",
    "SELECT SUM(age % (age - 30)) FROM LR.people",
    "SELECT COUNT(*) FROM LR.people WHERE 1 / (age - 30) > 0",
    "SELECT AVG(CASE WHEN age = 30 THEN 1 / 0 ELSE 0 END) FROM LR.people",
    "SELECT SUM(CAST(note AS INTEGER)) FROM LR.people",
    "SELECT COUNT(*) FROM LR.people WHERE CAST(note AS DATE) > CAST('2020-01-01' AS DATE)",
    "SELECT SUM(age * 9223372036854775807) FROM LR.people",
    "SELECT SUM(age + 9223372036854775807 + 9223372036854775807) FROM LR.people",
    "SELECT SUM(wage * 1e308 * 1e308) FROM LR.people",
    "SELECT SUM(EXP(EXP(EXP(wage)))) FROM LR.people",
    "SELECT SUM(POWER(age, 100000)) FROM LR.people",
    "SELECT SUM(SQRT(age - 50)), SUM(LN(age - 50)) FROM LR.people",
    "SELECT COUNT(*) FROM LR.people WHERE town LIKE '" + "%a" * 200 + "%'",
    "SELECT COUNT(*) FROM LR.people WHERE town LIKE '%\\'",
    "SELECT COUNT(*) FROM LR.people WHERE LENGTH(REPEAT(town, 100000000)) > 0",
    "SELECT AVG(wage) FROM LR.people WHERE age = 30",
    "SELECT AVG(wage) FROM LR.people WHERE town = 'Ainsa'",
    "SELECT MEDIAN(wage), MIN(wage), MAX(wage) FROM LR.people WHERE job = 'surgeon'",
    "SELECT VAR(age), STDDEV(wage) FROM LR.people WHERE town = 'Ainsa'",
    "SELECT job, SUM(wage) FROM LR.people WHERE age > 100 GROUP BY job",
)


@pytest.mark.parametrize("statement", ORACLES)
def test_no_row_changes_how_a_query_ends(ground: Ground, statement: str) -> None:
    expected = ground.told(statement, -1)
    for victim in range(len(VICTIMS)):
        assert ground.told(statement, victim) == expected


def test_a_group_of_one_is_never_told(ground: Ground) -> None:
    for victim in range(len(VICTIMS)):
        for statement in (
            "SELECT town FROM LR.people GROUP BY town",
            "SELECT town, COUNT(*) FROM LR.people GROUP BY town",
        ):
            for _ in range(5):
                rows = table(ground.answer(statement, victim, epsilon=8.0))[1:]
                assert [row[0] for row in rows] == ["Bern"]


def test_noise_is_fresh_and_averages_say_no_more_than_they_cost(ground: Ground) -> None:
    """200 answers with a scale of 10: all the same would be one noise, 10 different ones come always (1 - 10**-100)."""
    found = [int(table(ground.answer("SELECT COUNT(*) FROM LR.people", epsilon=0.1))[1][0]) for _ in range(200)]
    assert len(set(found)) > 10
    both = [table(ground.answer("SELECT COUNT(*), COUNT(age) FROM LR.people", epsilon=0.1))[1] for _ in range(50)]
    assert any(row[0] != row[1] for row in both), "each number has its own"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT SUM(age) FROM LR.people",
        "SELECT COUNT(age) FROM LR.people",
        "SELECT COUNT(*) FROM LR.people WHERE age = 1",
        "SELECT age, COUNT(*) FROM LR.people GROUP BY age",
        "SELECT COUNT(*) FROM LR.people AS p JOIN LR.people AS q ON p.age = q.age",
        "SELECT COUNT(*) FROM LR.people ORDER BY age",
        "SELECT job, COUNT(*) FROM LR.people GROUP BY job HAVING SUM(age) > 1",
        "WITH a AS (SELECT age FROM LR.people) SELECT COUNT(age) FROM a",
        "SELECT COUNT(*) FROM LR.people WHERE age LIKE 'x'",
        "SELECT SUM(p.age) FROM LR.people AS p",
    ],
)
def test_a_hidden_column_is_not_there(ground: Ground, statement: str) -> None:
    hiding = replace(ground.those[-1], rules=MaskRules(hidden=frozenset({"age"})))
    hidden = ground.refusal(statement, hiding)
    assert "age" in hidden
    unknown = ground.refusal(statement.replace("age", "agf"), hiding)
    assert hidden.replace("age", "?") == unknown.replace("agf", "?").replace("age", "?")


def test_a_hidden_column_is_in_no_option_either(ground: Ground) -> None:
    hiding = replace(ground.those[-1], rules=MaskRules(hidden=frozenset({"age"})))
    statement, refusals = "SELECT job, COUNT(*) FROM LR.people GROUP BY job", []
    for name in ("age", "agf"):
        for more in ({"private_column": name}, {"limits": (GroupLimit(name, 5),)}):
            try:
                answering.cost(ground.question(statement, hiding, **more))
            except QuintaError as error:
                refusals.append((type(error), error.message.replace(name, "?"), error.field))
    assert len(refusals) == 4
    assert refusals[:2] == refusals[2:]


def test_an_owners_limit_on_a_hidden_column_does_not_name_it(ground: Ground) -> None:
    statement = "SELECT job, COUNT(*) FROM LR.people GROUP BY job"
    limited = replace(ground.those[-1], limits=(GroupLimit("wage", 2),))
    hiding = replace(limited, rules=MaskRules(hidden=frozenset({"wage"})))
    shown, kept = (answering.cost(ground.question(statement, each)) for each in (limited, hiding))
    assert "different values of wage" in str(shown)
    assert "wage" not in str(kept)
    assert len(kept.notes) == len(shown.notes)
    assert "wage" not in answering.answer(ground.question(statement, hiding), ground.sources).message


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT SUM(age) * 9223372036854775807 * 9223372036854775807 * 9223372036854775807 AS v FROM LR.people",
        "SELECT COUNT(*) / (COUNT(*) - COUNT(*)) AS v FROM LR.people",
        "SELECT EXP(SUM(age) * 1000000), LN(0 - COUNT(*)), SQRT(0 - COUNT(*)) FROM LR.people",
        "SELECT POWER(COUNT(*), 100000) AS v FROM LR.people",
        "SELECT ROUND(AVG(age), 400), FLOOR(SUM(wage) * 1e300 * 1e300) FROM LR.people",
        "SELECT CAST(SUM(wage) * 1e300 AS INTEGER) AS v FROM LR.people",
        "SELECT n % (n - n) AS v FROM (SELECT COUNT(*) AS n FROM LR.people) AS q",
        "SELECT job, COUNT(*) AS n FROM LR.people GROUP BY job HAVING 1 / (COUNT(*) - COUNT(*)) > 1 ORDER BY n / 0",
        "SELECT job, COUNT(*) AS n FROM LR.people GROUP BY job LIMIT 9223372036854775807 OFFSET 9223372036854775807",
    ],
)
def test_what_is_done_with_noisy_numbers_never_fails(ground: Ground, statement: str) -> None:
    """It is refused beforehand, or answered: an error on the way would be one of the server's."""
    try:
        answering.cost(ground.question(statement, ground.those[-1]))
    except InvalidInput:
        return
    assert table(ground.answer(statement))


@pytest.mark.parametrize(
    "name",
    [
        *("other.people", "information_schema.tables", "pg_catalog.pg_class", "pg_class", "sqlite_master"),
        *("main.rows", "f1.rows", "duckdb_settings", "LR.people_2", "work.LX.people"),
    ],
)
def test_tables_that_are_not_the_datasets_do_not_exist(ground: Ground, name: str) -> None:
    refused = ground.refusal(f"SELECT COUNT(*) FROM {name}")
    nothing = "nothing" + "." * name.count(".") + "nothing" * bool(name.count("."))
    assert not [word for word in CANARIES if word in refused.replace(name, "")]
    if name.count(".") == 1:
        assert refused.replace(name, "?") == ground.refusal(f"SELECT COUNT(*) FROM {nothing}").replace(nothing, "?")


@pytest.mark.parametrize(
    "source",
    [
        "read_csv('/etc/passwd')",
        "'/etc/passwd'",
        '"/etc/passwd"',
        "duckdb_tables()",
        "glob('/*')",
        "pg_read_file('/etc/passwd')",
        "generate_series(1, 1000000000)",
        "LR.people, LR.people AS q",
        "LR.people CROSS JOIN LR.people AS q",
        "LR.people TABLESAMPLE 1 PERCENT",
        "LATERAL (SELECT 1) AS q",
        "(VALUES (1), (2)) AS q",
    ],
)
def test_nothing_else_is_read(ground: Ground, source: str) -> None:
    assert ground.refusal(f"SELECT COUNT(*) FROM {source}")


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH '/tmp/x' AS x",
        "COPY LR.people TO '/tmp/x'",
        "INSERT INTO LR.people VALUES (1)",
        "DROP TABLE LR.people",
        "PRAGMA database_list",
        "SELECT COUNT(*) FROM LR.people; DROP TABLE LR.people",
        "SELECT COUNT(*) INTO x FROM LR.people",
        "SELECT COUNT(*) FROM LR.people FOR UPDATE",
        "SELECT current_setting('x'), COUNT(*) FROM LR.people",
        "SELECT getenv('HOME'), COUNT(*) FROM LR.people",
        "SELECT COUNT(*) FROM LR.people WHERE (SELECT COUNT(*) FROM LR.people) > 1",
        "SELECT COUNT(*) FROM LR.people WHERE EXISTS (SELECT 1 FROM LR.people WHERE age = 30)",
        "SELECT COUNT(*) FROM LR.people WHERE RANDOM() < 0.5",
        "SELECT COUNT(*) FILTER (WHERE age = 30) OVER () FROM LR.people",
        "SELECT STRING_AGG(note, ',') FROM LR.people",
        "SELECT ARRAY_AGG(age) FROM LR.people",
        "SELECT MAX(town) FROM LR.people",
        "SELECT ANY_VALUE(wage) FROM LR.people",
        "SELECT id, COUNT(*) FROM LR.people GROUP BY id",
        "SELECT * FROM LR.people",
        "SELECT age FROM LR.people LIMIT 1",
        "EXPLAIN SELECT COUNT(*) FROM LR.people",
    ],
)
def test_what_is_no_question_is_refused(ground: Ground, statement: str) -> None:
    said = ground.refusal(statement)
    assert not [word for word in CANARIES if word in said]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(statement=statements)
def test_the_owners_metadata_are_in_no_text(ground: Ground, statement: str) -> None:
    """Neither of refusals nor of notes; what an answer's numbers are is noise between the bounds."""
    try:
        cost = answering.cost(ground.question(statement, ground.those[-1]))
    except QuintaError as error:
        said = error.message
    else:
        said = " ".join((*cost.notes, *(f"{column.name} {column.mechanism}" for column in cost.columns)))
    asked = {word for word in CANARIES if word in statement}
    assert not [word for word in CANARIES if word in said and word not in asked], said


def _nested(opening: str, middle: str, closing: str, length: int) -> str:
    times = (length - len(middle)) // (len(opening) + len(closing))
    return opening * times + middle + closing * times


_LONG = 65_000
BOMBS = {
    "parentheses": f"SELECT COUNT(*) FROM LR.people WHERE {_nested('(', '1 = 1', ')', _LONG)}",
    "additions": f"SELECT SUM(age{' + 1' * (_LONG // 4)}) FROM LR.people",
    "products": f"SELECT SUM(age{' * 99' * (_LONG // 5)}) FROM LR.people",
    "negations": f"SELECT COUNT(*) FROM LR.people WHERE {'NOT ' * (_LONG // 4)}age = 30",
    "ors": f"SELECT COUNT(*) FROM LR.people WHERE age = 1{' OR age = 2' * (_LONG // 11)}",
    "values": f"SELECT COUNT(*) FROM LR.people WHERE age IN (1{',2' * (_LONG // 2)})",
    "cases": f"SELECT SUM({_nested('CASE WHEN age > 1 THEN 1 ELSE ', 'age', ' END', _LONG)}) FROM LR.people",
    "functions": f"SELECT SUM({_nested('ABS(', 'age', ')', _LONG)}) FROM LR.people",
    "subqueries": _nested("SELECT n FROM (", "SELECT COUNT(*) AS n FROM LR.people", ") AS q", _LONG),
    "joins": "SELECT COUNT(*) FROM LR.people AS p" + " JOIN LR.people AS q USING (id)" * (_LONG // 31),
    "doubled": (
        "WITH a0 AS (SELECT id, age FROM LR.people)"
        + "".join(
            f", a{number + 1} AS (SELECT x.id, x.age FROM a{number} AS x JOIN a{number} AS y ON x.id = y.id)"
            for number in range(24)
        )
        + " SELECT COUNT(*) FROM a24"
    ),
    "doubled expressions": (
        "WITH a0 AS (SELECT id, age AS v FROM LR.people)"
        + "".join(f", a{number + 1} AS (SELECT id, v * v + v AS v FROM a{number})" for number in range(40))
        + " SELECT SUM(v) FROM a40"
    ),
    "aggregates": f"SELECT COUNT(*){', SUM(age)' * (_LONG // 10)} FROM LR.people",
    "keys": f"SELECT COUNT(*) FROM LR.people GROUP BY job{', job' * (_LONG // 5)}",
    "bins": "SELECT COUNT(*) FROM LR.people GROUP BY FLOOR(wage * 1000000), FLOOR(age / 0.0000001)",
    "text": f"SELECT COUNT(*) FROM LR.people WHERE town = '{'a' * _LONG}'",
    "like": f"SELECT COUNT(*) FROM LR.people WHERE town LIKE '{'%a_' * (_LONG // 3)}'",
    "digits": f"SELECT SUM(age + {'9' * _LONG}) FROM LR.people",
    "exponent": "SELECT SUM(age * 1e999999999) FROM LR.people",
    "quotes": "SELECT COUNT(*) FROM LR.people WHERE town = " + "'" * _LONG,
    "comments": "SELECT COUNT(*) FROM LR.people " + "/*" * (_LONG // 2),
    "garbage": "\x00\ud800" * 1_000,
}


@pytest.fixture(scope="module")
def process() -> Iterator[ReadingProcess]:
    """Where a server says prices."""
    made = ReadingProcess()
    yield made
    made.close()


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_answered_or_refused(ground: Ground, process: ReadingProcess, name: str) -> None:
    """Within the memory and the time of the process, which lives on."""
    with suppress(InvalidInput):
        await process.call(answering.cost, ground.question(BOMBS[name], ground.those[-1]))
    assert await process.call(len, BOMBS["text"]) == len(BOMBS["text"])
