"""Pipelines, what they are made of, and requests to them: frozen types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quinta.core.models.model import Field, ValueType
from quinta.core.requests.model import RequestStatus

START = "pipeline_start"
"""The implicit object that hands out the pipeline's input; only ever a source (contract ubiops 5.6)."""


class ReferenceType(StrEnum):
    """What an object of a pipeline refers to."""

    MODEL = "model"
    CONNECTOR = "connector"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline: a name and the shape of its input."""

    id: str
    project_id: str
    name: str
    description: str
    input_type: ValueType
    input_fields: tuple[Field, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PipelineObject:
    """A named place in a pipeline. It refers to a model version or to a connector: exactly one of the ids is there."""

    id: str
    project_id: str
    pipeline_id: str
    name: str
    version_id: str | None
    connector_id: str | None


@dataclass(frozen=True, slots=True)
class FieldLink:
    """A field of the source that becomes a field of the destination."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """Hands what comes out of one object to another. ``source_id`` is None for the pipeline's start.

    ``mapping`` is empty between plain objects.
    """

    id: str
    project_id: str
    pipeline_id: str
    source_id: str | None
    destination_id: str
    mapping: tuple[FieldLink, ...]


@dataclass(frozen=True, slots=True)
class PipelineRequest:
    """One batch request to a pipeline. ``data`` is JSON text; ``plan_id`` is the plan it was accepted with.

    What is still to be done are rows of core.requests.model.Request and Deliveries; model requests that have ended are
    ObjectResults.
    """

    id: str
    project_id: str
    pipeline_id: str
    plan_id: str
    status: RequestStatus
    data: str
    error_message: str | None
    created_at: datetime
    updated_at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectResult:
    """How one run of an object ended. ``id`` is that of the model request; ``data`` and ``result`` are JSON text."""

    id: str
    project_id: str
    pipeline_request_id: str
    object_name: str
    data: str
    result: str | None
    error_message: str | None
    created_at: datetime
    updated_at: datetime
    reason: str | None = None


class DeliveryStatus(StrEnum):
    """One that has ended is deleted: what came of it is in the log."""

    PENDING = "pending"
    PROCESSING = "processing"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message of a batch pipeline request that is to be written to the store behind a connector.

    ``data`` is the JSON text of the connector's fields; ``source_request_id`` is the model request it came from, None
    when it came from the pipeline's start.
    """

    id: str
    project_id: str
    pipeline_request_id: str
    plan_id: str
    object_name: str
    connector_id: str
    source_request_id: str | None
    data: str
    status: DeliveryStatus
    created_at: datetime
    updated_at: datetime
    lease_token: str | None = None
    lease_expires_at: datetime | None = None
    attempts: int = 0
