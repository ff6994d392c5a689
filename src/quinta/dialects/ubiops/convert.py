"""From bodies to the core's types and back: pairs, nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from quinta.core.errors import InvalidInput
from quinta.core.files.model import Blob
from quinta.core.models.builds import MAXIMUM_ERROR_MESSAGE
from quinta.core.models.model import DataType, Field, ValueType
from quinta.core.models.models import ModelChange, ModelView, NewModel
from quinta.core.models.variables import NewVariable, VariableChange, VariableView
from quinta.core.models.versions import NewVersion, VersionChange, VersionView
from quinta.core.observation.logs import LogQuery
from quinta.core.observation.metrics import Bucket
from quinta.core.observation.model import LogLine
from quinta.core.observation.usage import UsageSeries
from quinta.core.requests.model import Request, RequestStatus
from quinta.core.tenancy.model import Organization, User
from quinta.core.tenancy.organizations import OrganizationView
from quinta.core.tenancy.projects import ProjectView
from quinta.dialects.ubiops import answers, shapes
from quinta.dialects.ubiops.convert_failures import failure_members
from quinta.dialects.ubiops.dates import microseconds, milliseconds, read_moment, seconds
from quinta.kit.ids import parse_id

_VERSION_MEMBERS = {
    "version": "name",
    "memory_allocation": "memory_megabytes",
    "maximum_idle_time": "maximum_idle_seconds",
}


def user(item: User) -> answers.UserDetail:
    return answers.UserDetail(
        id=item.id,
        email=item.email,
        name=item.name,
        surname=item.surname,
        registration_date=milliseconds(item.created_at, " "),
    )


def organization(item: Organization) -> answers.OrganizationList:
    return answers.OrganizationList(id=item.id, name=item.name, creation_date=microseconds(item.created_at))


def organization_detail(view: OrganizationView) -> answers.OrganizationDetail:
    item = view.organization
    return answers.OrganizationDetail(
        id=item.id,
        name=item.name,
        creation_date=microseconds(item.created_at),
        subscription=view.subscription,
        status=item.status,
    )


def project(view: ProjectView) -> answers.ProjectList:
    return answers.ProjectList(
        id=view.project.id,
        name=view.project.name,
        creation_date=view.project.created_at.date().isoformat(),
        organization_name=view.organization,
    )


def log_query(body: shapes.LogsCreate) -> LogQuery:
    filters = body.filters
    given: dict[str, Any] = {"range_seconds": body.date_range, "limit": body.limit}
    try:
        start = None if body.date is None else read_moment(body.date)
    except ValueError as error:
        raise InvalidInput(f"'date' {error}", field="date") from None
    return LogQuery(
        model_name=filters.model_name,
        version_name=filters.model_version,
        request_id=_id_filter("request_id", filters.request_id),
        connector_name=filters.connector_name,
        pipeline_name=filters.pipeline_name,
        pipeline_object_name=filters.pipeline_object_name,
        pipeline_request_id=_id_filter("pipeline_request_id", filters.pipeline_request_id),
        system=filters.system,
        start_id=body.id,
        start=start,
        **{name: value for name, value in given.items() if value is not None},
    )


def _id_filter(name: str, value: str | None) -> str | None:
    known = None if value is None else parse_id(value)
    if known is None and value is not None:
        raise InvalidInput(f"the filter {name} must be the id (UUID) of a request", field=name)
    return known


def log_line(line: LogLine) -> answers.LogLineBody:
    return answers.LogLineBody(
        id=line.id,
        log=line.text or " ",  # an empty one makes the client raise (contract ubiops 0.1)
        date=microseconds(line.time),
        system=line.system,
        model_name=line.model_name,
        model_version=line.version_name,
        request_id=line.request_id,
        connector_name=line.connector_name,
        pipeline_name=line.pipeline_name,
        pipeline_object_name=line.pipeline_object_name,
        pipeline_request_id=line.pipeline_request_id,
    )


def new_variable(body: shapes.EnvironmentVariableCreate) -> NewVariable:
    return NewVariable(name=body.name, secret=body.secret, value=body.value or "")


def variable_change(body: shapes.EnvironmentVariableUpdate) -> VariableChange:
    return VariableChange(name=body.name, secret=body.secret, value=body.value)


def variable(view: VariableView) -> answers.EnvironmentVariableList:
    return answers.EnvironmentVariableList(id=view.id, name=view.name, value=view.value, secret=view.secret)


def inherited_variable(view: VariableView) -> answers.InheritedEnvironmentVariableList:
    level, name = view.inherited_from or (None, None)
    return answers.InheritedEnvironmentVariableList(
        id=view.id,
        name=view.name,
        value=view.value or None,
        secret=view.secret,
        inheritance_type=level,
        inheritance_name=name,
    )


def metrics_text(buckets: Iterable[Bucket]) -> str:
    """A list of Metrics as JSON text: there may be tens of thousands, too many for a detour over shapes.

    Moments of buckets are whole minutes in UTC: their plain ISO form is the one of contract ubiops 1.7.
    """
    items = (
        f'{{"value": {_number(bucket.value)}, "start_time": "{bucket.start.isoformat()}", '
        f'"end_time": "{bucket.end.isoformat()}"}}'
        for bucket in buckets
    )
    return f"[{', '.join(items)}]"


def usage_per_month(series: UsageSeries) -> answers.UsagePerMonth:
    usage = [answers.UsagePerMonthMetric(month=seconds(start), value=_number(value)) for start, value in series.values]
    return answers.UsagePerMonth(object_type=series.object_type, metric=series.metric, usage=usage)


def usage_per_day(series: UsageSeries) -> answers.UsagePerDay:
    usage = [answers.UsagePerDayMetric(day=seconds(start), value=_number(value)) for start, value in series.values]
    return answers.UsagePerDay(object_type=series.object_type, metric=series.metric, usage=usage)


def new_model(body: shapes.ModelCreate) -> NewModel:
    return NewModel(
        name=body.name,
        input_type=ValueType(body.input_type),
        output_type=ValueType(body.output_type),
        input_fields=fields(body.input_fields or ()),
        output_fields=fields(body.output_fields or ()),
        description=body.description or "",
    )


def model_change(body: shapes.ModelUpdate) -> ModelChange:
    return ModelChange(
        name=body.name,
        description=body.description,
        input_type=None if body.input_type is None else ValueType(body.input_type),
        output_type=None if body.output_type is None else ValueType(body.output_type),
        input_fields=None if body.input_fields is None else fields(body.input_fields),
        output_fields=None if body.output_fields is None else fields(body.output_fields),
    )


def model(view: ModelView) -> answers.ModelList:
    item = view.model
    return answers.ModelList(
        id=item.id,
        name=item.name,
        project=view.project,
        description=item.description,
        input_type=item.input_type,
        output_type=item.output_type,
        input_fields=field_bodies(item.input_fields),
        output_fields=field_bodies(item.output_fields),
        creation_date=microseconds(item.created_at),
        last_updated=microseconds(item.updated_at),
        number_of_versions=view.number_of_versions,
    )


def new_version(body: shapes.ModelVersionCreate) -> NewVersion:
    return NewVersion(**_version_values(body))


def version_change(body: shapes.ModelVersionUpdate) -> VersionChange:
    return VersionChange(**_version_values(body))


def version(view: VersionView) -> answers.ModelVersionList:
    item = view.version
    return answers.ModelVersionList(
        id=item.id,
        model=view.model,
        version=item.name,
        description=item.description,
        language=item.language,
        status=item.status,
        error_message=item.error_message[:MAXIMUM_ERROR_MESSAGE],
        **failure_members(item.reason),
        memory_allocation=item.memory_megabytes,
        maximum_instances=item.maximum_instances,
        minimum_instances=item.minimum_instances,
        maximum_idle_time=item.maximum_idle_seconds,
        creation_date=microseconds(item.created_at),
        last_updated=microseconds(item.updated_at),
        file_last_updated=microseconds(item.file_updated_at),
    )


def created_request(item: Request) -> answers.BatchModelRequestCreateResponse:
    return answers.BatchModelRequestCreateResponse(
        id=item.id, status=item.status, time_created=milliseconds(item.created_at)
    )


def listed_request(item: Request) -> answers.BatchModelRequestListResponse:
    return answers.BatchModelRequestListResponse(
        id=item.id,
        status=item.status,
        success=item.status is RequestStatus.COMPLETED,
        time_created=milliseconds(item.created_at),
        time_last_updated=milliseconds(item.updated_at),
    )


def request_text(item: Request) -> str:
    """BatchModelRequestResultList as JSON text. Data and result are spliced in as they are stored: a detour over
    Python's values could not carry each (half a surrogate pair, for one)."""
    members = json.dumps(listed_request(item).model_dump())[:-1]
    result = "null" if item.result is None else item.result
    failure = json.dumps({"error_message": item.error_message, **failure_members(item.reason)})[1:]
    return f'{members}, "request_data": {item.data}, "result": {result}, {failure}'


def blob(item: Blob) -> answers.BlobList:
    return answers.BlobList(
        id=item.id,
        creation_date=milliseconds(item.created_at),
        filename=item.file_name,
        size=item.size,
        ttl=item.ttl_seconds,
    )


def _number(value: float) -> int | float:
    """Whole numbers without a fraction, as in the samples; others to six digits of it."""
    return int(value) if value.is_integer() else round(value, 6)


def fields(bodies: Sequence[shapes.ModelField]) -> tuple[Field, ...]:
    """Of models and of pipelines alike."""
    return tuple(Field(body.name, DataType(body.data_type)) for body in bodies)


def field_bodies(fields: tuple[Field, ...]) -> list[answers.FieldBody]:
    return [answers.FieldBody(name=field.name, data_type=field.data_type) for field in fields]


def _version_values(body: shapes.ModelVersionUpdate) -> dict[str, Any]:
    """The members that were sent, under the core's names."""
    return {_VERSION_MEMBERS.get(name, name): value for name, value in body.model_dump(exclude_unset=True).items()}
