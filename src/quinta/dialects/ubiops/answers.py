"""Bodies that go out: every member that the document or the client knows (contract ubiops 3.1).

Dates are text here, in the formats of ``dates``. Members without a default are always sent.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from quinta.core.models.model import DataType


def _is_none(value: object) -> bool:
    return value is None


WhereFailed = Annotated[str | None, Field(exclude_if=_is_none)]
"""A member that is there only where something failed."""


class Failing(BaseModel):
    """Where something failed, and only there, ``error_code`` and ``error_phase`` stand beside ``error_message``:
    additions of ours (docs/reason-codes.md)."""

    error_code: WhereFailed = None
    error_phase: WhereFailed = None


class Error(BaseModel):
    """Every refusal, whatever its status."""

    error: str


class Status(BaseModel):
    status: str


class Success(BaseModel):
    success: bool


class Tokens(BaseModel):
    """``access`` opens: send it as ``Authorization: Bearer``."""

    access: str
    refresh: str


class UserPendingDetail(BaseModel):
    email: str
    name: str | None
    surname: str | None


class UserDetail(BaseModel):
    id: str
    email: str
    name: str | None
    surname: str | None
    registration_date: str


class OrganizationList(BaseModel):
    id: str
    name: str
    creation_date: str


class OrganizationDetail(OrganizationList):
    subscription: str
    status: str


class OrganizationUserDetail(BaseModel):
    """``status`` is active, or pending while the address has no account; names may be empty here."""

    id: str
    email: str
    name: str
    surname: str
    status: str
    admin: bool


class OrganizationSubscriptionList(BaseModel):
    id: str
    subscription: str
    start_date: str
    subscription_agreement_user: str
    subscription_update_user: str


class AuditEntryList(BaseModel):
    """An addition of ours: an entry of the audit trail (docs/operating.md). ``digest`` chains it to those before."""

    sequence: int
    time: str
    actor: str
    action: str
    subject_id: str | None
    subject: str | None
    description: str
    digest: str


class ProjectResourceUsage(BaseModel):
    models: int
    versions: int
    connectors: int
    pipelines: int


class ResourceUsage(ProjectResourceUsage):
    projects: int
    users: int


class SubscriptionList(BaseModel):
    id: str
    name: str


class SubscriptionDetail(SubscriptionList):
    """A number that is null is no limit."""

    max_projects: int | None
    max_users: int | None
    gb_seconds: int | None
    resources: int | None
    agreement: str
    terms_conditions: str


class PermissionList(BaseModel):
    name: str


class RoleList(BaseModel):
    id: str
    name: str
    default: bool


class RoleDetailList(RoleList):
    permissions: list[str]


class RoleAssignmentList(BaseModel):
    id: str
    user_id: str
    role: str
    object_name: str
    object_type: str


class ServiceUserList(BaseModel):
    id: str
    email: str
    name: str | None
    creation_date: str


class ServiceUserDetail(ServiceUserList):
    token: str


class ServiceUserTokenList(BaseModel):
    token: str


class ProjectList(BaseModel):
    id: str
    name: str
    creation_date: str
    organization_name: str


class LogLineBody(BaseModel):
    """Names that a line has not are left out: the client refuses empty ones."""

    id: str
    log: str
    date: str
    system: bool
    model_name: str | None
    model_version: str | None
    request_id: str | None
    connector_name: str | None
    pipeline_name: str | None
    pipeline_object_name: str | None
    pipeline_request_id: str | None


class EnvironmentVariableList(BaseModel):
    """``value`` is null for a secret."""

    id: str
    name: str
    value: str | None
    secret: bool


class InheritedEnvironmentVariableList(EnvironmentVariableList):
    """``value`` is null for an empty one too, and the inheritance is null, not empty, for a variable of the object
    itself: the client refuses empty text here (contract ubiops 0.1)."""

    inheritance_type: str | None
    inheritance_name: str | None


class Metrics(BaseModel):
    value: int | float
    start_time: str
    end_time: str


class UsagePerMonthMetric(BaseModel):
    month: str
    value: int | float


class UsagePerMonth(BaseModel):
    object_type: str
    metric: str
    usage: list[UsagePerMonthMetric]


class UsagePerDayMetric(BaseModel):
    day: str
    value: int | float


class UsagePerDay(BaseModel):
    object_type: str
    metric: str
    usage: list[UsagePerDayMetric]


class FieldBody(BaseModel):
    name: str
    data_type: DataType


class ModelList(BaseModel):
    id: str
    name: str
    project: str
    description: str
    input_type: str
    output_type: str
    input_fields: list[FieldBody]
    output_fields: list[FieldBody]
    creation_date: str
    last_updated: str
    number_of_versions: int


class ModelVersionList(Failing):
    id: str
    model: str
    version: str
    description: str
    language: str
    status: str
    error_message: str
    memory_allocation: int
    maximum_instances: int
    minimum_instances: int
    maximum_idle_time: int
    creation_date: str
    last_updated: str
    file_last_updated: str


class ModelRequestList(Failing):
    """How a direct request ended; without success, ``error_message`` says why."""

    request_id: str
    success: bool
    result: Any
    error_message: str | None


class BatchModelRequestCreateResponse(BaseModel):
    id: str
    status: str
    time_created: str


class BatchModelRequestListResponse(BatchModelRequestCreateResponse):
    success: bool
    time_last_updated: str


class BatchModelRequestResultList(BatchModelRequestListResponse, Failing):
    request_data: Any
    result: Any
    error_message: str | None


class ScheduleList(BaseModel):
    """``version`` is null for a pipeline; ``schedule`` is in UTC."""

    id: str
    name: str
    object_type: str
    object_name: str
    version: str | None
    schedule: str
    request_data: Any
    batch: bool
    timeout: int
    enabled: bool
    creation_date: str


class BlobList(BaseModel):
    id: str
    creation_date: str
    filename: str
    size: int
    ttl: int


class ConfigurationParameter(BaseModel):
    """``default`` is null for a parameter that must be given; ``protected`` values are never shown."""

    parameter: str
    name: str
    description: str
    input_field: str
    default: str | None
    protected: bool
    regex: str


class ConfigurationList(BaseModel):
    """Both configurations are arrays, whatever the old documents say (contract ubiops 9.1)."""

    connector: str
    connector_type: str
    connector_configuration: list[ConfigurationParameter]
    credentials_configuration: list[ConfigurationParameter]


class CredentialsList(Failing):
    """``configuration`` is in every answer; protected values in it are null."""

    id: str
    name: str
    project: str
    type: str
    status: str
    error_message: str
    reference_count: int
    configuration: dict[str, str | None]
    creation_date: str
    last_updated: str


class ConnectorList(Failing):
    id: str
    name: str
    type: str
    input_type: str
    status: str
    error_message: str
    project: str
    credentials: str
    configuration: dict[str, str | None]
    input_fields: list[FieldBody]
    creation_date: str
    last_updated: str
