"""Bodies that come in (contract ubiops 3.2). Strict: no unknown members, no conversions, no null unless it says so.

Only the form is checked here, plus what the core does not know of; the rules about names, ranges and references are
the core's.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from quinta.dialects.ubiops.dates import read_date

T = TypeVar("T")


def _storable(text: str) -> str:
    """No database keeps NUL or half a surrogate pair, which JSON can spell."""
    for character in text:
        if character == "\0" or "\ud800" <= character <= "\udfff":
            raise ValueError(f"has a character that cannot be stored: U+{ord(character):04X}")
    return text


def _not_null(value: object) -> object:
    if value is None:
        raise ValueError("must not be null: leave it out instead")
    return value


def _document_without_null(schema: dict[str, Any]) -> None:
    """The document says of a member that may be left out what it says of one that must be there."""
    schema.pop("default", None)
    schema.update(schema.pop("anyOf")[0])


def _agreed(value: bool) -> bool:
    if not value:
        raise ValueError("must be true: the account needs your agreement")
    return value


def _date(value: object) -> date | None:
    return None if value is None else read_date(value)


Text = Annotated[str, AfterValidator(_storable)]
NonEmpty = Annotated[str, StringConstraints(min_length=1), AfterValidator(_storable)]
LogLineId = Annotated[str, StringConstraints(min_length=24, max_length=24), AfterValidator(_storable)]
Given = Annotated[T | None, BeforeValidator(_not_null), Field(json_schema_extra=_document_without_null)]
"""A member that may be left out (then None here), but not be null."""
ValueTypeName = Literal["structured", "plain"]
"""The client's enum has "blob" too, which the document does not know: refused (contract ubiops 10.9)."""
DataTypeName = Literal[
    "int", "string", "double", "bool", "timestamp", "array_int", "array_double", "array_string", "blob"
]

ScheduledTypeName = Literal["model", "pipeline"]
ObjectTypeName = Literal["project", "model", "credentials", "connector", "pipeline"]


class Body(BaseModel):
    """Base of all."""

    model_config = ConfigDict(extra="forbid", strict=True)


class SignIn(Body):
    email: NonEmpty
    password: NonEmpty


class UserPendingCreate(Body):
    email: NonEmpty
    password: NonEmpty
    terms_conditions: Annotated[bool, AfterValidator(_agreed)]
    name: Given[Text] = None
    surname: Given[Text] = None


class UserUpdate(Body):
    email: Given[NonEmpty] = None
    password: Given[NonEmpty] = None
    previous_password: Given[NonEmpty] = None
    name: Given[Text] = None
    surname: Given[Text] = None


class OrganizationCreate(Body):
    name: NonEmpty
    subscription: NonEmpty
    subscription_agreed: bool
    subscription_end_date: Annotated[date | None, BeforeValidator(_date)] = None
    """Null means no end date (contract ubiops 1.3)."""


class OrganizationUpdate(Body):
    name: Given[NonEmpty] = None
    subscription: Given[NonEmpty] = None
    subscription_agreed: Given[bool] = None
    subscription_end_date: Annotated[date | None, BeforeValidator(_date)] = None
    """Null removes the date (contract ubiops 1.3)."""


class OrganizationUserUpdate(Body):
    admin: Given[bool] = None


class OrganizationUserCreate(OrganizationUserUpdate):
    email: NonEmpty


class SubscriptionCreate(Body):
    name: NonEmpty
    max_projects: int
    max_users: int
    logs_retention_days: int
    gb_seconds: int
    resources: int
    agreement: Given[Text] = None
    terms_conditions: Given[Text] = None
    hidden: Given[bool] = None


class SubscriptionUpdate(Body):
    """Null for a number means no limit (contract ubiops 3.2)."""

    name: Given[NonEmpty] = None
    max_projects: int | None = None
    max_users: int | None = None
    logs_retention_days: Given[int] = None
    gb_seconds: int | None = None
    resources: int | None = None
    agreement: Given[Text] = None
    terms_conditions: Given[Text] = None
    hidden: Given[bool] = None


