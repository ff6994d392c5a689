"""Keeps what runs in step with what is stored: minimum instances, new revisions, deleted versions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from quinta.core.events import Event, EventName
from quinta.core.models.live import LiveVersions
from quinta.core.models.model import RunnableVersion
from quinta.core.ports import ModelRunner, Store

logger = structlog.get_logger(__name__)

_CHANGES = frozenset({EventName.VERSION_CHANGED, EventName.BUILD_ENDED})


class Instances:
    """Hears of changes to versions and hands them to the runner, if ``runs_here``: this server has what was built."""

    def __init__(
        self, store: Store, versions: LiveVersions, runner: ModelRunner, runs_here: Callable[[RunnableVersion], bool]
    ) -> None:
        self._versions = versions
        self._runs_here = runs_here
        self._runner = runner
        self._changed: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()
        store.subscribe(self._hear)

    async def run(self) -> None:
        """Starts what must be warm, then follows changes until cancelled."""
        for version in await self._versions.kept_warm():
            if self._runs_here(version):
                self._runner.apply(version)
        while True:
            version_id, deleted = await self._changed.get()
            try:
                await self._follow(version_id, deleted=deleted)
            except Exception:
                logger.exception("instances.not_followed", version=version_id)

    async def _follow(self, version_id: str, *, deleted: bool) -> None:
        version = None if deleted else await self._versions.get(version_id)
        if version is not None and self._runs_here(version):
            self._runner.apply(version)
        elif deleted:
            await self._runner.retire(version_id)

    def _hear(self, event: Event) -> None:
        deleted = event.name is EventName.VERSION_DELETED
        if deleted or event.name in _CHANGES:
            for tag in event.tags:
                kind, _, identifier = tag.partition(":")
                if kind == "version":
                    self._changed.put_nowait((identifier, deleted))
