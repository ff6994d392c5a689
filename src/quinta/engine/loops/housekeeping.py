"""Removes what has outlived its use: expired blobs, files without a row, old log lines, requests, sign-ins of
devices, counts of calls and events."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import structlog

from quinta.core.access.device_keys import SealedCall
from quinta.core.access.devices import DeviceGrant
from quinta.core.commits.model import Commit, DataJob
from quinta.core.events import Event, EventName
from quinta.core.files.model import Blob, Repository
from quinta.core.jobs.model import Job
from quinta.core.models.model import Build
from quinta.core.observation.model import LogLine, MetricPoint
from quinta.core.pipelines.model import PipelineRequest
from quinta.core.ports import Between, ObjectStore, Store
from quinta.core.requests.model import ENDED, Request
from quinta.core.scope import EVERYTHING, in_organization, in_project
from quinta.core.tenancy.model import Organization, Project, Subscription
from quinta.core.tracking.model import Artifact
from quinta.core.webhooks.model import ENDED_DELIVERIES, WebhookDelivery
from quinta.kit.clock import Clock
from quinta.kit.ids import first_id, first_log_id

logger = structlog.get_logger(__name__)

_INTERVAL_SECONDS = 300.0
_OBJECT_GRACE = timedelta(hours=1)
"""A file is stored before its row: one without a row may be an upload under way."""
_METRICS_KEPT = timedelta(days=400)
"""A year of months, for usage (contract ubiops 9.4), and a little."""
_GRANTS_KEPT = timedelta(days=1)
"""After their end: who asks then is told of it."""
_DELIVERIES_KEPT = timedelta(days=30)
"""Of webhooks, once they have ended: for people who look why a receiver was not told."""
_WINDOWS_KEPT = timedelta(hours=1)
"""Windows of rate limits last a minute."""
_SEALED_CALLS_KEPT = timedelta(minutes=10)
"""Of the 4 in which the time that a sealed call says would be taken, with a clock that is behind."""
_EVENTS_KEPT = timedelta(days=7)
"""Followers read within a second; a week is for people who look into what happened."""
_JUMP_SECONDS = 60.0
_DISTRUST_SECONDS = 3_600.0
"""What is removed cannot be had again: after the clock has jumped ahead, an operator has an hour to put it right."""
BLOBS_AT_A_TIME = 500
LINES_AT_A_TIME = 5_000
"""About 50 ms of SQLite's one writer (benchmarks/logs.py)."""
REQUESTS_AT_A_TIME = 200
"""Fewer than lines: data and results may have megabytes each."""


