"""Masks, thresholds, tau, delta, params, the protected column: what metadata, owner and request say together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quinta.core.datasets.masking import MaskRules
from quinta.core.datasets.metadata import ColumnType, SchemaMetadata
from quinta.core.errors import InvalidInput, NotPermitted
from quinta.core.queries.model import GroupLimit
from quinta.privacy.queries.tree import AutomaticBounds, Column, Comparison, Interval, Limit, Literal
from tests.privacy.queries.shop import MAIN, ORDERS, PEOPLE, dataset, people, plan

FORMS = [
    "SELECT {} FROM people",
    "SELECT SUM({}) FROM people",
    "SELECT COUNT({}) FROM people",
    "SELECT COUNT(*) FROM people WHERE {} > 5",
    "SELECT {}, COUNT(*) FROM people GROUP BY {}",
    "SELECT COUNT(*) FROM people ORDER BY {}",
    "SELECT COUNT(*) FROM people HAVING {} > 5",
    "SELECT COUNT(*) FROM people p JOIN people q USING ({})",
    "SELECT COUNT(*) FROM people p JOIN people q ON p.id = q.id AND p.{} = 1",
    "SELECT SUM({}) FROM (SELECT * FROM people) q",
    "SELECT COUNT(*) FROM (SELECT {} FROM people) q",
]


@pytest.mark.parametrize("form", FORMS)
def test_hidden_columns_are_unknown_ones(form: str) -> None:
    """The same sentence but for the name, which has the same length, so that the places are the same too."""
    sentences = []
    for name in ("hidden", "nobody"):
        with pytest.raises(InvalidInput) as caught:
            plan(form.replace("{}", name))
        assert caught.value.field == "query"
        sentences.append(caught.value.message.replace(name, "…"))
    assert sentences[0] == sentences[1]
    if (
        "GROUP BY" not in form
        and "SELECT {}" not in form
        and "ORDER" not in form
        and "HAVING" not in form
        and "USING" not in form
    ):
        plan(form.replace("{}", "age"))


def test_hidden_columns_are_not_in_a_star() -> None:
    with pytest.raises(InvalidInput, match=r"no column 'q\.hidden'"):
        plan("SELECT SUM(q.hidden) FROM (SELECT * FROM people) q")
    shown = dataset(rules=MaskRules())
    assert plan("SELECT SUM(q.hidden) FROM (SELECT * FROM people) q", shown).aggregates


def test_a_hidden_privacy_column_protects_all_the_same() -> None:
    asked = dataset(rules=MaskRules(hidden=frozenset({"ID"})))
    assert plan("SELECT COUNT(*) FROM people", asked).source.scans[0].unit == "id"
    with pytest.raises(InvalidInput, match="no column 'id'"):
        plan("SELECT COUNT(DISTINCT id) FROM people", asked)


def test_public_columns_are_told() -> None:
    statement = "SELECT note, COUNT(*) FROM people WHERE points > 1 GROUP BY note"
    with pytest.raises(InvalidInput):
        plan(statement)
    asked = dataset(rules=MaskRules(public=frozenset({"note", "points"})))
    assert plan(statement, asked).keys[0].values is None
    with pytest.raises(InvalidInput, match="no declared bounds"):
        plan("SELECT SUM(points) FROM people", asked)
    with pytest.raises(InvalidInput, match="whom a row is about"):
        plan("SELECT id, COUNT(*) FROM people GROUP BY id", dataset(rules=MaskRules(public=frozenset({"id"}))))


def test_automatic_bounds() -> None:
    [found] = plan("SELECT AVG(wealth) FROM people").aggregates
    assert found.automatic == AutomaticBounds(Interval(0.0, 5e6), 0.8)
    assert found.operand == Column(0, "wealth", ColumnType.FLOAT, Interval(0.0, 5e6), clamped=True)
    with pytest.raises(InvalidInput):
        plan("SELECT AVG(points) FROM people")
    with pytest.raises(InvalidInput):
        plan("SELECT AVG(wealth * 2) FROM people")
    assert plan("SELECT AVG(income) FROM people").aggregates[0].automatic is None


def test_limits_are_the_strictest() -> None:
    asked = dataset(
        limits=(GroupLimit("household", 5), GroupLimit("id", 9), GroupLimit("hidden", 4), GroupLimit("kind", 3))
    )
    found = plan("SELECT COUNT(*) FROM people", asked, limits=(GroupLimit("household", 75), GroupLimit("ID", 2)))
    by_name = {limit.column.name if limit.column else None: limit.least for limit in found.limits}
    assert by_name == {"household": 75, None: 9, "hidden": 4}
    assert plan("SELECT COUNT(*) FROM orders", asked).limits == (Limit(Column(0, "kind", ColumnType.STRING, None), 3),)


@pytest.mark.parametrize("name", ["hidden", "nothing", "amount"])
def test_limits_of_the_request_are_about_columns_of_the_query(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        plan("SELECT COUNT(*) FROM people", limits=(GroupLimit(name, 5),))
    assert caught.value.field == "permissions"
    assert caught.value.message.replace(name, "…") == "permissions: there is no column '…' in the tables of the query"
    plan("SELECT COUNT(*) FROM people", limits=(GroupLimit("household", 5),))


def test_the_largest_tau_counts() -> None:
    assert plan("SELECT COUNT(*) FROM people").tau == 0
    assert plan("SELECT COUNT(*) FROM orders").tau == 7
    assert plan("SELECT COUNT(*) FROM orders", tau=9.5).tau == 9.5
    assert plan("SELECT COUNT(*) FROM orders", tau=3.0).tau == 7
    assert plan("SELECT COUNT(*) FROM people JOIN orders ON id = person").tau == 7


@pytest.mark.parametrize(
    ("rows", "declared", "delta"),
    [
        (0, None, 1e-6),
        (1000, None, 1e-5),
        (5000, None, 1e-6),
        (9000, None, 1e-6),
        (10**12, None, 1e-15),
        (10, None, 1e-4),
        (1000, 1e-9, 1e-9),
        (0, 0.0, 1e-15),
        (1000, 2.0, 1e-5),
    ],
)
def test_delta(rows: int, declared: float | None, delta: float) -> None:
    found = plan("SELECT COUNT(*) FROM people", people(rows=rows, budget_delta=declared)).delta
    assert found == pytest.approx(delta, rel=1e-9)


def test_the_smallest_delta_of_a_join_counts() -> None:
    asked = people(rows=0, budget_delta=1e-9)
    assert plan("SELECT COUNT(*) FROM people JOIN orders ON id = person", asked).delta == 1e-9


def test_counts_are_clamped_where_metadata_say_so() -> None:
    assert not plan("SELECT COUNT(*) FROM people").clamps_counts
    assert plan("SELECT COUNT(*) FROM people", people(clamp_counts=True)).clamps_counts


def test_which_rows_count_is_drawn_where_metadata_say_so() -> None:
    assert plan("SELECT COUNT(*) FROM people").source.scans[0].samples
    assert not plan("SELECT COUNT(*) FROM people", people(sample_max_ids=False)).source.scans[0].samples


def test_another_column_is_protected_where_the_owner_marked_it() -> None:
    with pytest.raises(NotPermitted) as denied:
        plan("SELECT COUNT(*) FROM people", private_column="household")
    assert denied.value.field == "private_column"
    columns = tuple(replace(c, private_id=c.name in ("id", "household")) for c in PEOPLE.columns)
    asked = people(columns=columns)
    assert (
        plan("SELECT COUNT(DISTINCT household) FROM people", asked, private_column="household").source.scans[0].unit
        == "household"
    )
    assert plan("SELECT COUNT(*) FROM people", private_column="id").source.scans[0].unit == "id"
    with pytest.raises(InvalidInput, match="counts the privacy column only"):
        plan("SELECT COUNT(DISTINCT id) FROM people", asked, private_column="household")


@pytest.mark.parametrize("name", ["hidden", "nothing"])
def test_an_unknown_column_cannot_be_protected(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        plan("SELECT COUNT(*) FROM people", private_column=name)
    assert caught.value.field == "private_column"
    assert caught.value.message.replace(name, "…") == "there is no column '…' to protect"


@pytest.mark.parametrize(
    ("written", "value", "literal"),
    [
        ("age > :p1", "5", Literal(5, ColumnType.INT, Interval(5, 5))),
        ("age > {p1}", "5", Literal(5, ColumnType.INT, Interval(5, 5))),
        ("age > :p1", "-2.5", Literal(-2.5, ColumnType.FLOAT, Interval(-2.5, -2.5))),
        ("city = :p1", "Rome' OR 1=1 --", Literal("Rome' OR 1=1 --", ColumnType.STRING)),
        ("city = :p1", "'it''s'", Literal("it's", ColumnType.STRING)),
        ("city = :p1", "00123", Literal("00123", ColumnType.STRING)),
        ("city = :p1", "-7", Literal("-7", ColumnType.STRING)),
        ("member = :p1", "true", Literal(True, ColumnType.BOOLEAN)),
    ],
)
def test_params_are_typed_literals(written: str, value: str, literal: Literal) -> None:
    where = plan(f"SELECT COUNT(*) FROM people WHERE {written}", params={"p1": value}).source.where
    assert isinstance(where, Comparison)
    assert where.right == literal


@pytest.mark.parametrize(
    ("statement", "params"),
    [
        ("SELECT COUNT(*) FROM people WHERE age > :p1", {}),
        ("SELECT COUNT(*) FROM people WHERE age > :p1", {"P1": "1"}),
        ("SELECT COUNT(*) FROM people WHERE age > :p1", {"p1": "1", "p2": "2"}),
        ("SELECT COUNT(*) FROM people WHERE city = ':p1'", {"p1": "1"}),
        ("SELECT COUNT(*) FROM people WHERE city = :p1", {"p1": "\x00"}),
        ("SELECT COUNT(*) FROM people WHERE city = :p1", {"p1": "\ud800"}),
        ("SELECT COUNT(*) FROM people WHERE city = :p1", {"p1": "x" * 65537}),
    ],
)
def test_params_that_are_missing_or_unused(statement: str, params: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        plan(statement, params=params)
    assert caught.value.field == "params"


def test_params_are_no_names_and_no_text_of_sql() -> None:
    for statement in (
        "SELECT COUNT(*) FROM :p1",
        "SELECT COUNT(:p1) FROM people WHERE :p1",
        "SELECT COUNT(*) FROM people WHERE age > :p1",
    ):
        with pytest.raises(InvalidInput) as caught:
            plan(statement, params={"p1": "people"})
        assert caught.value.field == "query"
    assert plan("SELECT COUNT(*) FROM people LIMIT :p1", params={"p1": "0"}).is_empty


def test_names_with_blanks_and_letters_of_another_case() -> None:
    assert plan('SELECT SUM("Mixed Case") FROM PEOPLE').aggregates
    with pytest.raises(InvalidInput):
        plan('SELECT SUM("mixed case") FROM people')
    twins = replace(PEOPLE, columns=(*PEOPLE.columns, replace(PEOPLE.columns[2], name="AGE")))
    asked = dataset(SchemaMetadata("main", (twins, ORDERS)))
    assert (
        plan("SELECT SUM(AGE) FROM people", asked).aggregates[0].operand
        != plan("SELECT SUM(age) FROM people", asked).aggregates[0].operand
    )
    with pytest.raises(InvalidInput, match="more than one"):
        plan("SELECT SUM(Age) FROM people", asked)


def test_allowed_values_are_of_the_declared_type() -> None:
    columns = tuple(replace(c, allowed_values=(1, 2.5)) if c.name == "points" else c for c in PEOPLE.columns)
    [key] = plan("SELECT points, COUNT(*) FROM people GROUP BY points", people(columns=columns)).keys
    assert key.values == (1.0, 2.5)
    assert all(type(value) is float for value in key.values or ())
    assert MAIN.tables[0] is PEOPLE
