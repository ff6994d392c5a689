"""Commits: a project's code as it was deployed (contract dq0 4.2, 9.7, 9.8)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quinta.core.access.levels import project_at, projects_at
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import PermissionLevel
from quinta.core.commits.model import Commit
from quinta.core.errors import AlreadyExists, NotFound, Unavailable
from quinta.core.events import Event, EventName
from quinta.core.files.keys import commit_key
from quinta.core.files.model import InputFile
from quinta.core.pages import Page, Paging, order_of
from quinta.core.ports import Archives, ObjectStore, Snapshots, Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id, parse_id

_SORTED_BY = frozenset({"created_at", "id", "name"})
_SHOWN_DIGITS = 12
MOST_BYTES_SHOWN = 1 << 20
"""Of one file of a commit."""


@dataclass(frozen=True, slots=True)
class CommitQuery:
    """Which commits: of a project, by a user; without either all that the actor may see."""

    paging: Paging = field(default_factory=Paging)
    project_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class Deployed:
    """A commit, and whether it is a new one: unchanged code is the commit that is there already."""

    commit: Commit
    is_new: bool


class Commits:
    """Use cases about commits. ``staging`` is a folder for files on their way.

    Deploying needs the level WRITE on the project, reading USE (core.access.levels).
    """

    def __init__(
        self, store: Store, objects: ObjectStore, archives: Archives, snapshots: Snapshots, staging: Path, clock: Clock
    ) -> None:
        self._store = store
        self._objects = objects
        self._archives = archives
        self._snapshots = snapshots
        self._staging = staging
        self._clock = clock

    async def deploy(self, actor: Actor, project_id: str, upload: Path, name: str = "") -> Deployed:
        """Keeps the files in the zip ``upload``, which the caller removes, as a commit.

        InvalidInput: what core.ports.Archives.take_in refuses (``file``), an MLproject that cannot be read
        (``MLproject``). A project without one can be deployed; it has no entry points.
        """
        async with self._store.read() as work:
            await project_at(work, actor, project_id, PermissionLevel.WRITE)
        commit_id = str(uuid.uuid4())
        target = self._staging / f"{new_id()}.zip"
        try:
            files = await self._archives.take_in(upload, "project.zip", target)
            snapshot = await self._snapshots.describe(target)
            async with self._store.read() as work:
                known = await _with_digest(work, project_id, snapshot.digest)
            if known is not None:
                return Deployed(known, is_new=False)
            key = commit_key(project_id, commit_id)
            await self._objects.put_file(key, target)
        finally:
            target.unlink(missing_ok=True)
        commit = Commit(
            id=commit_id,
            project_id=project_id,
            name=name or snapshot.digest[:_SHOWN_DIGITS],
            digest=snapshot.digest,
            archive_key=key,
            files=files,
            created_by=actor.user_id,
            created_at=self._clock.now(),
            entry_points=snapshot.entry_points,
        )
        return await self._keep(actor, commit)

    async def _keep(self, actor: Actor, commit: Commit) -> Deployed:
        try:
            async with self._store.begin() as work:
                await project_at(work, actor, commit.project_id, PermissionLevel.WRITE)
                await work.of(Commit, in_project(commit.project_id)).add(commit)
                work.emit(Event(EventName.COMMIT_CREATED, commit.id, (), actor.user_id, commit.project_id))
        except Unavailable:
            raise  # whether there is a row nobody knows: housekeeping looks later
        except AlreadyExists:  # somebody deployed the same at the same time
            await self._objects.delete(commit.archive_key)
            async with self._store.read() as work:
                known = await _with_digest(work, commit.project_id, commit.digest)
            if known is None:
                raise
            return Deployed(known, is_new=False)
        return Deployed(commit, is_new=True)

    async def get(self, actor: Actor, commit_id: str) -> Commit:
        async with self._store.read() as work:
            return await commit_at(work, actor, commit_id, PermissionLevel.USE)

    async def find(self, actor: Actor, query: CommitQuery) -> Page[Commit]:
        """Newest first unless the paging says otherwise."""
        order = order_of(query.paging, _SORTED_BY, ("-created_at",))
        async with self._store.read() as work:
            conditions = await seen_projects(work, actor, query.project_id)
            if query.user_id is not None:
                conditions["created_by"] = query.user_id
            commits = work.of(Commit, EVERYTHING)
            total = await commits.count(**conditions)
            paging = query.paging
            items = await commits.find(order=order, limit=paging.limit, offset=paging.offset, **conditions)
        return Page(tuple(items), total)

    async def files(self, actor: Actor, commit_id: str) -> tuple[InputFile, ...]:
        """The paths and sizes of its files."""
        return (await self.get(actor, commit_id)).files

    async def content(self, actor: Actor, commit_id: str, path: str) -> bytes:
        """One file. NotFound (``path``) for a path that it has not, TooLarge for one over MOST_BYTES_SHOWN."""
        commit = await self.get(actor, commit_id)
        if all(file.path != path for file in commit.files):
            raise NotFound(f"the commit has no file '{path[:200]}'", field="path")
        target = self._staging / f"{new_id()}.zip"
        try:
            await self._objects.fetch(commit.archive_key, target)
            return await self._snapshots.member(target, path, MOST_BYTES_SHOWN)
        finally:
            target.unlink(missing_ok=True)


async def commit_at(work: UnitOfWork, actor: Actor, commit_id: str, level: PermissionLevel) -> Commit:
    """The commit, if the actor has at least ``level`` on its project; NotFound if it may not know of it."""
    known = parse_id(commit_id)
    commit = None if known is None else await work.of(Commit, EVERYTHING).get(id=known)
    if commit is None:
        raise NotFound("there is no such commit", field="commit_uuid")
    try:
        await project_at(work, actor, commit.project_id, level)
    except NotFound as error:
        raise NotFound(
            "there is no such commit", field="commit_uuid", refusal=True, project_id=commit.project_id
        ) from error
    return commit


async def latest_commit(work: UnitOfWork, project: Project) -> Commit:
    """The project's newest; NotFound before its first."""
    found = await work.of(Commit, in_project(project.id)).find(order=("-created_at", "-id"), limit=1)
    if not found:
        raise NotFound(f"the project '{project.name}' has no commit: deploy it first", field="commit_uuid")
    return found[0]


async def seen_projects(work: UnitOfWork, actor: Actor, project_id: str | None) -> dict[str, Any]:
    """The condition that rows are of one project, or of all that the actor may read (level USE)."""
    if project_id is not None:
        return {"project_id": (await project_at(work, actor, project_id, PermissionLevel.USE)).id}
    return {"project_id": [project.id for project in await projects_at(work, actor, PermissionLevel.USE)]}


async def _with_digest(work: UnitOfWork, project_id: str, digest: str) -> Commit | None:
    return await work.of(Commit, in_project(project_id)).get(digest=digest)