class RoleCreate(Body):
    name: NonEmpty
    permissions: list[NonEmpty]


class RoleUpdate(Body):
    name: Given[NonEmpty] = None
    permissions: Given[list[NonEmpty]] = None


class RoleAssignmentCreate(Body):
    user_id: NonEmpty
    role: NonEmpty
    object_name: Given[NonEmpty] = None
    object_type: Given[ObjectTypeName] = None


class ServiceUserCreate(Body):
    name: Given[Text] = None


class ProjectCreate(Body):
    name: NonEmpty
    organization_name: NonEmpty


class ProjectUpdate(Body):
    name: Given[NonEmpty] = None


class ScheduleUpdate(Body):
    name: Given[NonEmpty] = None
    schedule: Given[NonEmpty] = None
    request_data: Annotated[Any, BeforeValidator(_not_null)] = None
    batch: Given[bool] = None
    timeout: Given[int] = None
    enabled: Given[bool] = None


class ScheduleCreate(ScheduleUpdate):
    name: NonEmpty
    object_type: ScheduledTypeName
    object_name: NonEmpty
    schedule: NonEmpty
    version: Given[NonEmpty] = None


class LogFilters(Body):
    model_name: Given[NonEmpty] = None
    model_version: Given[NonEmpty] = None
    connector_name: Given[NonEmpty] = None
    pipeline_name: Given[NonEmpty] = None
    pipeline_object_name: Given[NonEmpty] = None
    request_id: Given[NonEmpty] = None
    pipeline_request_id: Given[NonEmpty] = None
    system: Given[bool] = None


class LogsCreate(Body):
    filters: LogFilters
    date: Given[NonEmpty] = None
    id: Given[LogLineId] = None
    date_range: Given[int] = None
    limit: Given[int] = None


class EnvironmentVariableUpdate(Body):
    name: Given[NonEmpty] = None
    value: Given[Text] = None
    secret: Given[bool] = None


class EnvironmentVariableCreate(EnvironmentVariableUpdate):
    """No value is an empty one (contract ubiops 8.5)."""

    name: NonEmpty
    secret: bool


class ModelField(Body):
    name: NonEmpty
    data_type: DataTypeName


class ModelCreate(Body):
    name: NonEmpty
    input_type: ValueTypeName
    output_type: ValueTypeName
    description: Given[Text] = None
    input_fields: Given[list[ModelField]] = None
    output_fields: Given[list[ModelField]] = None


class ModelUpdate(Body):
    """Types and fields may be sent again as they are (contract ubiops 3.4)."""

    name: Given[NonEmpty] = None
    description: Given[Text] = None
    input_type: Given[ValueTypeName] = None
    output_type: Given[ValueTypeName] = None
    input_fields: Given[list[ModelField]] = None
    output_fields: Given[list[ModelField]] = None


class ModelVersionUpdate(Body):
    version: Given[NonEmpty] = None
    language: Given[NonEmpty] = None
    memory_allocation: Given[int] = None
    maximum_instances: Given[int] = None
    minimum_instances: Given[int] = None
    maximum_idle_time: Given[int] = None
    description: Given[Text] = None


class ModelVersionCreate(ModelVersionUpdate):
    version: NonEmpty


class CredentialsUpdate(Body):
    """The type may be sent again as it is."""

    name: Given[NonEmpty] = None
    type: Given[NonEmpty] = None
    configuration: Given[dict[str, Any]] = None


class CredentialsCreate(Body):
    name: NonEmpty
    type: NonEmpty
    configuration: dict[str, Any]


class ConnectorUpdate(CredentialsUpdate):
    credentials: Given[NonEmpty] = None
    input_fields: Given[list[ModelField]] = None


class ConnectorCreate(CredentialsCreate):
    credentials: NonEmpty
    input_fields: Given[list[ModelField]] = None
