"""One transaction: repositories, events, leases (core.ports.UnitOfWork)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Table, Update, case, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from quinta.core.events import Event
from quinta.core.files.record_query import RecordPage, RecordQuery
from quinta.core.observation.audit_entry import AuditNote
from quinta.core.observation.model import MetricPoint
from quinta.core.observation.queues import Queue
from quinta.core.ports import Window
from quinta.core.scope import Scope
from quinta.storage import leasing
from quinta.storage.deployment_tables import rate_windows
from quinta.storage.many_rows import PARAMETER, pages, split
from quinta.storage.mapper import Mapper, mapper_of
from quinta.storage.observation_tables import metric_points
from quinta.storage.queues import read_queues
from quinta.storage.record_tables import numbers
from quinta.storage.records import find_records
from quinta.storage.repository import SqlRepository
from quinta.storage.session import Session
from quinta.storage.tables import projects

T = TypeVar("T")


class SqlUnitOfWork:
    """Implements core.ports.UnitOfWork on an open transaction; storage.database begins and ends that."""

    def __init__(self, session: Session, *, may_write: bool, dialect: str) -> None:
        self._session = session
        self._may_write = may_write
        self._dialect = dialect
        self.events: list[Event] = []
        self.notes: list[AuditNote] = []

    def of(self, kind: type[T], scope: Scope) -> SqlRepository[T]:
        return SqlRepository(self._session, kind, scope)

    def emit(self, event: Event) -> None:
        if not self._may_write:
            raise RuntimeError("this unit of work only reads: use Store.begin() to emit events")
        self.events.append(event)

    def note(self, note: AuditNote) -> None:
        self._session.require_writing()
        self.notes.append(note)

    async def claim(
        self,
        kind: type[T],
        /,
        *,
        waiting: str,
        working: str,
        token: str,
        now: datetime,
        until: datetime,
        limit: int,
        **conditions: object,
    ) -> list[T]:
        """core.ports.UnitOfWork.claim; sets ``updated_at`` to ``now`` as well."""
        if limit <= 0:
            return []
        mapper = mapper_of(kind)
        names, values = _conditions(mapper, conditions)
        values |= {leasing.WORKING: working, leasing.TOKEN: token, leasing.NOW: now, leasing.UNTIL: until}
        items = await self._lease(mapper, leasing.claim_waiting(mapper.columns, waiting, names), values, limit)
        if len(items) < limit:
            lapsed = leasing.claim_lapsed(mapper.columns, working, names)
            items += await self._lease(mapper, lapsed, values, limit - len(items))
        return items

    async def claimable(
        self, kind: type[Any], field: str, /, *, waiting: str, working: str, now: datetime, **conditions: object
    ) -> list[str]:
        mapper = mapper_of(kind)
        names, values = _conditions(mapper, conditions)
        statement = leasing.groups(mapper.table, mapper.column(field).name, waiting, working, names)
        return [row[0] for row in await self._session.fetch(statement, {**values, leasing.NOW: now})]

    async def _lease(self, mapper: Mapper[T], statement: Update, values: Mapping[str, object], limit: int) -> list[T]:
        rows = await self._session.write(statement, {**values, leasing.LIMIT: limit})
        claimed = [mapper.item(row) for row in rows]
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

        One statement for each set of fields, which for a loop's results is one or two.
        """
        mapper = mapper_of(kind)
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for item_id in sorted(changes):
            values = {name: mapper.encode(name, value) for name, value in changes[item_id].items()}
            groups.setdefault(tuple(sorted(values)), []).append({"id": item_id, **values})
        settled: set[str] = set()
        for names, rows in groups.items():
            settled |= await self._settle(mapper.table, names, rows, token)
        return settled

    async def _settle(
        self, table: Table, names: tuple[str, ...], rows: Sequence[Mapping[str, Any]], token: str
    ) -> set[str]:
        small, large = split(rows)
        dialect = self._session.dialect
        settled: set[str] = set()
        columns = [table.c[name] for name in ("id", *names)]
        for page in pages(columns, small, dialect):
            statement = leasing.settle(table, names, dialect)
            settled.update((await self._session.write(statement, {PARAMETER: page, leasing.TOKEN: token})).scalars())
        for row in large:
            values = {leasing.new(name): row[name] for name in ("id", *names)}
            statement = leasing.settle_one(table, names)
            settled.update((await self._session.write(statement, {**values, leasing.TOKEN: token})).scalars())
        return settled

    async def next_number(self, kind: type[Any]) -> int:
        upsert = (postgresql if self._dialect == "postgresql" else sqlite).insert(numbers)
        row = upsert.values(name=mapper_of(kind).table.name, last=1)
        again = row.on_conflict_do_update(index_elements=["name"], set_={"last": numbers.c.last + 1})
        return int((await self._session.write(again.returning(numbers.c.last))).scalar_one())

    async def count_call(self, subject: str, now: datetime, window_seconds: float) -> Window:
        upsert = (postgresql if self._dialect == "postgresql" else sqlite).insert(rate_windows)
        first = upsert.values(subject=subject, opened_at=now, used=1)
        window = timedelta(seconds=window_seconds)
        over = or_(rate_windows.c.opened_at <= now - window, rate_windows.c.opened_at > now + window)
        again = first.on_conflict_do_update(
            index_elements=["subject"],
            set_={
                "opened_at": case((over, first.excluded.opened_at), else_=rate_windows.c.opened_at),
                "used": case((over, 1), else_=rate_windows.c.used + 1),
            },
        )
        found = await self._session.write(again.returning(rate_windows.c.opened_at, rate_windows.c.used))
        row = found.one()
        return Window(row.opened_at, row.used)

    async def forget_calls(self, before: datetime) -> None:
        await self._session.write(delete(rate_windows).where(rate_windows.c.opened_at < before))

    async def records(self, query: RecordQuery) -> RecordPage:
        return await find_records(self._session, query)

    async def queues(self, now: datetime) -> list[Queue]:
        return await read_queues(self._session, now)

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


def _conditions(mapper: Mapper[Any], conditions: Mapping[str, object]) -> tuple[leasing.Conditions, dict[str, Any]]:
    """Which columns a statement of leases looks at, and the values of its parameters."""
    names: list[tuple[str, bool]] = []
    values: dict[str, Any] = {}
    for name, value in conditions.items():
        several = isinstance(value, (list, tuple, set, frozenset))
        names.append((mapper.column(name).name, several))
        given = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
        encoded = [mapper.encode(name, element) for element in given]
        values[leasing.wanted(name)] = encoded if several else encoded[0]
    return tuple(names), values
