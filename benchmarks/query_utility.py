"""How far private answers are from the truth, beside SmartNoise at the same total epsilon: the census sample of
examples/census as it is shipped (5,000 rows), a standard set of statements, each asked many times."""

from __future__ import annotations

import csv
import io
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
from benchmarks.query_peers import Answered, smartnoise
from benchmarks.query_tables import Table, census

from quinta.core.datasets.epsilon import cost_of
from quinta.core.datasets.model import MaskRules
from quinta.core.queries.model import AskedDataset, Question
from quinta.privacy.queries import answering
from quinta.privacy.queries.sources import Sources

MOST_ERROR: Final = 0.5
"""Of SmartNoise's median relative error."""
MOST_TIME: Final = 1 / 3
_MEMORY_MEGABYTES: Final = 1_024

STATEMENTS: Final = {
    "COUNT": "SELECT COUNT(*) AS n FROM us.adults",
    "COUNT by sex": "SELECT sex, COUNT(*) AS n FROM us.adults GROUP BY sex",
    "COUNT, filtered": "SELECT COUNT(*) AS n FROM us.adults WHERE age > 50 AND sex = 'Female'",
    "COUNT by sex and race": "SELECT sex, race, COUNT(*) AS n FROM us.adults GROUP BY sex, race",
    "COUNT by education": "SELECT education, COUNT(*) AS n FROM us.adults GROUP BY education",
    "SUM of age": "SELECT SUM(age) AS s FROM us.adults",
    "AVG of age": "SELECT AVG(age) AS m FROM us.adults",
    "VARIANCE of age": "SELECT VARIANCE(age) AS v FROM us.adults",
    "STDDEV of age": "SELECT STDDEV(age) AS d FROM us.adults",
    "AVG of hours by sex": "SELECT sex, AVG(hours_per_week) AS m FROM us.adults GROUP BY sex",
    "AVG of hours by education": "SELECT education, AVG(hours_per_week) AS m FROM us.adults GROUP BY education",
    "SUM of hours by income": "SELECT income, SUM(hours_per_week) AS s FROM us.adults GROUP BY income",
    "AVG of hours, filtered": "SELECT AVG(hours_per_week) AS m FROM us.adults WHERE age < 30",
    "COUNT and AVG by sex": "SELECT sex, COUNT(*) AS n, AVG(age) AS m FROM us.adults GROUP BY sex",
}
Cells = dict[tuple[str, int], float]
"""Numbers of an answer by the texts of its keys and the number of the column."""


@dataclass(frozen=True)
class Compared:
    """One statement: median relative errors and medians of seconds of a processor, ours and SmartNoise's."""

    name: str
    error: float
    their_error: float
    seconds: float
    their_seconds: float
    asked: float


def compare(python: Path, folder: Path, repetitions: int, epsilon: float, *, censor_dims: bool) -> list[Compared]:
    """``censor_dims``: what SmartNoise is told; the metadata say true, and false promises less (groups that are there
    because of one individual are told) but costs it less."""
    table = census(folder)
    theirs = smartnoise(python, table, STATEMENTS, repetitions, epsilon, censor_dims=censor_dims).answers
    exact = dict(_truths(table))
    ours = {name: _ours(table, folder, STATEMENTS[name], repetitions, epsilon) for name in STATEMENTS}
    return [
        Compared(
            name,
            _median_error(exact[name], map(_cells, ours[name].rows)),
            _median_error(exact[name], map(_cells, theirs[name].rows)),
            ours[name].processor,
            theirs[name].processor,
            theirs[name].asked,
        )
        for name in STATEMENTS
    ]


def _ours(table: Table, folder: Path, statement: str, repetitions: int, epsilon: float) -> Answered:
    """In this process, as the processes of the server answer: from the text of the statement to results.csv."""
    sources = Sources(folder / "imports", _MEMORY_MEGABYTES, 1)
    dataset = AskedDataset("census", table.name, table.metadata, MaskRules(), path=str(table.path))
    question = Question(statement, (dataset,), cost_of(epsilon))
    answering.answer(question, sources)  # imports the file
    processor, rows = [], []
    for _ in range(repetitions):
        used = time.process_time()
        answer = answering.answer(question, sources)
        processor.append(time.process_time() - used)
        if answer.cost.epsilon != question.epsilon:
            raise SystemExit(f"{statement} charged {answer.cost.epsilon}, not {question.epsilon}")
        rows.append(list(csv.reader(io.StringIO(answer.results.decode())))[1:])
    sources.close()
    return Answered(statistics.median(processor), rows)


def _truths(table: Table) -> Iterator[tuple[str, Cells]]:
    with duckdb.connect(":memory:") as database:
        database.execute(f"CREATE SCHEMA us; CREATE TABLE us.adults AS SELECT * FROM read_csv('{table.path}')")
        for name, statement in STATEMENTS.items():
            yield name, _cells(database.execute(statement).fetchall())


def _cells(rows: Sequence[Sequence[Any]]) -> Cells:
    """Numbers stand behind the keys, which are texts in this set; what is no number is not there."""
    found: Cells = {}
    for row in rows:
        numbers = {number: value for number, value in enumerate(map(_number, row)) if value is not None}
        keys = "|".join(str(value) for number, value in enumerate(row) if number not in numbers and value)
        found |= {(keys, number): value for number, value in numbers.items()}
    return found


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _median_error(exact: Mapping[tuple[str, int], float], answers: Iterator[Cells]) -> float:
    """Over all answers and all numbers of the truth: one that an answer has not is wrong by all of it."""
    errors = [
        abs(answer[cell] - truth) / abs(truth) if cell in answer else 1.0
        for answer in answers
        for cell, truth in exact.items()
    ]
    return statistics.median(errors)
