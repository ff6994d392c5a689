"""The one repository: rows of any core type within a scope (core.ports.Repository, decision 0002)."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, String, bindparam, delete, false, func, or_, select, true, update

from quinta.core.errors import NotFound
from quinta.core.observation.intervals import Interval
from quinta.core.ports import Between, Contains, Differs
from quinta.core.scope import Scope
from quinta.storage.errors import noun_of
from quinta.storage.many_rows import insert_rows
from quinta.storage.mapper import Mapper, mapper_of
from quinta.storage.moments import start_of_interval
from quinta.storage.session import Session

T = TypeVar("T")


class SqlRepository(Generic[T]):
    """Implements core.ports.Repository. ValueError when the type has no table, or none of the scope's column."""

    def __init__(self, session: Session, kind: type[T], scope: Scope) -> None:
        self._session = session
        self._mapper: Mapper[T] = mapper_of(kind)
        self._table = self._mapper.table
        self._scope = scope
        if scope.column is not None and scope.column not in self._table.c:
            raise ValueError(f"{kind.__name__} has no {scope.column}: it cannot be had in this scope")

    async def get(self, **conditions: object) -> T | None:
        rows = await self._session.fetch(self._select(conditions).limit(2))
        if len(rows) > 1:
            raise ValueError(f"several {self._table.name} match {sorted(conditions)}")
        return self._mapper.item(rows[0]) if rows else None

    async def lock(self, item_id: str) -> T:
        """FOR NO KEY UPDATE, so that rows which refer to this one can still be inserted. On SQLite the transaction is
        the only writer anyway."""
        found = await self._session.fetch(self._select({"id": item_id}).with_for_update(key_share=True))
        if not found:
            raise NotFound(f"the {noun_of(self._table)} does not exist")
        return self._mapper.item(found[0])

    async def find(
        self, *, order: Sequence[str] = (), limit: int | None = None, offset: int = 0, **conditions: object
    ) -> list[T]:
        statement = self._select(conditions).order_by(*self._ordered(order)).limit(limit)
        if offset:
            statement = statement.offset(offset)
        return [self._mapper.item(row) for row in await self._session.fetch(statement)]

    async def values(
        self, column: str, *, order: Sequence[str] = (), limit: int | None = None, **conditions: object
    ) -> list[Any]:
        """core.ports.Repository.values; the values are as the database has them."""
        statement = select(self._mapper.column(column)).where(*self._where(conditions))
        rows = await self._session.fetch(statement.order_by(*self._ordered(order)).limit(limit))
        return [row[0] for row in rows]

    async def lock_all(self, *, sharing: bool = False, **conditions: object) -> list[str]:
        """FOR UPDATE, or FOR KEY SHARE, which is what a foreign key takes. SQLite has one writer at a time."""
        self._session.require_writing()
        identity = self._table.c.id
        statement = select(identity).where(*self._where(conditions)).order_by(identity)
        rows = await self._session.fetch(statement.with_for_update(read=sharing, key_share=sharing))
        return [row[0] for row in rows]

    async def take(self, **conditions: object) -> list[T]:
        """core.ports.Repository.take. SQLite has one writer at a time, so that nobody else can have locked a row."""
        self._session.require_writing()
        statement = self._select(conditions).with_for_update(skip_locked=True)
        return [self._mapper.item(row) for row in await self._session.fetch(statement)]

    async def count(self, **conditions: object) -> int:
        statement = select(func.count()).select_from(self._table).where(*self._where(conditions))
        return int((await self._session.fetch(statement))[0][0])

    async def distinct(self, column: str, **conditions: object) -> list[str]:
        wanted = self._mapper.column(column)
        statement = select(wanted).where(*self._where(conditions), wanted.is_not(None)).distinct().order_by(wanted)
        return [row[0] for row in await self._session.fetch(statement)]

    async def sums(
        self, column: str, *, by: Sequence[str] = (), per: tuple[str, Interval] | None = None, **conditions: object
    ) -> dict[tuple[Any, ...], float]:
        keys: list[ColumnElement[Any]] = [self._mapper.column(name) for name in by]
        if per is not None:
            name, interval = per
            keys.append(start_of_interval(self._mapper.column(name), interval, self._session.dialect).label("start"))
        total = func.coalesce(func.sum(self._mapper.column(column)), 0)
        statement = select(*keys, total).where(*self._where(conditions)).group_by(*keys)
        return {tuple(row[:-1]): float(row[-1]) for row in await self._session.fetch(statement)}

    async def text_bytes(self, columns: Sequence[str], *, by: str = "id", **conditions: object) -> dict[str, int]:
        key = self._mapper.column(by)
        # PostgreSQL knows the length of a value that it keeps elsewhere. SQLite reads one after the other.
        length = func.octet_length if self._session.dialect == "postgresql" else func.length
        texts = [func.coalesce(length(self._mapper.column(name)), 0) for name in columns]
        total = func.sum(functools.reduce(operator.add, texts))
        statement = select(key, total).where(*self._where(conditions)).group_by(key)
        return {row[0]: int(row[1]) for row in await self._session.fetch(statement)}

    async def add(self, *items: T) -> None:
        if not items:
            return
        rows = [self._mapper.row(item) for item in items]
        for row in rows:
            self._check_scope(row)
        await insert_rows(self._session, self._table, rows)

    async def change(self, item_id: str, **values: object) -> None:
        row = {name: self._mapper.encode(name, value) for name, value in values.items()}
        self._check_scope(row, partial=True)
        if not row:
            found = await self.count(id=item_id)
        else:
            found = (
                await self._session.write(update(self._table).where(*self._where({"id": item_id})).values(row))
            ).rowcount
        if not found:
            raise NotFound(f"the {noun_of(self._table)} does not exist")

    async def remove(self, **conditions: object) -> int:
        where = self._where(conditions)
        if not where:
            raise ValueError(f"remove without scope and conditions would empty {self._table.name}")
        return (await self._session.write(delete(self._table).where(*where))).rowcount

    def _select(self, conditions: Mapping[str, object]) -> Select[Any]:
        return select(*self._mapper.columns).where(*self._where(conditions))

    def _where(self, conditions: Mapping[str, object]) -> list[ColumnElement[bool]]:
        terms = [] if self._scope.column is None else [self._table.c[self._scope.column] == self._scope.value]
        return terms + where(self._mapper, conditions)

    def _ordered(self, names: Sequence[str]) -> list[ColumnElement[Any]]:
        columns = [(self._mapper.column(name.removeprefix("-")), name.startswith("-")) for name in names]
        return [column.desc() if descending else column for column, descending in columns]

    def _check_scope(self, row: Mapping[str, object], *, partial: bool = False) -> None:
        column = self._scope.column
        if column is None or (partial and column not in row):
            return
        if row[column] != self._scope.value:
            raise ValueError(f"a row of {self._table.name} with {column} {row[column]!r} is outside the scope")


