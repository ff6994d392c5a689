"""What the database says to an operator: queues, builds under way, connectors. With a server or without one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from quinta.core.connectors.model import Connector, ConnectorStatus
from quinta.core.models.model import Build, BuildStatus, Model, ModelVersion
from quinta.core.observation.queues import Queue
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Project
from quinta.engine.observation.families import age

MOST_LISTED: Final = 20
"""Builds, and connectors that do not work, that are listed."""


async def stored(work: UnitOfWork, now: datetime) -> dict[str, Any]:
    """``queues``, ``builds`` and ``connectors`` of the status document (docs/operating.md)."""
    return {
        "queues": [_queue(queue, now) for queue in await work.queues(now)],
        "builds": await _builds(work, now),
        "connectors": await _connectors(work),
    }


def _queue(queue: Queue, now: datetime) -> dict[str, Any]:
    return {
        "queue": queue.name,
        "pending": queue.waiting,
        "processing": queue.working,
        "oldest_seconds": age(queue.oldest, now),
        "oldest_lease_seconds": age(queue.held_since, now),
        "lapsed_leases": queue.lapsed,
    }


async def _builds(work: UnitOfWork, now: datetime) -> list[dict[str, Any]]:
    found: list[Build] = []
    for status in (BuildStatus.RUNNING, BuildStatus.PENDING):  # apart: each has an index of its own
        room = MOST_LISTED - len(found)
        found += await work.of(Build, EVERYTHING).find(status=status, order=("id",), limit=room) if room else []
    names = await _names_of_versions(work, [build.version_id for build in found])
    return [
        {**names[build.version_id], "status": build.status, "seconds": age(build.updated_at, now)}
        for build in found
        if build.version_id in names
    ]


async def _names_of_versions(work: UnitOfWork, version_ids: list[str]) -> dict[str, Mapping[str, str]]:
    versions = await work.of(ModelVersion, EVERYTHING).find(id=version_ids) if version_ids else []
    names: dict[str, Mapping[str, str]] = {}
    for version in versions:
        model = await work.of(Model, EVERYTHING).get(id=version.model_id)
        project = await work.of(Project, EVERYTHING).get(id=version.project_id)
        if model is not None and project is not None:
            names[version.id] = {"project": project.name, "model": model.name, "version": version.name}
    return names


async def _connectors(work: UnitOfWork) -> dict[str, Any]:
    rows = work.of(Connector, EVERYTHING)
    failed = await rows.find(status=ConnectorStatus.FAILED_VERIFICATION, order=("id",), limit=MOST_LISTED)
    listed = []
    for connector in failed:
        project = await work.of(Project, EVERYTHING).get(id=connector.project_id)
        listed.append({"project": "" if project is None else project.name, "connector": connector.name})
    return {"by_status": {status: await rows.count(status=status) for status in ConnectorStatus}, "failed": listed}
