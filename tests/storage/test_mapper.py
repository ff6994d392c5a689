"""The mapper against the real databases: any item of any type comes back equal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, String, Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.schema import CreateTable

from quinta.core.errors import InvalidInput
from quinta.core.models.model import Model
from quinta.core.observation.model import LogLine
from quinta.storage.engines import parse_url
from quinta.storage.mapper import CLEANED, Mapper, mapper_of
from quinta.storage.tables import TABLES
from tests.storage.rows import NOW, make_tenant

PLAIN_TYPES: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    date: st.dates(),
    datetime: st.datetimes(
        min_value=datetime(1, 1, 2),
        max_value=datetime(9999, 12, 30),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11))]),
    ),
}


def values_of(annotation: Any) -> st.SearchStrategy[Any]:
    if annotation in PLAIN_TYPES:
        return PLAIN_TYPES[annotation]
    if get_origin(annotation) is tuple:
        element = get_args(annotation)[0]
        items = values_of(element) if issubclass(element, StrEnum) else items_of(element)
        return st.lists(items, max_size=3).map(tuple)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return st.sampled_from(list(annotation))
    inner, _ = get_args(annotation)
    return st.none() | values_of(inner)


def items_of(kind: type) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: values_of(hints[field.name]) for field in fields(kind)})


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(parse_url(database_url))
    async with engine.connect() as opened:
        yield opened
    await engine.dispose()


async def round_trip(connection: AsyncConnection, mapper: Mapper[Any], item: object) -> object:
    """In and out through a table with the same columns, without the rules that tie it to other tables."""
    columns = [Column(column.name, column.type) for column in mapper.table.columns]
    plain = Table(f"plain_{mapper.table.name}", MetaData(), *columns, prefixes=["TEMPORARY"])
    await connection.execute(CreateTable(plain, if_not_exists=True))
    await connection.execute(delete(plain))
    await connection.execute(insert(plain), [mapper.row(item)])
    row = (await connection.execute(select(*plain.columns))).one()
    return mapper.item(row)


@pytest.mark.parametrize("kind", TABLES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_every_item_comes_back_equal(connection: AsyncConnection, kind: type, data: st.DataObject) -> None:
    item = data.draw(items_of(kind))
    returned = await round_trip(connection, mapper_of(kind), item)
    assert returned == item
    for field in fields(kind):
        assert type(getattr(returned, field.name)) is type(getattr(item, field.name)), field.name


async def test_moments_order_as_text_and_come_back_in_utc(connection: AsyncConnection) -> None:
    tenant = make_tenant()
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    returned = await round_trip(
        connection, mapper_of(Model), replace(tenant.model, created_at=NOW.astimezone(kathmandu))
    )
    assert isinstance(returned, Model)
    assert returned.created_at == NOW
    assert returned.created_at.tzinfo is UTC


@pytest.mark.parametrize("name", ["text", "model_name"])
def test_text_that_no_database_takes_is_cleaned_where_user_code_wrote_it(name: str) -> None:
    mapper = mapper_of(LogLine)
    line = replace(LogLine("p", NOW, "fine", False), **{name: "a\x00b\ud800c"})  # type: ignore[arg-type]
    if name in CLEANED:
        assert mapper.row(line)[name] == "a\ufffdb?c"
    else:
        with pytest.raises(InvalidInput, match="model_name has a character"):
            mapper.row(line)
    good = replace(line, **{name: "aäb\U0001f600"})  # type: ignore[arg-type]
    assert mapper.row(good)[name] == "aäb\U0001f600"


def test_values_that_are_not_of_the_fields_type_are_refused() -> None:
    mapper = mapper_of(Model)
    with pytest.raises(ValueError, match="'coloured' is not a valid ValueType"):
        mapper.encode("input_type", "coloured")
    with pytest.raises(ValueError, match="needs a time zone"):
        mapper.encode("created_at", datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="Model has no field 'colour'"):
        mapper.encode("colour", "red")
    assert mapper.encode("input_type", "plain") == "plain"


def test_a_type_that_no_column_can_hold_is_refused_at_once() -> None:
    @dataclass(frozen=True)
    class Odd:
        id: bytes

    with pytest.raises(TypeError, match="no column can hold"):
        Mapper(Odd, Table("odd", MetaData(), Column("id", String)))
