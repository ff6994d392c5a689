"""Searches among data records (core.ports.UnitOfWork.records, decision 0026).

SQLite walks through an index that covers what is asked for, once: it counts when the page was found at the beginning of
the order, else it answers the rows of all that match as one text, so that the page is known without a second walk.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, String, bindparam, func, literal, literal_column, select

from quinta.core.files.model import DataRecord
from quinta.core.files.record_query import Filter, Operator, RecordField, RecordPage, RecordQuery, RecordView, Sort
from quinta.storage.mapper import mapper_of
from quinta.storage.record_filters import NULLABLE, ROW, columns_of, conditions_of
from quinta.storage.record_tables import data_records, groups, record_groups
from quinta.storage.record_walks import DIGITS, Walk, cut, order_of_walk
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
_INDEXED: Final = frozenset({RecordField.ID, RecordField.NAME, RecordField.DESCRIPTION, RecordField.LOCATION})
"""By which an index is sorted."""
_BY_NAME: Final = frozenset({"uuid", "name", "folded_name", "folded_description"})
"""What indexes in the order of names have."""
_SMALLER: Final = frozenset({"folded_description"})
"""What another index has, in a third of the room."""
_OF_RANGES: Final = frozenset(
    {Operator.GT, Operator.GTE, Operator.LT, Operator.LTE, Operator.RANGE, Operator.STARTSWITH, Operator.EXACT}
)
_EQUAL: Final = frozenset({Operator.EXACT, Operator.IN})
_FOLDED_RANGES: Final = frozenset({Operator.IEXACT, Operator.ISTARTSWITH})
_LEAST: Final = literal_column("''", String)
_MOST: Final = literal_column("x''", String)
"""SQLite takes every text for less than bytes."""
_GLANCE: Final = 4_000
"""So many rows of an index are looked at first, which takes 2 ms: there is a page of what many rows match, and to count
is all that is left to do."""
_SELDOM: Final = 80
"""Fewer matches among them, and all of them are got first, from the smallest index that has what is asked for."""
_FEW: Final = 5_000
"""So many matches are put in order by looking at their rows; for more, an index is walked a second time."""
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
        total, records = await _walk(session, query, where, sort, query.limit)
    else:
        total = await Walk(session, where, ()).count()
        page = _select().where(*where).order_by(*order).limit(query.limit).offset(query.offset)
        records = await _records(session, page) if total > query.offset else []
    return RecordPage(await _views(session, records), total)


async def _walk(
    session: Session, query: RecordQuery, where: Sequence[ColumnElement[bool]], sort: Sequence[Sort], limit: int
) -> tuple[int, list[DataRecord]]:
    """How many match, and the page."""
    end = query.offset + limit
    indexed = _glanced(sort)[-1].field in _INDEXED
    glance = await _glance(session, query, where, sort if indexed else _ordered(()), max(end, _SELDOM))
    columns = columns_of(query)
    walk = Walk(session, where, () if not where or _is_short(query) else order_of_walk(columns))
    if indexed and len(glance) >= end:
        return await walk.count(), await _numbered(session, glance[query.offset : end])
    order = _order(sort)
    seldom = len(glance) < _SELDOM
    if _by_name(sort) and columns <= _BY_NAME and not (seldom and columns == _SMALLER):
        named = replace(walk, by=walk.by and order_of_walk(_BY_NAME))
        numbers = await named.numbers(order, descending=sort[0].descending)
        return len(numbers) // DIGITS, await _numbered(session, cut(numbers, query.offset, end))
    total, few = await _matches(walk) if seldom else (await walk.count(), None)
    if total <= query.offset:
        return total, []
    if few is None and not indexed and end <= _FEW:
        sorting = replace(walk, by=() if query.public_only else order_of_walk(columns | _looked_at(sort)))
        few = cut(await sorting.first(order, end), 0, 2 * end)
    chosen = where if few is None else [_among(few)]
    rows = select(ROW).select_from(data_records).where(*chosen).order_by(*order).limit(limit).offset(query.offset)
    return total, await _numbered(session, [row[0] for row in await session.fetch(rows)])


async def _matches(walk: Walk) -> tuple[int, list[int] | None]:
    """How many there are, and the numbers of their rows if they are few."""
    numbers = await walk.numbers()
    total = len(numbers) // DIGITS
    return total, cut(numbers, 0, total) if total <= _FEW else None


def _looked_at(sort: Sequence[Sort]) -> set[str]:
    """The columns of an order, by name."""
    return {"id" if its.field is RecordField.GROUPS else _COLUMNS[its.field].name for its in sort}


def _by_name(sort: Sequence[Sort]) -> bool:
    return [its.field for its in sort] == [RecordField.NAME, RecordField.ID] and (
        sort[0].descending == sort[1].descending
    )


def _glanced(sort: Sequence[Sort]) -> Sequence[Sort]:
    """The order up to the field whose index is looked at: publicity halves the records, each half has the order of
    what is next."""
    return sort[: 2 if sort[0].field is RecordField.IS_PUBLIC else 1]


async def _glance(
    session: Session, query: RecordQuery, where: Sequence[ColumnElement[bool]], sort: Sequence[Sort], limit: int
) -> list[int]:
    """The first ``limit`` rows that match, as far as they are among the first rows of the order: what many rows match
    is mostly found so."""
    *half, by = _glanced(sort)
    order = _order(sort[len(half) :])
    if half:
        where = [*where, _COLUMNS[half[0].field] == literal(half[0].descending)]
    if not _is_range(query, by.field):
        column = _COLUMNS[by.field]
        last = select(column).order_by(*order).limit(1).offset(_GLANCE - 1).scalar_subquery()
        where = [
            *where,
            column >= func.coalesce(last, _LEAST) if by.descending else column <= func.coalesce(last, _MOST),
        ]
    rows = select(ROW).select_from(data_records).where(*where).order_by(*order).limit(min(limit, _GLANCE))
    return [row[0] for row in await session.fetch(rows)]


def _is_range(query: RecordQuery, field: RecordField) -> bool:
    """Whether its filters are for a part of the order by this field, in which nothing has to be passed over."""
    texts = _about_texts(query)
    return bool(texts) and all(its.field is field and its.operator in _OF_RANGES and not its.negated for its in texts)


def _is_short(query: RecordQuery) -> bool:
    """Whether there is little to walk through: no texts, those that an index leads to, or what is public, which an
    index begins with and which is far less than half."""
    texts = _about_texts(query)
    if not texts or query.public_only:
        return True
    if any(its.field in _INDEXED and its.operator in _EQUAL and not its.negated for its in texts):
        return True
    return any(_is_range(query, field) for field in _INDEXED) or all(
        its.field is RecordField.DESCRIPTION and its.operator in _FOLDED_RANGES and not its.negated for its in texts
    )


def _about_texts(query: RecordQuery) -> list[Filter]:
    """Without those that all texts pass, or none."""
    texts = [its for its in query.filters if its.field not in (RecordField.GROUPS, RecordField.IS_PUBLIC)]
    return [its for its in texts if its.operator is not Operator.ISNULL or its.field in NULLABLE]


async def _numbered(session: Session, numbers: Sequence[int]) -> list[DataRecord]:
    """The records in the rows with these numbers."""
    rows = await session.fetch(_select(ROW).where(_among(numbers)))
    found = {number: row for number, *row in rows}
    return [mapper_of(DataRecord).item(found[number]) for number in numbers]


def _among(numbers: Sequence[int]) -> ColumnElement[bool]:
    """One parameter for all of them (storage.many_rows)."""
    listed = func.json_each(bindparam(None, json.dumps(numbers), String)).table_valued("value")
    return ROW.in_(select(listed.c.value))


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