def where(mapper: Mapper[Any], conditions: Mapping[str, object]) -> list[ColumnElement[bool]]:
    """Conditions as core.ports.Repository describes them, as SQL. ValueError for a name that is no field."""
    terms: list[ColumnElement[bool]] = []
    for name, value in conditions.items():
        column = mapper.column(name)
        if isinstance(value, Between):
            start, end = mapper.encode(name, value.start), mapper.encode(name, value.end)
            terms += [column >= start] if start is not None else []
            terms += [column < end] if end is not None else []
        elif isinstance(value, Differs):
            terms.append(column.is_distinct_from(mapper.encode(name, value.value)))
        elif isinstance(value, Contains):
            terms.append(_contains(column, str(mapper.encode(name, value.text))))
        elif isinstance(value, (list, tuple, set, frozenset)):
            terms.append(_one_of(column, [mapper.encode(name, element) for element in value]))
        else:
            terms.append(_equals(column, mapper.encode(name, value)))
    return terms


def _contains(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Neither database is sure to know that letters beyond A to Z have two forms: all small and all capital ones are
    looked for, which leaves out what mixes them."""
    forms = {text.lower()} if text.isascii() else {text.lower(), text.upper(), text}
    return or_(*(column.icontains(form, autoescape=True) for form in sorted(forms)))


def _one_of(column: ColumnElement[Any], values: Sequence[object]) -> ColumnElement[bool]:
    """A list takes SQLAlchemy 0.2 ms at each execution, one value alone nothing."""
    if len(values) == 1:
        return _equals(column, values[0])
    several = column.in_([value for value in values if value is not None])
    return or_(several, column.is_(None)) if None in values else several


def _equals(column: ColumnElement[Any], value: object) -> ColumnElement[bool]:
    if value is None:
        return column.is_(None)
    # Written into the statement: with a parameter no partial index would be used.
    if column.key in ("status", "level"):
        return column == bindparam(None, value, String, literal_execute=True)
    if isinstance(value, bool):
        return column == (true() if value else false())
    return column == value