class Housekeeping:
    """A round every five minutes, and a look at files as soon as a project is deleted."""

    def __init__(self, store: Store, objects: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock
        self._deleted_projects: list[str] = []
        self._awake = asyncio.Event()
        self._last_ahead = self._ahead()
        self._distrusts_until = clock.monotonic()
        store.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if event.name is EventName.PROJECT_DELETED:
            self._deleted_projects.append(event.subject_id)
            self._awake.set()

    async def run(self) -> None:
        """Goes round until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                logger.exception("housekeeping.failed")
            try:
                async with asyncio.timeout(_INTERVAL_SECONDS):
                    await self._awake.wait()
            except TimeoutError:
                continue
            self._awake.clear()

    async def look(self) -> None:
        """A round, unless the clock is not to be trusted."""
        if self._trusts_clock():
            await self.tidy()

    def _trusts_clock(self) -> bool:
        """Whether the clock has not jumped ahead within the last hour that this server ran."""
        ahead, monotonic = self._ahead(), self._clock.monotonic()
        if ahead - self._last_ahead > _JUMP_SECONDS:
            logger.warning("housekeeping.waits", because="the clock jumped", seconds=round(ahead - self._last_ahead))
            self._distrusts_until = monotonic + _DISTRUST_SECONDS
        elif self._last_ahead - ahead > _JUMP_SECONDS:  # put right again
            self._distrusts_until = monotonic
        self._last_ahead = ahead
        return monotonic >= self._distrusts_until

    def _ahead(self) -> float:
        """By how much wall time is ahead of monotonic time, in seconds."""
        return self._clock.now().timestamp() - self._clock.monotonic()

    async def tidy(self) -> None:
        """One round."""
        now = self._clock.now()
        while self._deleted_projects:
            await self._remove_objects(f"projects/{self._deleted_projects.pop()}", before=None)
        await self._expire_blobs(now)
        await self._remove_objects("projects", before=now - _OBJECT_GRACE)
        await self._expire_records(now)
        await self._store.purge_events(now - _EVENTS_KEPT)

    async def _expire_blobs(self, now: datetime) -> None:
        due = Between(end=now + timedelta(microseconds=1))
        while True:
            async with self._store.begin() as work:
                blobs = work.of(Blob, EVERYTHING)
                due_ids = await blobs.values("id", expires_at=due, limit=BLOBS_AT_A_TIME)
                # One that a record has come to point at in the meantime is not due any more (decision 0026).
                locked = await blobs.lock_all(id=due_ids, expires_at=due) if due_ids else []
                expired = await blobs.find(id=locked) if locked else []
                if expired:
                    await blobs.remove(id=locked)
            for blob in expired:
                await self._objects.delete(blob.object_key)
            if len(due_ids) < BLOBS_AT_A_TIME:
                return

    async def _remove_objects(self, prefix: str, *, before: datetime | None) -> None:
        """Deletes objects that no row names: all of them, or those stored before a moment."""
        keys = [key async for key, stored in self._objects.keys(prefix) if before is None or stored < before]
        if not keys:
            return
        async with self._store.read() as work:
            known = set(await work.of(Blob, EVERYTHING).distinct("object_key"))
            known.update(await work.of(Build, EVERYTHING).distinct("archive_key"))
            known.update(await work.of(Repository, EVERYTHING).distinct("archive_key"))
            known.update(await work.of(Artifact, EVERYTHING).distinct("key"))
            for column in ("overlay_key", "output_key", "logs_key"):
                known.update(await work.of(Job, EVERYTHING).distinct(column))
            known.update(await work.of(Commit, EVERYTHING).distinct("archive_key"))
            for column in ("input_key", "log_key"):
                known.update(await work.of(DataJob, EVERYTHING).distinct(column))
            known.update(await work.of(Artifact, EVERYTHING).distinct("key"))
        for key in keys:
            if key not in known:
                await self._objects.delete(key)

    async def _expire_records(self, now: datetime) -> None:
        """Log lines and ended requests go after the days that the organization's plan keeps them, measurements,
        sign-ins of devices and deliveries of webhooks after days that are the same for all."""
        async with self._store.read() as work:
            days = {plan.id: plan.logs_retention_days for plan in await work.of(Subscription, EVERYTHING).find()}
            organizations = await work.of(Organization, EVERYTHING).find()
        for organization in organizations:
            oldest = now - timedelta(days=days.get(organization.subscription_id, 28))
            async with self._store.read() as work:
                projects = await work.of(Project, in_organization(organization.id)).find()
            for project in projects:
                await self._expire_lines(project, first_log_id(oldest))
                for kind in (Request, PipelineRequest):
                    await self._expire_requests(kind, project, oldest)
        async with self._store.begin() as work:
            await work.of(MetricPoint, EVERYTHING).remove(time=Between(end=now - _METRICS_KEPT))
            await work.of(DeviceGrant, EVERYTHING).remove(expires_at=Between(end=now - _GRANTS_KEPT))
            deliveries = work.of(WebhookDelivery, EVERYTHING)
            await deliveries.remove(id=Between(end=first_id(now - _DELIVERIES_KEPT)), status=ENDED_DELIVERIES)
            await work.forget_calls(now - _WINDOWS_KEPT)
            await work.of(SealedCall, EVERYTHING).remove(seen_at=Between(end=now - _SEALED_CALLS_KEPT))

    async def _expire_lines(self, project: Project, first_kept: str) -> None:
        """A few thousand in a transaction: writers wait for one of them, not for all."""
        while True:
            async with self._store.begin() as work:
                lines = work.of(LogLine, in_project(project.id))
                more = await lines.find(id=Between(end=first_kept), order=("id",), offset=LINES_AT_A_TIME, limit=1)
                await lines.remove(id=Between(end=more[0].id if more else first_kept))
            if not more:
                return

    async def _expire_requests(
        self, kind: type[Request] | type[PipelineRequest], project: Project, oldest: datetime
    ) -> None:
        ended: dict[str, Any] = {"updated_at": Between(end=oldest), "status": ENDED}
        while True:
            async with self._store.read() as work:  # finding them takes no lock
                requests = work.of(kind, in_project(project.id))
                if not await requests.count(**ended):
                    return
                more = await requests.find(**ended, order=("id",), offset=REQUESTS_AT_A_TIME, limit=1)
            pick = {"id": Between(end=more[0].id)} if more else {}
            async with self._store.begin() as work:
                await work.of(kind, in_project(project.id)).remove(**ended, **pick)
            if not more:
                return
