"""What one request will run: the part of a pipeline that its start leads to, as it was at one moment.

A request keeps to the plan it was accepted with, so that a pipeline can be changed at any time: what is half put
together then, or another version of an object, is for later requests only (decision 0013). A plan's id is made from
its content, so that the requests of one state of a pipeline share one row.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from quinta.core.errors import StateConflict, TooLarge
from quinta.core.pipelines.find import attachments_of, lock, objects_of
from quinta.core.pipelines.model import START, Attachment, Pipeline, PipelineObject
from quinta.core.ports import UnitOfWork
from quinta.core.requests.reading import Reader, read_parts
from quinta.core.scope import in_project

MOST_HANDED_ON_BYTES = 64 << 20
"""Of one result, or of the start's data, times the objects that get it. Each gets a copy of its own: a hundred of 4 MB
took the server's memory and its one writer from everybody for 15 s."""
_NAMESPACE = uuid.UUID("b9a3c3a4-0f5e-5c57-8f0a-6d1e0c5f7a11")


@dataclass(frozen=True, slots=True)
class PlannedObject:
    """An object that will run: a version of a model, or a connector."""

    name: str
    version_id: str | None
    connector_id: str | None


@dataclass(frozen=True, slots=True)
class PlannedLink:
    """``destination`` runs once for each result of ``source`` (START: the request's data)."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class PlannedField:
    """A field of ``source`` that becomes one of ``destination``."""

    source: str
    destination: str
    source_field: str
    destination_field: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Objects, links and fields by the names that objects had when the plan was made."""

    id: str
    project_id: str
    pipeline_id: str
    pipeline_name: str
    objects: tuple[PlannedObject, ...]
    links: tuple[PlannedLink, ...]
    fields: tuple[PlannedField, ...]

    def after(self, source: str) -> list[PlannedObject]:
        """What runs on a result of ``source``, in the order it was attached."""
        objects = {item.name: item for item in self.objects}
        return [objects[link.destination] for link in self.links if link.source == source]

    def mapping(self, source: str, destination: str) -> dict[str, str]:
        """Fields of ``source`` by the fields of ``destination`` that they become."""
        return {
            field.destination_field: field.source_field
            for field in self.fields
            if field.source == source and field.destination == destination
        }

    async def inputs_after(self, source: str, text: str, reader: Reader) -> list[tuple[PlannedObject, str]]:
        """What runs on ``text``, the JSON text that ``source`` gave, each with the JSON text it gets. TooLarge when
        these would be too much together."""
        objects = self._sized_after(source, text)
        texts = await reader.parts(text, self._mappings(source, objects)) if objects else []
        return list(zip(objects, texts, strict=True))

    def small_inputs_after(self, source: str, text: str) -> list[tuple[PlannedObject, str]]:
        """The same on the spot, for text that was made small: a schedule's."""
        objects = self._sized_after(source, text)
        return list(zip(objects, read_parts(text, self._mappings(source, objects)), strict=True))

    def _sized_after(self, source: str, text: str) -> list[PlannedObject]:
        objects = self.after(source)
        if len(text) * len(objects) > MOST_HANDED_ON_BYTES:
            raise TooLarge(
                f"'{source}' gave {len(text)} bytes to {len(objects)} objects, which is more than "
                f"{MOST_HANDED_ON_BYTES} together: large data goes into blobs"
            )
        return objects

    def _mappings(self, source: str, objects: list[PlannedObject]) -> list[dict[str, str]]:
        return [self.mapping(source, item.name) for item in objects]


async def plan_of(work: UnitOfWork, pipeline: Pipeline) -> Plan:
    """The plan of the pipeline as it is now; StateConflict when nothing is attached to its start (contract 5.6)."""
    objects = {item.id: item for item in await objects_of(work, pipeline)}
    plan = make_plan(pipeline, objects, await attachments_of(work, pipeline))
    if not plan.links:
        raise StateConflict(
            f"nothing is attached to the start of pipeline '{pipeline.name}': attach an object to '{START}' first"
        )
    return plan


def make_plan(pipeline: Pipeline, objects: dict[str, PipelineObject], attachments: list[Attachment]) -> Plan:
    """Follows the attachments from the start; ``objects`` are by id."""
    names: dict[str | None, str] = {None: START} | {item.id: item.name for item in objects.values()}
    reached: list[str | None] = [None]
    taken: list[Attachment] = []
    for source in reached:  # grows on the way
        for attachment in attachments:
            if attachment.source_id == source:
                taken.append(attachment)
                if attachment.destination_id not in reached:
                    reached.append(attachment.destination_id)
    plan = Plan(
        id="",
        project_id=pipeline.project_id,
        pipeline_id=pipeline.id,
        pipeline_name=pipeline.name,
        objects=tuple(_planned(objects[key]) for key in reached if key is not None),
        links=tuple(PlannedLink(names[item.source_id], names[item.destination_id]) for item in taken),
        fields=tuple(
            PlannedField(names[item.source_id], names[item.destination_id], link.source, link.destination)
            for item in taken
            for link in item.mapping
        ),
    )
    return replace(plan, id=str(uuid.uuid5(_NAMESPACE, repr(plan))))


def _planned(item: PipelineObject) -> PlannedObject:
    return PlannedObject(item.name, item.version_id, item.connector_id)


async def keep(work: UnitOfWork, pipeline: Pipeline, plan: Plan) -> None:
    """Stores the plan where it is not stored yet."""
    plans = work.of(Plan, in_project(plan.project_id))
    if await plans.get(id=plan.id) is None:
        await lock(work, pipeline)  # two servers may find it missing at the same moment
        if await plans.get(id=plan.id) is None:
            await plans.add(plan)
