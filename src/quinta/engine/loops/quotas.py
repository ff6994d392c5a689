"""Holds organizations to the compute that their plan allows in a calendar month (contract ubiops 6.4, 9.2).

Reaching it suspends the organization: it runs no requests. Three quarters of it are said once, in the log of each of
its projects. A new month, or a plan that allows more, lets it go on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

import structlog

from quinta.core.errors import AlreadyExists, NotFound
from quinta.core.events import Event, EventName
from quinta.core.observation.intervals import Interval, start_of
from quinta.core.observation.metrics import MeteredType
from quinta.core.observation.model import LogLevel, LogLine, MetricPoint
from quinta.core.ports import Between, LogSink, Store
from quinta.core.scope import EVERYTHING, in_organization
from quinta.core.tenancy.model import (
    ComputeNotice,
    NoticeKind,
    Organization,
    OrganizationStatus,
    Project,
    Subscription,
)
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

logger = structlog.get_logger(__name__)

_INTERVAL_SECONDS = 30.0
_WARNING_SHARE = 0.75
_LIMITED = (OrganizationStatus.ACTIVE, OrganizationStatus.SUSPENDED)
"""A cancelled organization stays so."""
_CHANGES = frozenset({EventName.ORGANIZATION_CHANGED, EventName.SUBSCRIPTION_CHANGED})


@dataclass(frozen=True, slots=True)
class _Use:
    """GB-seconds that an organization used since ``month`` began, and its plan with a limit on them."""

    organization: Organization
    plan: Subscription
    limit: int
    month: datetime
    used: float

    @property
    def kind(self) -> NoticeKind | None:
        """What is to be said about it."""
        if self.used >= self.limit:
            return NoticeKind.REACHED
        return NoticeKind.WARNING if self.used >= self.limit * _WARNING_SHARE else None


class Quotas:
    """A round every half minute, and as soon as an organization or a plan changes."""

    def __init__(self, store: Store, logs: LogSink, clock: Clock) -> None:
        self._store = store
        self._logs = logs
        self._clock = clock
        self._awake = asyncio.Event()
        store.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if event.name in _CHANGES:
            self._awake.set()

    async def run(self) -> None:
        """Goes round until cancelled."""
        while True:
            self._awake.clear()
            try:
                await self.check()
            except Exception:
                logger.exception("quotas.failed")
            try:
                async with asyncio.timeout(_INTERVAL_SECONDS):
                    await self._awake.wait()
            except TimeoutError:
                continue

    async def check(self) -> None:
        """One round over all organizations; trouble with one is logged and keeps none of the others out."""
        async with self._store.read() as work:
            plans = {plan.id: plan for plan in await work.of(Subscription, EVERYTHING).find()}
            organizations = await work.of(Organization, EVERYTHING).find(status=_LIMITED)
        for organization in organizations:
            try:
                await self._check(organization, plans.get(organization.subscription_id))
            except Exception:
                logger.exception("quotas.not_checked", organization=organization.id)

    async def _check(self, organization: Organization, plan: Subscription | None) -> None:
        month = start_of(self._clock.now(), Interval.MONTH)
        if plan is None or plan.gb_seconds is None:
            await self._set_status(organization, OrganizationStatus.ACTIVE)
            return
        async with self._store.read() as work:
            sums = await work.of(MetricPoint, in_organization(organization.id)).sums(
                "value", object_type=MeteredType.MODEL_VERSION, metric="gb_seconds", time=Between(month)
            )
        use = _Use(organization, plan, plan.gb_seconds, month, sums[()])
        reached = use.kind is NoticeKind.REACHED
        await self._set_status(organization, OrganizationStatus.SUSPENDED if reached else OrganizationStatus.ACTIVE)
        if use.kind is not None:
            await self._say_once(use, use.kind)

    async def _set_status(self, organization: Organization, wanted: OrganizationStatus) -> None:
        if organization.status is wanted:
            return
        try:
            async with self._store.begin() as work:
                organizations = work.of(Organization, EVERYTHING)
                present = await organizations.lock(organization.id)
                if present.status not in _LIMITED:
                    return  # cancelled meanwhile
                await organizations.change(organization.id, status=wanted)
                tags = (f"organization:{organization.id}",)
                work.emit(Event(EventName.ORGANIZATION_CHANGED, organization.id, tags))
        except NotFound:
            return  # deleted meanwhile
        logger.warning("quotas.status_changed", organization=organization.id, status=wanted.value)

    async def _say_once(self, use: _Use, kind: NoticeKind) -> None:
        """Writes to the log of each project, unless it was said for this month and limit: by any server."""
        said = {"month": use.month.date(), "gb_seconds": use.limit, "kind": kind}
        scope = in_organization(use.organization.id)
        async with self._store.read() as work:
            if await work.of(ComputeNotice, scope).get(**said) is not None:
                return
        now = self._clock.now()
        try:
            async with self._store.begin() as work:
                notice = ComputeNotice(new_id(), use.organization.id, use.month.date(), use.limit, kind, now)
                await work.of(ComputeNotice, scope).add(notice)
                projects = await work.of(Project, scope).find()
        except (AlreadyExists, NotFound):
            return  # another server was first, or the organization is gone
        logger.warning("quotas.said", organization=use.organization.id, kind=kind.value, used=round(use.used))
        level = LogLevel.WARN if kind is NoticeKind.WARNING else LogLevel.ERROR
        for project in projects:
            self._logs.write(LogLine(project.id, now, _sentence(use, kind), system=True, level=level))


def _sentence(use: _Use, kind: NoticeKind) -> str:
    share = int(100 * use.used / use.limit) if use.limit else 100
    text = (
        f"organization '{use.organization.name}' has used {use.used:.0f} of the {use.limit} GB-seconds ({share} %) "
        f"that the subscription '{use.plan.name}' allows in a month"
    )
    if kind is NoticeKind.WARNING:
        return f"{text}; at 100 % it is suspended and runs no more requests"
    return f"{text}: it is suspended and runs no requests until next month or until the subscription allows more"
