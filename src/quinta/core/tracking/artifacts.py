"""Artifacts: the files that runs leave (contract dq0 4.2)."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.errors import InvalidInput, LimitReached, NotFound, NotPermitted
from quinta.core.models.packages import Download
from quinta.core.ports import Contains, ObjectStore, Store, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tracking.logging import writable_run
from quinta.core.tracking.model import Artifact, Run, Source
from quinta.core.tracking.rules import check_path
from quinta.core.tracking.visibility import Shown, run_at, visible
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

MOST_ARTIFACTS = 10_000
"""Of one run."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder among a run's artifacts. ``path`` is below their root; ``size`` in bytes, of a folder 0."""

    path: str
    is_folder: bool
    size: int = 0


@dataclass(frozen=True, slots=True)
class Tree:
    """``entries``: every file and folder that the actor is shown, by path, folders before what is in them; ``whole``
    says whether that is all there is for sure."""

    run: Run
    entries: tuple[Entry, ...]
    whole: bool


class Artifacts:
    """Use cases about artifacts."""

    def __init__(self, store: Store, objects: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock

    async def check_upload(self, actor: Actor, run_id: str, path: str) -> None:
        """Raises what ``upload`` would raise before it looks at the file: to be asked before a body is received."""
        async with self._store.read() as work:
            run = await writable_run(work, actor, run_id)
            await _require_place(work, run, check_path(path), Source.USER)

    async def upload(self, actor: Actor, run_id: str, path: str, file: Path) -> Artifact:
        """Keeps the content of ``file`` under ``path``, in place of what was there; the caller keeps the file.

        InvalidInput (``path``) for a path that is none, or where a folder is or a file stands in the way; LimitReached
        when the run has MOST_ARTIFACTS. NotPermitted for a run that a job writes.
        """
        async with self._store.read() as work:
            run = await writable_run(work, actor, run_id)
        return await self.keep(run, path, file, Source.USER)

    async def keep(self, run: Run, path: str, file: Path, source: Source) -> Artifact:
        """``upload`` for what the server itself keeps, whoever asks. A file of the platform's is never replaced by one
        of user code's: InvalidInput."""
        check_path(path)
        now, artifact_id = self._clock.now(), new_id()
        key = f"projects/{run.project_id}/runs/{run.id}/{artifact_id}"
        artifact = Artifact(artifact_id, run.id, path, key, file.stat().st_size, source, now)
        await self._objects.put_file(key, file)
        async with self._store.begin() as work:
            await work.of(Run, EVERYTHING).lock(run.id)  # two at once find each other's paths
            before = await _require_place(work, run, path, source)
            if before is not None:
                await work.of(Artifact, EVERYTHING).remove(id=before.id)
            await work.of(Artifact, EVERYTHING).add(artifact)
        if before is not None:
            await self._objects.delete(before.key)
        return artifact

    async def tree(self, actor: Actor, run_id: str, path: str = "") -> Tree:
        """What is below the folder ``path``, at any depth; the whole root without one. Empty where nothing is, or
        nothing is shown. A file's own path has nothing below it."""
        async with self._store.read() as work:
            run = await run_at(work, actor, run_id, PermissionLevel.USE)
            shown = await visible(work, actor, run)
            entries = _tree(await shown_artifacts(work, run, shown))
        prefix = f"{check_path(path)}/" if path else ""
        below = tuple(entry for entry in entries if entry.path.startswith(prefix))
        return Tree(run, below, shown is Shown.EVERYTHING)

    async def open(self, actor: Actor, run_id: str, path: str) -> Download:
        """A file on its way out. NotFound when there is none. Where something of the run is withheld, NotPermitted for
        whatever is not shown, there or not: to learn that a file is there is to learn its name."""
        check_path(path)
        async with self._store.read() as work:
            run = await run_at(work, actor, run_id, PermissionLevel.USE)
            shown = await visible(work, actor, run)
            artifact = await work.of(Artifact, EVERYTHING).get(run_id=run.id, path=path)
        if artifact is None or not shown.permits(artifact.source):
            if shown is Shown.EVERYTHING:
                raise NotFound(f"the run has no artifact '{path[:80]}'")
            raise NotPermitted(
                "what this run left is withheld until the owners of its data approve it", project_id=run.project_id
            )
        name = path.rpartition("/")[2]
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Download(name, content_type, artifact.size, self._objects.stream(artifact.key))


async def shown_artifacts(work: UnitOfWork, run: Run, shown: Shown) -> list[Artifact]:
    """The files of the run that are shown, by path."""
    sources = [source for source in Source if shown.permits(source)]
    return await work.of(Artifact, EVERYTHING).find(run_id=run.id, source=sources, order=("path",))


def files_below(artifacts: Sequence[Artifact], folder: str) -> list[Artifact]:
    return [artifact for artifact in artifacts if artifact.path.startswith(f"{folder}/")]


async def _require_place(work: UnitOfWork, run: Run, path: str, source: Source) -> Artifact | None:
    """What stands at the path and would be replaced. InvalidInput or LimitReached where a file cannot be put there."""
    artifacts = work.of(Artifact, EVERYTHING)
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts))]
    if above and await artifacts.count(run_id=run.id, path=above):
        raise InvalidInput(f"'{path[:80]}' has a file on its way where a folder is needed", field="path")
    similar: list[str] = await artifacts.values("path", run_id=run.id, path=Contains(f"{path}/"))
    if any(other.startswith(f"{path}/") for other in similar):
        raise InvalidInput(f"'{path[:80]}' is a folder among the run's artifacts", field="path")
    before = await artifacts.get(run_id=run.id, path=path)
    if before is not None and before.source is Source.PLATFORM and source is Source.USER:
        raise InvalidInput(f"'{path[:80]}' is a file of the platform's: choose another name", field="path")
    if before is None and await artifacts.count(run_id=run.id) >= MOST_ARTIFACTS:
        raise LimitReached(f"a run has at most {MOST_ARTIFACTS} artifacts")
    return before


def _tree(artifacts: Sequence[Artifact]) -> list[Entry]:
    """The files with the folders that they are in, by path."""
    entries: dict[str, Entry] = {}
    for artifact in artifacts:
        parts = artifact.path.split("/")
        for count in range(1, len(parts)):
            folder = "/".join(parts[:count])
            entries.setdefault(folder, Entry(folder, is_folder=True))
        entries[artifact.path] = Entry(artifact.path, is_folder=False, size=artifact.size)
    return sorted(entries.values(), key=lambda entry: entry.path.split("/"))
