"""Attachments: what is handed from object to object (contract ubiops 2, 5.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quinta.core.access.model import Actor, Permission
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound
from quinta.core.pipelines.find import attachments_of, lock, object_of, objects_of, pipeline_for, start_of, view_of
from quinta.core.pipelines.model import START, Attachment, FieldLink, Pipeline, PipelineObject
from quinta.core.pipelines.pipelines import changed
from quinta.core.pipelines.rules import check_reach, complete_mapping
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import in_project
from quinta.kit.ids import new_id


@dataclass(frozen=True, slots=True)
class NewAttachment:
    """Names of objects; ``source`` may be START. ``mapping`` is empty between plain objects."""

    source: str
    destination: str
    mapping: tuple[FieldLink, ...] = ()


@dataclass(frozen=True, slots=True)
class AttachmentView:
    """An attachment with the names that its objects have now."""

    attachment: Attachment
    source: str
    destination: str


class Attachments:
    """Use cases about attachments."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, actor: Actor, project_name: str, name: str, new: NewAttachment) -> AttachmentView:
        """Attaches one object to another; the rules are those of core.pipelines.rules."""
        async with self._store.begin() as work:
            pipeline = await pipeline_for(work, actor, project_name, name, Permission.PIPELINES_ATTACHMENTS_CREATE)
            pipeline = await lock(work, pipeline)
            destination = await _named(work, pipeline, new.destination, "destination_name")
            source = None if new.source == START else await _named(work, pipeline, new.source, "source_name")
            mapping = await _mapping(work, pipeline, source, destination, new)
            await _require_place(work, pipeline, source, destination)
            attachment = Attachment(
                id=new_id(),
                project_id=pipeline.project_id,
                pipeline_id=pipeline.id,
                source_id=None if source is None else source.id,
                destination_id=destination.id,
                mapping=mapping,
            )
            await work.of(Attachment, in_project(pipeline.project_id)).add(attachment)
            work.emit(changed(pipeline, actor))
        return AttachmentView(attachment, new.source, destination.name)

    async def find(self, actor: Actor, project_name: str, name: str, source: str | None = None) -> list[AttachmentView]:
        """All attachments, oldest first, or those of one source."""
        async with self._store.read() as work:
            pipeline = await pipeline_for(work, actor, project_name, name, Permission.PIPELINES_ATTACHMENTS_LIST)
            found = await attachments_of(work, pipeline)
            if source is not None:
                source_id = None if source == START else (await object_of(work, pipeline, source)).id
                found = [item for item in found if item.source_id == source_id]
            return await _views(work, pipeline, found)

    async def get(self, actor: Actor, project_name: str, name: str, source: str, destination: str) -> AttachmentView:
        async with self._store.read() as work:
            pipeline = await pipeline_for(work, actor, project_name, name, Permission.PIPELINES_ATTACHMENTS_GET)
            found = await _between(work, pipeline, source, destination)
        return AttachmentView(found, source, destination)

    async def delete(self, actor: Actor, project_name: str, name: str, source: str, destination: str) -> None:
        """Removes the link; both objects stay."""
        async with self._store.begin() as work:
            pipeline = await pipeline_for(work, actor, project_name, name, Permission.PIPELINES_ATTACHMENTS_DELETE)
            found = await _between(work, pipeline, source, destination)
            await work.of(Attachment, in_project(pipeline.project_id)).remove(id=found.id)
            work.emit(changed(pipeline, actor))


async def _named(work: UnitOfWork, pipeline: Pipeline, name: str, member: str) -> PipelineObject:
    """The object; InvalidInput when there is none: it is named in the body (contract ubiops 5.2)."""
    if name == START:
        raise InvalidInput(f"'{START}' can only be a source", field=member)
    try:
        return await object_of(work, pipeline, name)
    except NotFound as missing:
        raise InvalidInput(missing.message, field=member) from None


async def _mapping(
    work: UnitOfWork,
    pipeline: Pipeline,
    source: PipelineObject | None,
    destination: PipelineObject,
    new: NewAttachment,
) -> tuple[FieldLink, ...]:
    gives = start_of(pipeline) if source is None else (await view_of(work, source)).gives
    if gives is None:
        raise InvalidInput(f"'{new.source}' is a connector, which can only be a destination", field="source_name")
    return complete_mapping(gives, (await view_of(work, destination)).takes, new.mapping)


async def _require_place(
    work: UnitOfWork, pipeline: Pipeline, source: PipelineObject | None, destination: PipelineObject
) -> None:
    """One attachment for each pair, no circles, no end of runs."""
    source_id = None if source is None else source.id
    edges = [(item.source_id, item.destination_id) for item in await attachments_of(work, pipeline)]
    if (source_id, destination.id) in edges:
        name = START if source is None else source.name
        raise AlreadyExists(
            f"'{destination.name}' is attached to '{name}' already: delete that attachment first",
            field="destination_name",
        )
    names = {item.id: item.name for item in await objects_of(work, pipeline)}
    check_reach(edges, (source_id, destination.id), names)


async def _between(work: UnitOfWork, pipeline: Pipeline, source: str, destination: str) -> Attachment:
    source_id = None if source == START else (await object_of(work, pipeline, source)).id
    destination_id = (await object_of(work, pipeline, destination)).id
    attachments = work.of(Attachment, in_project(pipeline.project_id))
    found = await attachments.get(pipeline_id=pipeline.id, source_id=source_id, destination_id=destination_id)
    if found is None:
        raise NotFound(f"'{destination}' is not attached to '{source}' in pipeline '{pipeline.name}'")
    return found


async def _views(work: UnitOfWork, pipeline: Pipeline, found: Sequence[Attachment]) -> list[AttachmentView]:
    names: dict[str | None, str] = {None: START}
    names |= {item.id: item.name for item in await objects_of(work, pipeline)}
    return [AttachmentView(item, names[item.source_id], names[item.destination_id]) for item in found]
