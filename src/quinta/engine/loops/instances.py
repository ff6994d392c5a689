"""Keeps what runs in step with what is stored: minimum instances, new revisions, variables, deleted versions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from quinta.core.events import Event, EventName
from quinta.core.models.live import LiveVersions
from quinta.core.models.model import RunnableVersion
from quinta.core.ports import ModelRunner, Store

logger = structlog.get_logger(__name__)

_CHANGES = frozenset(
    {
        EventName.BUILD_ENDED,
        EventName.VARIABLE_CHANGED,
        EventName.VARIABLE_CREATED,
        EventName.VARIABLE_DELETED,
        EventName.VERSION_CHANGED,
        EventName.VERSION_DELETED,
    }
)


class Instances:
    """Hears of changes to versions and hands them to the runner, if ``runs_here``: this server has what was built."""

    def __init__(
        self, store: Store, versions: LiveVersions, runner: ModelRunner, runs_here: Callable[[RunnableVersion], bool]
    ) -> None:
        self._versions = versions
        self._runs_here = runs_here
        self._runner = runner
        self._changed: asyncio.Queue[tuple[str, str, bool]] = asyncio.Queue()
        store.subscribe(self._hear)

    async def run(self) -> None:
        """Starts what must be warm, then follows changes until cancelled."""
        for version in await self._versions.kept_warm():
            if self._runs_here(version):
                self._runner.apply(version)
        while True:
            kind, identifier, deleted = await self._changed.get()
            try:
                for version_id in await self._versions_of(kind, identifier):
                    await self._follow(version_id, deleted=deleted)
            except Exception:
                logger.exception("instances.not_followed", **{kind: identifier})

    async def _versions_of(self, kind: str, identifier: str) -> list[str]:
        """A variable of a model or project reaches all versions of it."""
        return [identifier] if kind == "version" else await self._versions.serving_ids(**{f"{kind}_id": identifier})

    async def _follow(self, version_id: str, *, deleted: bool) -> None:
        version = None if deleted else await self._versions.get(version_id)
        if version is not None and self._runs_here(version):
            self._runner.apply(version)
        elif deleted:
            await self._runner.retire(version_id)

    def _hear(self, event: Event) -> None:
        if event.name in _CHANGES:
            for tag in event.tags:
                kind, _, identifier = tag.partition(":")
                self._changed.put_nowait((kind, identifier, event.name is EventName.VERSION_DELETED))
