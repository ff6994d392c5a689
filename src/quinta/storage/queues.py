"""How long the queues are: each question walks along one of the partial indexes that claims use, or a short one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, String, Table, bindparam, case, func, select

from quinta.core.observation.queues import Queue, QueueName
from quinta.storage.connector_tables import verifications
from quinta.storage.job_tables import jobs
from quinta.storage.pipeline_tables import deliveries, pipeline_requests
from quinta.storage.session import Session
from quinta.storage.tables import builds, model_versions, projects, requests

_WAITING: Final = "pending"
_LEASED: Final = (
    (QueueName.BATCH_REQUESTS, requests, _WAITING, "processing"),
    (QueueName.DELIVERIES, deliveries, _WAITING, "processing"),
    (QueueName.BUILDS, builds, _WAITING, "running"),
    (QueueName.JOBS, jobs, "queued", "started"),
    (QueueName.VERIFICATIONS, verifications, _WAITING, "running"),
)


async def read_queues(session: Session, now: datetime) -> list[Queue]:
    """core.ports.UnitOfWork.queues. What it costs grows with what waits and is worked on, not with what has ended:
    7 ms of processor time for 50,000 waiting requests on SQLite."""
    queues = [await _leased(session, *leased, now) for leased in _LEASED]
    return [*queues, await _pipeline_requests(session)]


async def _leased(session: Session, name: QueueName, table: Table, status: str, working: str, now: datetime) -> Queue:
    by_version = await _waiting_by_version(session) if table is requests else {}
    if table is requests:
        waiting, first = (
            sum(count for count, _ in by_version.values()),
            min((i for _, i in by_version.values()), default=None),
        )
    else:
        wanted = [func.count(), func.min(table.c.id)]
        waiting, first = (await session.fetch(select(*wanted).where(_status(table, status))))[0]
    lapsed = func.sum(case((table.c.lease_expires_at <= now, 1), else_=0))
    # ``updated_at`` is the moment of the claim: renewing a lease leaves it alone.
    held = [func.count(), func.min(table.c.updated_at), lapsed]
    works = (await session.fetch(select(*held).where(_status(table, working))))[0]
    return Queue(
        name=name,
        waiting=waiting,
        working=works[0],
        oldest=_moment(first),
        held_since=works[1],
        lapsed=int(works[2] or 0),
        waiting_by_version={version_id: count for version_id, (count, _) in by_version.items()},
    )


async def _waiting_by_version(session: Session) -> dict[str, tuple[int, str]]:
    """How many requests wait and the first one's id, by version. Version by version: grouped, SQLite walks through
    every request that ever was."""
    versions, waits = model_versions.c.id, _status(requests, _WAITING)
    count = select(func.count()).where(requests.c.version_id == versions, waits).scalar_subquery()
    first = select(func.min(requests.c.id)).where(requests.c.version_id == versions, waits).scalar_subquery()
    rows = await session.fetch(select(versions, count, first))
    return {row[0]: (row[1], row[2]) for row in rows if row[1]}


async def _pipeline_requests(session: Session) -> Queue:
    """They have no leases. By project, since their index begins with it."""
    table, found = pipeline_requests, []
    for status in (_WAITING, "processing"):
        of_projects = table.c.project_id.in_(select(projects.c.id))
        wanted = [func.count(), func.min(table.c.id)]
        found.append((await session.fetch(select(*wanted).where(of_projects, _status(table, status))))[0])
    (waiting, first), (working, longest) = found
    return Queue(QueueName.PIPELINE_REQUESTS, waiting, working, _moment(first), _moment(longest))


def _status(table: Table, status: str) -> ColumnElement[bool]:
    """Written into the statement: with a parameter no partial index would be used."""
    return table.c.status == bindparam(None, status, String, literal_execute=True)


def _moment(item_id: str | None) -> datetime | None:
    """When an item was accepted, by its id (kit.ids.new_id): ids are in the index that is walked, ``created_at`` is
    in the row behind the request's data."""
    if item_id is None:
        return None
    return datetime.fromtimestamp(int(item_id.replace("-", "")[:12], 16) / 1000, UTC)
