"""One transaction: repositories, events, leases (core.ports.UnitOfWork)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from quinta.core.events import Event
from quinta.core.observation.model import MetricPoint
from quinta.core.scope import Scope
from quinta.storage.mapper import Mapper, mapper_of
from quinta.storage.repository import SqlRepository, where
from quinta.storage.session import Session
from quinta.storage.tables import metric_points, projects

T = TypeVar("T")

_ENDED_LEASE: dict[str, object] = {"lease_token": None, "lease_expires_at": None}


class SqlUnitOfWork:
    """Implements core.ports.UnitOfWork on an open transaction; storage.database begins and ends that."""

    def __init__(self, session: Session, *, may_write: bool, dialect: str) -> None:
        self._session = session
        self._may_write = may_write
        self._dialect = dialect
        self.events: list[Event] = []

    def of(self, kind: type[T], scope: Scope) -> SqlRepository[T]:
        return SqlRepository(self._session, kind, scope)

    def emit(self, event: Event) -> None:
        if not self._may_write:
            raise RuntimeError("this unit of work only reads: use Store.begin() to emit events")
        self.events.append(event)

    async def claim(
        self,
        kind: type[T],
        *,
        waiting: str,
        working: str,
        token: str,
        now: datetime,
        until: datetime,
        limit: int,
        **conditions: object,
    ) -> list[T]:
        """core.ports.UnitOfWork.claim; sets ``updated_at`` to ``now`` as well.

        Two statements, each with its partial index and in that index's order; else SQLite walks through every finished
        row in the order of ids. One with "waiting or run out" was ten times slower on PostgreSQL (measured in the
        comparison of queues that preceded this design).
        """
        mapper = mapper_of(kind)
        table = mapper.table
        values: dict[str, object] = {"status": working, "lease_token": token, "lease_expires_at": until}
        values |= {"updated_at": now, "attempts": table.c.attempts + 1}
        items = await self._lease(mapper, where(mapper, {**conditions, "status": waiting}), table.c.id, values, limit)
        if len(items) < limit:
            lapsed = [table.c.lease_expires_at <= now, *where(mapper, {**conditions, "status": working})]
            items += await self._lease(mapper, lapsed, table.c.lease_expires_at, values, limit - len(items))
        return items

    async def _lease(
        self,
        mapper: Mapper[T],
        terms: Sequence[ColumnElement[bool]],
        order: Column[Any],
        values: Mapping[str, object],
        limit: int,
    ) -> list[T]:
        if limit <= 0:
            return []
        rows = mapper.table
        # The CTE is evaluated once. A plain sub-select may run again for each row on PostgreSQL and lock too many.
        picked = select(rows.c.id).where(*terms).order_by(order).limit(limit)
        ids = select(picked.with_for_update(skip_locked=True).cte("picked").c.id)
        statement = update(rows).where(rows.c.id.in_(ids)).values(values).returning(*mapper.columns)
        claimed = [mapper.item(row) for row in await self._session.write(statement)]
        return sorted(claimed, key=lambda item: item.id)  # type: ignore[attr-defined]  # RETURNING has no order

    async def renew(self, kind: type[T], ids: Sequence[str], *, token: str, until: datetime) -> set[str]:
        table = mapper_of(kind).table
        mine = select(table.c.id).where(table.c.id.in_(ids), table.c.lease_token == token).order_by(table.c.id)
        # In the order in which ``settle`` and deletions lock them too, so that none waits for another for ever.
        held = update(table).where(table.c.id.in_(select(mine.with_for_update().cte("mine").c.id)))
        rows = await self._session.write(held.values(lease_expires_at=until).returning(table.c.id))
        return set(rows.scalars())

    async def settle(self, kind: type[T], changes: Mapping[str, Mapping[str, object]], *, token: str) -> set[str]:
        """core.ports.UnitOfWork.settle. A ``lease_expires_at`` among the changes stays: nobody holds the item then,
        and it is claimed again when that moment has passed (a pause before the next attempt).

        One statement finds what is still ours, then one executemany for each set of fields changes it: a few
        statements for hundreds of rows.
        """
        mapper = mapper_of(kind)
        table = mapper.table
        mine = select(table.c.id).where(table.c.id.in_(list(changes)), table.c.lease_token == token)
        owned = {row[0] for row in await self._session.fetch(mine.order_by(table.c.id).with_for_update())}
        groups: dict[frozenset[str], list[dict[str, Any]]] = {}
        for item_id in sorted(owned):
            values = _ENDED_LEASE | dict(changes[item_id])
            row = {name: mapper.encode(name, value) for name, value in values.items()}
            groups.setdefault(frozenset(row), []).append({**row, "_id": item_id})
        for names, rows in groups.items():
            statement = update(table).where(table.c.id == bindparam("_id"))
            await self._session.write(statement.values({name: bindparam(name) for name in sorted(names)}), rows)
        return owned

    async def add_metric_points(self, points: Sequence[MetricPoint]) -> None:
        """core.ports.UnitOfWork.add_metric_points. Points of a project that is gone are dropped: counting goes on
        for a moment after a project was deleted, and one such point must not cost all the others."""
        wanted = {point.project_id for point in points}
        columns = (projects.c.id, projects.c.organization_id)
        known = await self._session.fetch(
            select(*columns).where(projects.c.id.in_(wanted)).with_for_update(read=True, key_share=True)
        )
        mapper = mapper_of(MetricPoint)
        owners: dict[str, str] = {row.id: row.organization_id for row in known}
        rows = [
            mapper.row(replace(point, organization_id=owners[point.project_id]))
            for point in points
            if point.project_id in owners
        ]
        if not rows:
            return
        key = [column.name for column in metric_points.primary_key]
        # In one order everywhere, so that two servers never wait for each other's rows.
        rows.sort(key=lambda row: tuple(str(row[name]) for name in key))
        upsert = (postgresql if self._dialect == "postgresql" else sqlite).insert(metric_points)
        total = metric_points.c.value + upsert.excluded.value
        await self._session.write(upsert.on_conflict_do_update(index_elements=key, set_={"value": total}), rows)
