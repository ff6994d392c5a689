"""Builds: asking for one, and what becomes of a version when one ends (contract ubiops 7.1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from quinta.core.access.model import Actor
from quinta.core.events import Event, EventName
from quinta.core.models.model import Build, BuildStatus, ModelVersion, VersionStatus
from quinta.core.ports import UnitOfWork
from quinta.core.reasons import Failure
from quinta.core.scope import in_project
from quinta.kit.ids import new_id

MAXIMUM_ERROR_MESSAGE = 500
"""A longer one makes the client of contract ubiops 0.8 raise."""


async def request_build(
    work: UnitOfWork,
    version: ModelVersion,
    actor: Actor | None,
    *,
    now: datetime,
    archive_key: str,
    archive_name: str,
    archive_size: int,
) -> ModelVersion:
    """Queues a build of the archive and moves the version to its building state; an unfinished build is superseded.
    ``actor`` is who asks; None: the operator."""
    builds = work.of(Build, in_project(version.project_id))
    unfinished = (BuildStatus.PENDING, BuildStatus.RUNNING)
    for older in await builds.find(version_id=version.id, status=unfinished):
        await builds.change(older.id, status=BuildStatus.SUPERSEDED, lease_token=None, lease_expires_at=None)
    build = Build(
        id=new_id(),
        project_id=version.project_id,
        version_id=version.id,
        archive_key=archive_key,
        archive_name=archive_name,
        archive_size=archive_size,
        language=version.language,
        status=BuildStatus.PENDING,
        created_at=now,
        updated_at=now,
    )
    await builds.add(build)
    status = VersionStatus.BUILDING if version.live_build_id is None else VersionStatus.AVAILABLE_BUILDING
    values = {"status": status, "error_message": "", "reason": None, "latest_build_id": build.id}
    await work.of(ModelVersion, in_project(version.project_id)).change(version.id, **values)
    tags = (f"version:{version.id}",)
    actor_id = None if actor is None else actor.user_id
    work.emit(Event(EventName.BUILD_REQUESTED, build.id, tags, actor_id, version.project_id))
    return replace(version, status=status, error_message="", reason=None, latest_build_id=build.id)


async def build_again(work: UnitOfWork, version: ModelVersion, actor: Actor, *, now: datetime) -> ModelVersion:
    """Queues a build of the version's newest archive; nothing to do before the first upload."""
    if version.latest_build_id is None:
        return version
    latest = await work.of(Build, in_project(version.project_id)).get(id=version.latest_build_id)
    if latest is None:
        return version
    return await request_build(
        work,
        version,
        actor,
        now=now,
        archive_key=latest.archive_key,
        archive_name=latest.archive_name,
        archive_size=latest.archive_size,
    )


async def mark_deploying(work: UnitOfWork, build: Build) -> bool:
    """A first build has made its environment; the version now waits for an instance to start.

    False when the build is not the version's latest any more: its result must be dropped.
    """
    version = await _version_of(work, build)
    if version is None:
        return False
    if version.live_build_id is None:
        await _move(work, version, build, status=VersionStatus.DEPLOYING)
    return True


async def mark_available(work: UnitOfWork, build: Build) -> None:
    """An instance of the build has become ready: from now on it serves."""
    version = await _version_of(work, build)
    if version is not None:
        status = VersionStatus.AVAILABLE
        await _move(work, version, build, status=status, error_message="", reason=None, live_build_id=build.id)


async def mark_failed(work: UnitOfWork, build: Build, failure: Failure, *, while_deploying: bool) -> None:
    """The build, or the start of its first instance, failed. A build that served before goes on serving."""
    version = await _version_of(work, build)
    if version is None:
        return
    if version.live_build_id is not None:
        status = VersionStatus.AVAILABLE_BUILDING_FAILED
    else:
        status = VersionStatus.DEPLOYING_FAILED if while_deploying else VersionStatus.BUILDING_FAILED
    message = failure.message[:MAXIMUM_ERROR_MESSAGE]
    await _move(work, version, build, status=status, error_message=message, reason=failure.reason)


async def _version_of(work: UnitOfWork, build: Build) -> ModelVersion | None:
    """The version, if ``build`` is still its latest."""
    version = await work.of(ModelVersion, in_project(build.project_id)).get(id=build.version_id)
    return version if version is not None and version.latest_build_id == build.id else None


async def _move(work: UnitOfWork, version: ModelVersion, build: Build, **values: object) -> None:
    await work.of(ModelVersion, in_project(version.project_id)).change(version.id, **values)
    tags = (f"version:{version.id}",)
    work.emit(Event(EventName.BUILD_ENDED, build.id, tags, None, version.project_id))
