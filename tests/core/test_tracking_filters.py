"""MLflow's language of filters and orders, without a database."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quinta.core.errors import InvalidInput
from quinta.core.tracking.conditions import Subject, holds, like, sort_key
from quinta.core.tracking.filters import parse_filter, parse_order
from quinta.core.tracking.search import RUNS

SUBJECT = Subject(
    {"run_id": "7f", "run_name": "tall run", "status": "FINISHED", "start_time": 1_000.0, "end_time": None},
    {"accuracy": 0.9, "loss/train": 0.1, "wild": math.nan},
    {"lr": "0.01", "Big Name": "x"},
    {"mlflow.parentRunId": "p1", "note": "It's 100% done"},
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "metrics.accuracy > 0.8",
        "metrics.accuracy>=.9 AND metrics.accuracy <= 9e-1 and metric.accuracy = 0.9",
        "metrics.accuracy != 1",
        "metrics.`loss/train` < 0.2",
        'metrics."loss/train" < 0.2',
        "metrics.loss/train < 0.2",
        "metrics.accuracy > -1",
        "params.lr = '0.01'",
        'params.lr = "0.01"',
        "param.lr != '0.1' AND parameters.lr LIKE '0.%'",
        "params.`Big Name` ILIKE 'X'",
        "tags.mlflow.parentRunId = 'p1'",
        "tags.`mlflow.parentRunId` IS NOT NULL AND tags.other IS NULL AND params.none is null",
        "tag.note like '%100_ done'",
        """tags.note = "It's 100% done" """,
        "status = 'FINISHED'",
        "attributes.status != 'FAILED'",
        "attr.run_name LIKE 'tall%' AND run.status = 'FINISHED'",
        "run_name ILIKE '%RUN'",
        "run_id IN ('7f', '8f') AND run_id NOT IN ('9f')",
        "start_time > 999 AND attributes.start_time < 1001",
        "`run name` = 'tall run'",
    ],
)
def test_what_holds(text: str) -> None:
    assert holds(parse_filter(text, RUNS), SUBJECT)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.accuracy > 0.9",
        "metrics.none > 0",
        "metrics.none != 0",
        "metrics.wild > 0",
        "metrics.wild < 0",
        "params.lr = '0.1'",
        "params.none != 'x'",
        "params.LR = '0.01'",
        "tags.note LIKE 'it%'",
        "status = 'FAILED'",
        "end_time > 0",
        "run_id NOT IN ('7f')",
        "run_id IN ('8f')",
        "params.lr IS NULL",
        "metrics.accuracy > 0.8 AND params.lr = 'x'",
    ],
)
def test_what_does_not_hold(text: str) -> None:
    assert not holds(parse_filter(text, RUNS), SUBJECT)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("metrics.accuracy", "it ends where an operator is expected"),
        ("metrics.accuracy >", "it ends where a number is expected"),
        ("metrics.accuracy > 'x'", "a number is expected, not 'x'"),
        ("metrics.accuracy > nan", "a number is expected"),
        ("metrics.accuracy LIKE 'x'", "cannot be compared by LIKE"),
        ("params.lr > '1'", "cannot be compared by >"),
        ("params.lr = 1", "a text in quotes is expected, not '1'"),
        ("params.lr = 'x", "cannot be read from ''x'"),
        ("params.lr = 'x' OR params.lr = 'y'", "AND is expected, not 'OR'"),
        ("(params.lr = 'x')", "a name is expected, not '('"),
        ("color = 'x'", "there is no attribute 'color'"),
        ("datasets.name = 'x'", "'datasets' is no kind"),
        ("params.lr IN ('x')", "IN is for attributes"),
        ("run_id IN ('x'", "')' is expected, not its end"),
        ("run_id IN ()", "a text in quotes is expected, not ')'"),
        ("status IS NULL", "IS NULL is for parameters and tags"),
        ("params.lr IS 'x'", "NULL is expected, not 'x'"),
        ("metrics. > 1", "the name after 'metrics.' is expected"),
        (" AND ".join(["metrics.a > 1"] * 101), "more than 100 conditions"),
        ("metrics.a > 1" + " " * 10_000, "characters"),
    ],
)
def test_what_cannot_be_understood(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_filter(text, RUNS)
    assert says in refusal.value.message
    assert refusal.value.field == "filter"


@given(st.one_of(st.text(max_size=60), st.text(alphabet="metricsp. =<>'\"`()ANDINLIKE1,%", max_size=60)))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with suppress(InvalidInput):
        holds(parse_filter(text, RUNS), SUBJECT)


def test_orders() -> None:
    values = {"low": 1.0, "high": 2.0, "wild": math.nan, "infinite": -math.inf}
    subjects = {name: Subject({"run_name": name}, {"m": value}) for name, value in values.items()}
    subjects["none"] = Subject({"run_name": "none"})

    def ordered(*texts: str) -> list[str]:
        orders = [parse_order(text, RUNS) for text in texts]
        return sorted(subjects, key=lambda name: sort_key(orders, subjects[name]))

    assert ordered("metrics.m") == ["infinite", "low", "high", "wild", "none"]
    assert ordered("metrics.m DESC") == ["high", "low", "infinite", "wild", "none"]
    assert ordered("attributes.run_name desc") == ["wild", "none", "low", "infinite", "high"]
    assert ordered("params.p", "run_name ASC") == ["high", "infinite", "low", "none", "wild"]


@pytest.mark.parametrize("text", ["", "metrics.m UP", "metrics.m DESC DESC", "color"])
def test_orders_that_are_none(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_order(text, RUNS)
    assert refusal.value.field == "order_by"


@pytest.mark.parametrize(
    ("text", "pattern", "matches"),
    [
        ("", "", True),
        ("", "%", True),
        ("", "_", False),
        ("abc", "abc", True),
        ("abc", "ab", False),
        ("abc", "a%", True),
        ("abc", "%c", True),
        ("abc", "a_c", True),
        ("abc", "a__c", False),
        ("aXbXc", "a%b%c", True),
        ("aab", "%ab", True),
        ("a.c", "a.c", True),
        ("abc", "a.c", False),
        ("line\nline", "line%line", True),
        ("50%", "50%", True),
    ],
)
def test_like(text: str, pattern: str, matches: bool) -> None:
    assert like(text, pattern) is matches


def test_a_pattern_of_many_stars_is_soon_done() -> None:
    assert not like("a" * 2_000, "%a" * 500 + "b")
