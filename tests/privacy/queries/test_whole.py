"""The whole path: statement, analysis, rows of a file, noise, shape. Without noise the answer is the exact one; with a
unit removed nothing of an answer tells by more than is charged."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from quinta.core.datasets.masking import MaskRules
from quinta.core.datasets.metadata import ColumnMetadata, ColumnType, ConnectorMetadata, SchemaMetadata, TableMetadata
from quinta.core.datasets.metadata import DatasetMetadata as Dataset
from quinta.core.datasets.model import NANO
from quinta.core.queries.model import AskedDataset, Question
from quinta.privacy.queries.analysis import analyse
from quinta.privacy.queries.answering import answer, cost, plan_answer
from quinta.privacy.queries.sources import Sources
from tests.privacy.queries.plans import NoNoise

COLUMNS = (
    ColumnMetadata("id", ColumnType.INT, private_id=True),
    ColumnMetadata("age", ColumnType.INT, bounded=True, lower=0, upper=100),
    ColumnMetadata("pay", ColumnType.FLOAT, bounded=True, lower=0.0, upper=1000.0),
    ColumnMetadata("city", ColumnType.STRING, selectable=True),
    ColumnMetadata("sex", ColumnType.STRING, allowed_values=("f", "m")),
)
TABLE = TableMetadata("people", COLUMNS, 2, privacy_column="id", max_ids=1, budget_delta=1e-6)


def asked(path: Path, statement: str) -> Question:
    metadata = Dataset("d", "", 2, ConnectorMetadata("csv", uri=str(path)), (SchemaMetadata("s", (TABLE,)),))
    return Question(statement, (AskedDataset("d", "d", metadata, MaskRules(), path=str(path)),), NANO)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in COLUMNS])
        for number in range(3000):
            writer.writerow([number, number % 91, (number % 50) * 10.25, "xyz"[number % 3], "fm"[number % 2]])
    return path


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Sources]:
    opened = Sources(tmp_path / "cache", 256, 1)
    yield opened
    opened.close()


EXACT = [
    ("SELECT COUNT(*), SUM(age), COUNT(DISTINCT id) FROM people", [["3000", "134868", "3000"]]),
    ("SELECT city, COUNT(*) AS n FROM people GROUP BY city ORDER BY city", [[c, "1000"] for c in "xyz"]),
    ("SELECT sex, SUM(pay) FROM people GROUP BY sex ORDER BY sex", [["f", "369000.0"], ["m", "384375.0"]]),
    ("SELECT MEDIAN(age) FROM people WHERE age BETWEEN 10 AND 20", [["15"]]),
]


@pytest.mark.parametrize(("statement", "rows"), EXACT)
def test_without_noise_answers_are_exact(people: Path, sources: Sources, statement: str, rows: list[list[str]]) -> None:
    question = asked(people, statement)
    found = plan_answer(analyse(question), NANO, question.datasets, sources, NoNoise())
    told = list(csv.reader(io.StringIO(found.results.decode())))[1:]
    assert len(told) == len(rows)
    for mine, theirs in zip(told, rows, strict=True):
        assert [number_of(value) for value in mine] == pytest.approx([number_of(value) for value in theirs], rel=1e-6)


def number_of(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float(ord(text))


def test_an_answer_costs_what_was_told_before(people: Path, sources: Sources) -> None:
    question = asked(people, "SELECT city, AVG(age) AS mean FROM people GROUP BY city")
    before, found = cost(question), answer(question, sources)
    assert found.cost == before
    assert (before.epsilon, before.delta) == (NANO, 1e-6)
    assert found.results.startswith(b"city,mean\n")
    assert found.results.count(b"\n") == found.accuracy.count(b"\n") == 4


def test_nothing_is_charged_for_what_can_have_no_rows(people: Path, sources: Sources) -> None:
    found = answer(asked(people, "SELECT COUNT(*) FROM people WHERE 1 = 0"), sources)
    assert found.cost.epsilon == 0
    assert found.results == b"col_1\n0\n"
    assert answer(asked(people, "SELECT COUNT(*) FROM people WHERE age > 1"), sources).cost.epsilon == NANO
