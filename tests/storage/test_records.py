"""Searches among data records, on both databases: what a filter over a list answers, they answer."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quinta.core.errors import InvalidInput
from quinta.core.files.model import DataRecord
from quinta.core.files.record_query import Filter, Operator, RecordField, RecordPage, RecordQuery, RecordView, Sort
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Group
from quinta.storage import record_walks
from quinta.storage import records as searching
from quinta.storage.database import Database
from tests.storage.records import add_groups, add_records, expected, make_record

GROUPS = (1, 2, 3, 64, 65, 127, 190)
"""1, 64, 127 and 190 have one bit, 2 and 65 another, 3 has its own (core.files.model.group_bit)."""
LETTERS = "aAbeE%_\\*?[]'\"éÉe\u0301ßSsΣσςИиıİ \U0001f600\uffff"  # noqa: RUF001  # letters whose case is no simple matter
TEXT = st.text(st.sampled_from(LETTERS), max_size=4)
NAME = st.text(st.sampled_from(LETTERS), min_size=1, max_size=4)
JSON = st.none() | st.sampled_from(("[]", "{}", '[{"elements": "Datasets"}]', '"É"', '"é"'))
VIEW = st.builds(
    make_record,
    NAME,
    st.sets(st.sampled_from(GROUPS), min_size=1, max_size=3),
    description=TEXT,
    location=TEXT,
    is_public=st.booleans(),
    organization=JSON,
    protocols=JSON,
    uuid=st.uuids(version=4).map(str),
)
TEXT_FIELDS = tuple(set(RecordField) - {RecordField.GROUPS, RecordField.IS_PUBLIC})
COMPARING = tuple(set(Operator) - {Operator.ISNULL})


@st.composite
def filters(draw: st.DrawFn, values: tuple[str, ...]) -> Filter:
    field, negated = draw(st.sampled_from(RecordField)), draw(st.booleans())
    if draw(st.integers(0, 9)) == 0:
        return Filter(field, Operator.ISNULL, (draw(st.booleans()),), negated)
    operator = draw(st.sampled_from(COMPARING))
    value: st.SearchStrategy[str | int | bool]
    if field is RecordField.GROUPS:
        value = st.sampled_from((*GROUPS, 0, 66, 4))
    else:
        value = st.booleans() if field is RecordField.IS_PUBLIC else st.sampled_from(values) | TEXT
    few = {Operator.RANGE: (2, 2), Operator.IN: (0, 3)}.get(operator, (1, 1))
    return Filter(field, operator, tuple(draw(st.lists(value, min_size=few[0], max_size=few[1]))), negated)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[RecordView], list[RecordQuery]]:
    views = draw(st.lists(VIEW, min_size=1, max_size=12, unique_by=lambda view: view.record.uuid))
    texts = [view.record for view in views]
    values = tuple(
        {text for its in texts for text in (its.name, its.description, its.uuid, its.organization or "", its.location)}
    )
    query = st.builds(
        RecordQuery,
        filters=st.lists(filters(values), max_size=3).map(tuple),
        sort=st.lists(st.builds(Sort, st.sampled_from(RecordField), st.booleans()), max_size=2).map(tuple),
        limit=st.none() | st.integers(0, 14),
        offset=st.integers(0, 5),
        group_ids=st.none() | st.frozensets(st.sampled_from(GROUPS).map(str), max_size=3),
        public_only=st.booleans(),
    )
    return views, draw(st.lists(query, min_size=1, max_size=6))


async def search(database: Database, query: RecordQuery) -> RecordPage:
    async with database.read() as work:
        return await work.records(query)


async def empty(database: Database) -> None:
    async with database.begin() as work:
        ids = await work.of(DataRecord, EVERYTHING).values("id")
        if ids:
            await work.of(DataRecord, EVERYTHING).remove(id=ids)


@pytest.mark.parametrize(
    ("few", "glance", "seldom", "worth_it"),
    [
        (5_000, 4_000, 80, 20_000),
        (5_000, 4_000, 80, 1),
        (3, 4, 80, 20_000),
        (3, 4, 80, 1),
        (5_000, 4, 80, 1),
        (5_000, 4, 0, 1),
    ],
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scene=scenes())
async def test_any_question_is_answered_as_a_list_would(
    database: Database,
    few: int,
    glance: int,
    seldom: int,
    worth_it: int,
    scene: tuple[list[RecordView], list[RecordQuery]],
) -> None:
    """These numbers decide between ways to the same page (storage.records, storage.record_walks)."""
    views, queries = scene
    await empty(database)
    async with database.read() as work:
        groups = {group.number: group.id for group in await work.of(Group, EVERYTHING).find()}
    groups = groups or await add_groups(database, GROUPS)
    await add_records(database, views, groups)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "_FEW", few)
        patch.setattr(searching, "_GLANCE", glance)
        patch.setattr(searching, "_SELDOM", seldom)
        patch.setattr(record_walks, "_WORTH_IT", worth_it)
        for query in queries:
            if query.group_ids is not None:
                query = replace(query, group_ids=frozenset(groups[int(number)] for number in query.group_ids))
            page = await search(database, query)
            assert (list(page.records), page.total) == expected(views, query, groups), query


@pytest.mark.parametrize("field", [RecordField.NAME, RecordField.DESCRIPTION, RecordField.IS_PUBLIC])
@pytest.mark.parametrize("descending", [False, True])
async def test_pages_cover_everything_once(database: Database, field: RecordField, descending: bool) -> None:
    groups = await add_groups(database, (1,))
    views = [make_record(f"name {n % 3}", (1,), description=f"{n % 2}", is_public=n % 5 == 0) for n in range(23)]
    await add_records(database, views, groups)
    seen: list[str] = []
    for offset in range(0, 30, 5):
        page = await search(database, RecordQuery(sort=(Sort(field, descending),), limit=5, offset=offset))
        assert page.total == 23
        seen += [view.record.uuid for view in page.records]
    assert sorted(seen) == sorted(view.record.uuid for view in views)
    whole = await search(database, RecordQuery(sort=(Sort(field, descending),)))
    assert [view.record.uuid for view in whole.records] == seen


async def test_signs_of_patterns_are_plain_and_case_counts_where_it_should(database: Database) -> None:
    groups = await add_groups(database, (1,))
    names = ("50% off", "50 off", "a_b", "acb", "back\\slash", "Straße", "STRASSE", "ИВАН")
    await add_records(database, [make_record(name, (1,)) for name in names], groups)

    async def found(operator: Operator, value: str) -> list[str]:
        page = await search(database, RecordQuery((Filter(RecordField.NAME, operator, (value,)),), limit=10))
        return [view.record.name for view in page.records]

    assert await found(Operator.ICONTAINS, "0% O") == ["50% off"]
    assert await found(Operator.CONTAINS, "0% O") == []
    assert await found(Operator.STARTSWITH, "a_") == ["a_b"]
    assert await found(Operator.ENDSWITH, "\\slash") == ["back\\slash"]
    assert await found(Operator.IEXACT, "strasse") == ["STRASSE", "Straße"]
    assert await found(Operator.ISTARTSWITH, "ив") == ["ИВАН"]
    assert await found(Operator.STARTSWITH, "ив") == []


async def test_what_no_database_takes_is_refused(database: Database) -> None:
    for value in ("a\x00b", "\ud800"):
        with pytest.raises(InvalidInput) as refused:
            await search(database, RecordQuery((Filter(RecordField.NAME, Operator.CONTAINS, (value,)),), limit=1))
        assert refused.value.field == "name"


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("group_bits & 6 != 0", "names"),
        ("folded_name GLOB '*a*' AND is_public", "names"),
        ("folded_description GLOB '*a*' AND group_bits & 6 != 0", "folded_descriptions"),
        ("folded_description GLOB '*a*' AND folded_name GLOB '*a*'", "texts"),
        ("description GLOB '*a*' AND folded_name GLOB '*a*'", "descriptions"),
        ("folded_location GLOB '*a*' AND group_bits & 6 != 0", "locations"),
        ("protocols LIKE '%a%' AND is_public", "json"),
        # Halves (storage.record_walks), by the two columns with which the index begins.
        ("group_bits & 6 != 0 AND (name, uuid) < ('a', 'b')", "names"),
        ("folded_description GLOB '*a*' AND (folded_description, is_public) >= ('a', 1)", "folded_descriptions"),
        ("folded_description GLOB '*a*' AND folded_name GLOB '*a*' AND (name, uuid) < ('a', 'b')", "texts"),
        ("description GLOB '*a*' AND (description, name) >= ('a', 'b')", "descriptions"),
        ("folded_location GLOB '*a*' AND (location, name) < ('a', 'b')", "locations"),
        ("protocols LIKE '%a%' AND (is_public, group_bits) >= (0, 9)", "json"),
    ],
)
def test_sqlite_counts_in_the_smallest_index_that_has_all_it_looks_at(
    sqlite_template: Path, condition: str, index: str
) -> None:
    """By the estimates that a migration leaves; without them it read the rows."""
    with closing(sqlite3.connect(sqlite_template)) as connection:
        statement = f"EXPLAIN QUERY PLAN SELECT count(*) FROM data_records WHERE {condition}"
        plan = [row[3] for row in connection.execute(statement)]
    assert any(f"USING COVERING INDEX ix_data_records_{index} " in f"{step} " for step in plan), plan
