"""Bodies that go out: every member that the document or the client knows (contract ubiops 3.1).

Dates are text here, in the formats of ``dates``. Members without a default are always sent.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from quinta.core.models.model import DataType


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


class ModelVersionList(BaseModel):
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


class ModelRequestList(BaseModel):
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


class BatchModelRequestResultList(BatchModelRequestListResponse):
    request_data: Any
    result: Any
    error_message: str | None


class BlobList(BaseModel):
    id: str
    creation_date: str
    filename: str
    size: int
    ttl: int
