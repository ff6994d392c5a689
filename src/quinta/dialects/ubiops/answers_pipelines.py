"""Bodies that go out about pipelines (contract ubiops 3.1)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from quinta.dialects.ubiops.answers import Failing, FieldBody


class PipelineList(BaseModel):
    id: str
    name: str
    project: str
    description: str
    input_type: str
    input_fields: list[FieldBody]
    creation_date: str
    last_updated: str


class PipelineObjectList(BaseModel):
    """Null where there is no such thing: a connector has no version and gives nothing; fields with a timestamp among
    them are left out whole, for the client knows no such type here (contract ubiops 10.8)."""

    id: str
    name: str
    reference_type: str
    reference_name: str
    version: str | None
    input_type: str
    output_type: str | None
    input_fields: list[FieldBody] | None
    output_fields: list[FieldBody] | None


class MappingBody(BaseModel):
    source_field_name: str
    destination_field_name: str


class AttachmentsList(BaseModel):
    id: str
    source_name: str
    destination_name: str
    mapping: list[MappingBody]


class PipelineModelRequest(Failing):
    """One run of an object; without success, ``error_message`` says why."""

    request_id: str
    pipeline_object: str
    success: bool
    request_data: Any
    result: Any
    error_message: str | None


class PipelineRequestList(BaseModel):
    """The runs of a direct request, in the order they ended."""

    project: str
    pipeline: str
    pipeline_request_id: str
    model_requests: list[PipelineModelRequest]


class BatchPipelineRequestCreateResponse(BaseModel):
    id: str
    status: str
    time_created: str


class BatchPipelineRequestListResponse(BatchPipelineRequestCreateResponse):
    success: bool
    time_last_updated: str


class BatchPipelineModelRequest(Failing):
    id: str
    pipeline_object: str
    success: bool
    time_created: str
    time_last_updated: str
    request_data: Any
    result: Any
    error_message: str | None


class BatchPipelineRequestResultList(BatchPipelineRequestListResponse, Failing):
    """``model_requests`` is empty until all have ended; ``request_data`` is null for a plain pipeline, of which the
    client takes no string (contract ubiops 10.15)."""

    request_data: dict[str, Any] | None
    model_requests: list[BatchPipelineModelRequest]
    error_message: str | None
