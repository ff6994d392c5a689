"""Searches among data records (core.ports.UnitOfWork.records, decision 0026).

SQLite walks through an index that covers what is asked for, once: it counts when the page was found at the beginning of
the order, else it answers the rows of all that match as one text, so that the page is known without a second walk.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, String, bindparam, func, literal_column, select

from quinta.core.files.model import DataRecord
from quinta.core.files.record_query import RecordField, RecordPage, RecordQuery, RecordView, Sort
from quinta.storage.mapper import mapper_of
from quinta.storage.record_filters import NULLABLE, ROW, conditions_of
from quinta.storage.record_tables import data_records, groups, record_groups
from quinta.storage.session import Session

_COLUMNS: Final[dict[RecordField, ColumnElement[Any]]] = {
    RecordField.ID: data_records.c.uuid,
    RecordField.NAME: data_records.c.name,
    RecordField.DESCRIPTION: data_records.c.description,
    RecordField.IS_PUBLIC: data_records.c.is_public,
    RecordField.ORGANIZATION: data_records.c.organization,
    RecordField.PROTOCOLS: data_records.c.protocols,
    RecordField.LOCATION: data_records.c.location,
    RecordField.GROUPS: select(func.min(groups.c.number))
    .where(groups.c.id == record_groups.c.group_id, record_groups.c.record_id == data_records.c.id)
    .scalar_subquery(),
}
_DIGITS: Final = 10
_FIRST: Final = 10 ** (_DIGITS - 1)
"""Added to the number of each row, so that all have as many digits and the page can be cut out of the text."""
_NOTHING: Final = literal_column("''", String)
"""Between numbers; as a parameter it took 17 ms of 48 for 100,000 of them."""
_GLANCE: Final = 2_000
"""So many rows are looked at first, which takes 5 ms: a page of what many rows match is found there, and the walk has
only to count."""
_FEW: Final = 5_000
"""So many matches are put in order by looking at their rows; for more, the index is walked a second time."""
ROWS_AT_A_TIME: Final = 500


async def find_records(session: Session, query: RecordQuery) -> RecordPage:
    """core.ports.UnitOfWork.records. InvalidInput for a value with a character that no database takes."""
    where = await conditions_of(session, query)
    if where is None:
        return RecordPage((), 0)
    sort = _ordered(query.sort)
    order = _order(sort)
    if query.limit is None:
        every = await _records(session, _select().where(*where).order_by(*order))
        return RecordPage(await _views(session, every[query.offset :]), len(every))
    if session.dialect == "sqlite":
        total, records = await _walk(session, where, sort, query.limit, query.offset)
    else:
        total = int((await session.fetch(select(func.count()).select_from(data_records).where(*where)))[0][0])
        page = _select().where(*where).order_by(*order).limit(query.limit).offset(query.offset)
        records = await _records(session, page) if total > query.offset else []
    return RecordPage(await _views(session, records), total)


async def _walk(
    session: Session, where: Sequence[ColumnElement[bool]], sort: Sequence[Sort], limit: int, offset: int
) -> tuple[int, list[DataRecord]]:
    """How many match, and the page."""
    by_name = [its.field for its in sort] == [RecordField.NAME, RecordField.ID]
    in_order = by_name and sort[0].descending == sort[1].descending
    order = _order(sort)
    matching = select(ROW.label("number")).select_from(data_records).where(*where)
    page = await _glance(session, where, order, limit, offset)
    if page is not None:
        total = int((await session.fetch(select(func.count()).select_from(data_records).where(*where)))[0][0])
        return total, await _numbered(session, page)
    walked = (matching.order_by(*order) if in_order else matching).subquery()
    text: str = (await session.fetch(select(func.group_concat(walked.c.number + _FIRST, _NOTHING))))[0][0] or ""
    total = len(text) // _DIGITS
    if in_order:
        return total, await _numbered(session, _cut(text, offset, limit))
    chosen = [_among(_cut(text, 0, total))] if total <= _FEW else where
    rows = select(ROW).select_from(data_records).where(*chosen).order_by(*order).limit(limit).offset(offset)
    return total, await _numbered(session, [row[0] for row in await session.fetch(rows)])


async def _glance(
    session: Session,
    where: Sequence[ColumnElement[bool]],
    order: Sequence[ColumnElement[Any]],
    limit: int,
    offset: int,
) -> list[int] | None:
    """The page, if it is among the first rows of the order: what many rows match is mostly found so."""
    first = select(ROW).select_from(data_records).order_by(*order).limit(_GLANCE)
    numbers = [row[0] for row in await session.fetch(first)]
    fitting = select(ROW).select_from(data_records).where(_among(numbers), *where)
    passing = {row[0] for row in await session.fetch(fitting)}
    found = [number for number in numbers if number in passing]
    complete = len(found) >= offset + limit or len(numbers) < _GLANCE
    return found[offset : offset + limit] if complete else None


async def _numbered(session: Session, numbers: Sequence[int]) -> list[DataRecord]:
    """The records in the rows with these numbers."""
    rows = await session.fetch(_select(ROW).where(_among(numbers)))
    found = {number: row for number, *row in rows}
    return [mapper_of(DataRecord).item(found[number]) for number in numbers]


def _among(numbers: Sequence[int]) -> ColumnElement[bool]:
    """One parameter for all of them (storage.many_rows)."""
    listed = func.json_each(bindparam(None, json.dumps(numbers), String)).table_valued("value")
    return ROW.in_(select(listed.c.value))


def _cut(text: str, offset: int, limit: int) -> list[int]:
    """The numbers of the rows that are on the page."""
    end = min(len(text), (offset + limit) * _DIGITS)
    return [int(text[at : at + _DIGITS]) - _FIRST for at in range(offset * _DIGITS, end, _DIGITS)]


def _ordered(sort: Sequence[Sort]) -> list[Sort]:
    """By what to sort in the end: each field once, and none after the id, which no two records share. Name and id at
    the end go the way of the last field, so that an index can be walked from either side."""
    down = bool(sort) and sort[-1].descending
    directions: dict[RecordField, bool] = {}
    for its in (*sort, Sort(RecordField.NAME, down), Sort(RecordField.ID, down)):
        directions.setdefault(its.field, its.descending)
        if its.field is RecordField.ID:
            break
    return [Sort(field, descending) for field, descending in directions.items()]


def _order(sort: Sequence[Sort]) -> list[ColumnElement[Any]]:
    order: list[ColumnElement[Any]] = []
    for its in sort:
        column = _COLUMNS[its.field]
        direction = column.desc() if its.descending else column.asc()
        if its.field in NULLABLE:  # the databases differ in where they put what was not given
            direction = direction.nulls_last() if its.descending else direction.nulls_first()
        order.append(direction)
    return order


def _select(*first: ColumnElement[Any]) -> Select[Any]:
    return select(*first, *mapper_of(DataRecord).columns)


async def _records(session: Session, statement: Select[Any]) -> list[DataRecord]:
    mapper = mapper_of(DataRecord)
    return [mapper.item(row) for row in await session.fetch(statement)]


async def _views(session: Session, records: Sequence[DataRecord]) -> tuple[RecordView, ...]:
    """With the numbers of their groups."""
    numbers: dict[str, list[int]] = {record.id: [] for record in records}
    ids = list(numbers)
    for start in range(0, len(ids), ROWS_AT_A_TIME):
        listed = select(record_groups.c.record_id, groups.c.number).join(
            groups, groups.c.id == record_groups.c.group_id
        )
        wanted = listed.where(record_groups.c.record_id.in_(ids[start : start + ROWS_AT_A_TIME])).order_by(
            groups.c.number
        )
        for record_id, number in await session.fetch(wanted):
            numbers[record_id].append(number)
    return tuple(RecordView(record, tuple(numbers[record.id])) for record in records)
