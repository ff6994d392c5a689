"""The one repository: rows of any core type within a scope (core.ports.Repository, decision 0002)."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, delete, func, select, update

from quinta.core.errors import NotFound
from quinta.core.observation.intervals import Interval
from quinta.core.scope import Scope
from quinta.storage.conditions import Shape, shapes_of, where
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
        shapes, values = self._shapes(conditions)
        rows = await self._session.fetch(_selected(self._mapper, self._mapper.names, shapes, (), 2), values)
        if len(rows) > 1:
            raise ValueError(f"several {self._table.name} match {sorted(conditions)}")
        return self._mapper.item(rows[0]) if rows else None

    async def lock(self, item_id: str) -> T:
        """FOR NO KEY UPDATE, so that rows which refer to this one can still be inserted. On SQLite the transaction is
        the only writer anyway."""
        shapes, values = self._shapes({"id": item_id})
        statement = _selected(self._mapper, self._mapper.names, shapes)
        found = await self._session.fetch(statement.with_for_update(key_share=True), values)
        if not found:
            raise NotFound(f"the {noun_of(self._table)} does not exist")
        return self._mapper.item(found[0])

    async def find(
        self, *, order: Sequence[str] = (), limit: int | None = None, offset: int = 0, **conditions: object
    ) -> list[T]:
        shapes, values = self._shapes(conditions)
        statement = _selected(self._mapper, self._mapper.names, shapes, tuple(order))
        if limit is not None:
            statement = statement.limit(limit)
        if offset:
            statement = statement.offset(offset)
        return [self._mapper.item(row) for row in await self._session.fetch(statement, values)]

    async def values(
        self, column: str, *, order: Sequence[str] = (), limit: int | None = None, **conditions: object
    ) -> list[Any]:
        """core.ports.Repository.values; the values are as the database has them."""
        shapes, values = self._shapes(conditions)
        statement = _selected(self._mapper, (column,), shapes, tuple(order))
        if limit is not None:
            statement = statement.limit(limit)
        return [row[0] for row in await self._session.fetch(statement, values)]

    async def lock_all(self, *, sharing: bool = False, **conditions: object) -> list[str]:
        """FOR UPDATE, or FOR KEY SHARE, which is what a foreign key takes. SQLite has one writer at a time."""
        self._session.require_writing()
        shapes, values = self._shapes(conditions)
        statement = _selected(self._mapper, ("id",), shapes, ("id",))
        locking = statement.with_for_update(read=sharing, key_share=sharing)
        return [row[0] for row in await self._session.fetch(locking, values)]

    async def take(self, **conditions: object) -> list[T]:
        """core.ports.Repository.take. SQLite has one writer at a time, so that nobody else can have locked a row."""
        self._session.require_writing()
        shapes, values = self._shapes(conditions)
        statement = _selected(self._mapper, self._mapper.names, shapes).with_for_update(skip_locked=True)
        return [self._mapper.item(row) for row in await self._session.fetch(statement, values)]

    async def count(self, **conditions: object) -> int:
        shapes, values = self._shapes(conditions)
        return int((await self._session.fetch(_counted(self._mapper, shapes), values))[0][0])

    async def distinct(self, column: str, **conditions: object) -> list[str]:
        wanted = self._mapper.column(column)
        terms, values = self._where(conditions)
        statement = select(wanted).where(*terms, wanted.is_not(None)).distinct().order_by(wanted)
        return [row[0] for row in await self._session.fetch(statement, values)]

    async def sums(
        self, column: str, *, by: Sequence[str] = (), per: tuple[str, Interval] | None = None, **conditions: object
    ) -> dict[tuple[Any, ...], float]:
        keys: list[ColumnElement[Any]] = [self._mapper.column(name) for name in by]
        if per is not None:
            name, interval = per
            keys.append(start_of_interval(self._mapper.column(name), interval, self._session.dialect).label("start"))
        total = func.coalesce(func.sum(self._mapper.column(column)), 0)
        terms, values = self._where(conditions)
        statement = select(*keys, total).where(*terms).group_by(*keys)
        return {tuple(row[:-1]): float(row[-1]) for row in await self._session.fetch(statement, values)}

    async def text_bytes(self, columns: Sequence[str], *, by: str = "id", **conditions: object) -> dict[str, int]:
        key = self._mapper.column(by)
        # PostgreSQL knows the length of a value that it keeps elsewhere. SQLite reads one after the other.
        length = func.octet_length if self._session.dialect == "postgresql" else func.length
        texts = [func.coalesce(length(self._mapper.column(name)), 0) for name in columns]
        total = func.sum(functools.reduce(operator.add, texts))
        terms, values = self._where(conditions)
        statement = select(key, total).where(*terms).group_by(key)
        return {row[0]: int(row[1]) for row in await self._session.fetch(statement, values)}

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
            terms, parameters = self._where({"id": item_id})
            found = (await self._session.write(update(self._table).where(*terms).values(row), parameters)).rowcount
        if not found:
            raise NotFound(f"the {noun_of(self._table)} does not exist")

    async def remove(self, **conditions: object) -> int:
        terms, parameters = self._where(conditions)
        if not terms:
            raise ValueError(f"remove without scope and conditions would empty {self._table.name}")
        return (await self._session.write(delete(self._table).where(*terms), parameters)).rowcount

    def _shapes(self, conditions: Mapping[str, object]) -> tuple[tuple[Shape, ...], dict[str, object]]:
        return shapes_of(self._mapper, self._scope, conditions)

    def _where(self, conditions: Mapping[str, object]) -> tuple[list[ColumnElement[bool]], dict[str, object]]:
        shapes, parameters = self._shapes(conditions)
        return where(self._mapper, shapes), parameters

    def _check_scope(self, row: Mapping[str, object], *, partial: bool = False) -> None:
        column = self._scope.column
        if column is None or (partial and column not in row):
            return
        if row[column] != self._scope.value:
            raise ValueError(f"a row of {self._table.name} with {column} {row[column]!r} is outside the scope")


@functools.lru_cache(maxsize=1024)
def _selected(
    mapper: Mapper[Any],
    fields: tuple[str, ...],
    shapes: tuple[Shape, ...],
    order: tuple[str, ...] = (),
    limit: int | None = None,
) -> Select[Any]:
    """``limit`` is for one that code says: what callers choose would fill the cache."""
    ordered = [(mapper.column(name.removeprefix("-")), name.startswith("-")) for name in order]
    statement = select(*map(mapper.column, fields)).where(*where(mapper, shapes))
    statement = statement.order_by(*(column.desc() if descending else column for column, descending in ordered))
    return statement if limit is None else statement.limit(limit)


@functools.lru_cache(maxsize=512)
def _counted(mapper: Mapper[Any], shapes: tuple[Shape, ...]) -> Select[Any]:
    return select(func.count()).select_from(mapper.table).where(*where(mapper, shapes))
