"""From bodies to the core's types and back, for pipelines."""

from __future__ import annotations

import json

from quinta.core.models.model import DataType, ValueType
from quinta.core.pipelines.attachments import AttachmentView, NewAttachment
from quinta.core.pipelines.batch import PipelineRequestView
from quinta.core.pipelines.direct import ObjectAnswer, PipelineAnswer
from quinta.core.pipelines.find import ObjectView
from quinta.core.pipelines.model import FieldLink, ObjectResult, PipelineRequest, ReferenceType
from quinta.core.pipelines.objects import NewObject, ObjectChange
from quinta.core.pipelines.pipelines import NewPipeline, PipelineChange, PipelineView
from quinta.core.pipelines.rules import Side
from quinta.core.requests.model import RequestStatus
from quinta.dialects.ubiops import answers_pipelines as answers
from quinta.dialects.ubiops import shapes_pipelines as shapes
from quinta.dialects.ubiops.answers import FieldBody
from quinta.dialects.ubiops.convert import field_bodies, fields
from quinta.dialects.ubiops.convert_failures import failure_members
from quinta.dialects.ubiops.dates import microseconds, milliseconds


def new_pipeline(body: shapes.PipelineCreate) -> NewPipeline:
    return NewPipeline(
        name=body.name,
        input_type=ValueType(body.input_type),
        input_fields=fields(body.input_fields or ()),
        description=body.description or "",
    )


def pipeline_change(body: shapes.PipelineUpdate) -> PipelineChange:
    return PipelineChange(
        name=body.name,
        description=body.description,
        input_type=None if body.input_type is None else ValueType(body.input_type),
        input_fields=None if body.input_fields is None else fields(body.input_fields),
    )


def pipeline(view: PipelineView) -> answers.PipelineList:
    item = view.pipeline
    return answers.PipelineList(
        id=item.id,
        name=item.name,
        project=view.project,
        description=item.description,
        input_type=item.input_type,
        input_fields=field_bodies(item.input_fields),
        creation_date=microseconds(item.created_at),
        last_updated=microseconds(item.updated_at),
    )


def new_object(body: shapes.PipelineObjectCreate) -> NewObject:
    return NewObject(body.name, ReferenceType(body.reference_type), body.reference_name, body.version)


def object_change(body: shapes.PipelineObjectUpdate) -> ObjectChange:
    reference_type = None if body.reference_type is None else ReferenceType(body.reference_type)
    return ObjectChange(body.name, body.version, reference_type, body.reference_name)


def pipeline_object(view: ObjectView) -> answers.PipelineObjectList:
    return answers.PipelineObjectList(
        id=view.item.id,
        name=view.item.name,
        reference_type=view.reference_type,
        reference_name=view.reference_name,
        version=view.version,
        input_type="blob" if view.takes.is_blob else view.takes.value_type,
        output_type=None if view.gives is None else view.gives.value_type,
        input_fields=_shown_fields(view.takes),
        output_fields=None if view.gives is None else _shown_fields(view.gives),
    )


def new_attachment(body: shapes.AttachmentsCreate) -> NewAttachment:
    mapping = tuple(FieldLink(item.source_field_name, item.destination_field_name) for item in body.mapping or ())
    return NewAttachment(body.source_name, body.destination_name, mapping)


def attachment(view: AttachmentView) -> answers.AttachmentsList:
    return answers.AttachmentsList(
        id=view.attachment.id,
        source_name=view.source,
        destination_name=view.destination,
        mapping=[
            answers.MappingBody(source_field_name=link.source, destination_field_name=link.destination)
            for link in view.attachment.mapping
        ],
    )


def answer_text(answer: PipelineAnswer) -> str:
    """PipelineRequestList as JSON text; data and results are spliced in as they are, like those of batch requests."""
    members = {"project": answer.project, "pipeline": answer.pipeline, "pipeline_request_id": answer.request_id}
    runs = ", ".join(map(_run_text, answer.runs))
    return f'{json.dumps(members)[:-1]}, "model_requests": [{runs}]}}'


def created_request(item: PipelineRequest) -> answers.BatchPipelineRequestCreateResponse:
    return answers.BatchPipelineRequestCreateResponse(
        id=item.id, status=item.status, time_created=milliseconds(item.created_at)
    )


def listed_request(item: PipelineRequest) -> answers.BatchPipelineRequestListResponse:
    return answers.BatchPipelineRequestListResponse(
        id=item.id,
        status=item.status,
        success=item.status is RequestStatus.COMPLETED,
        time_created=milliseconds(item.created_at),
        time_last_updated=milliseconds(item.updated_at),
    )


def request_text(view: PipelineRequestView) -> str:
    """BatchPipelineRequestResultList as JSON text."""
    members = json.dumps(listed_request(view.request).model_dump())[:-1]
    # A JSON text that begins with a quote is a plain pipeline's string: the client takes none (contract ubiops 10.15).
    data = "null" if view.request.data.startswith('"') else view.request.data
    results = ", ".join(map(_result_text, view.results))
    item = view.request
    failure = json.dumps({"error_message": item.error_message, **failure_members(item.reason)})[1:]
    return f'{members}, "request_data": {data}, "model_requests": [{results}], {failure}'


def _run_text(run: ObjectAnswer) -> str:
    answer = run.answer
    members = {
        "request_id": answer.request_id,
        "pipeline_object": run.object_name,
        "success": answer.success,
        "error_message": answer.error_message,
        **failure_members(answer.reason),
    }
    return f'{json.dumps(members)[:-1]}, "request_data": {run.data}, "result": {answer.result or "null"}}}'


def _result_text(result: ObjectResult) -> str:
    members = {
        "id": result.id,
        "pipeline_object": result.object_name,
        "success": result.result is not None,
        "time_created": milliseconds(result.created_at),
        "time_last_updated": milliseconds(result.updated_at),
        "error_message": result.error_message,
        **failure_members(result.reason),
    }
    return f'{json.dumps(members)[:-1]}, "request_data": {result.data}, "result": {result.result or "null"}}}'


def _shown_fields(side: Side) -> list[FieldBody] | None:
    return None if any(field.data_type is DataType.TIMESTAMP for field in side.fields) else field_bodies(side.fields)
