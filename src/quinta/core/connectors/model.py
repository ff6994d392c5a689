"""Connectors, credentials and their verification: frozen types and states (contract ubiops 7.3, 9.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quinta.core.models.model import DataType, Field

BLOB_FIELD = Field("blob", DataType.BLOB)
"""The one field of a connector that takes files (contract ubiops 3.4)."""


class ConnectorType(StrEnum):
    """The stores that can be written to (contract ubiops 9.1)."""

    AWS_KINESIS = "aws_kinesis"
    AWS_S3 = "aws_s3"
    AZURE_BLOB_STORAGE = "azure_blob_storage"
    GCP_BIGQUERY = "gcp_bigquery"
    GCP_CLOUD_STORAGE = "gcp_cloud_storage"
    MYSQL = "mysql"
    POSTGRESQL = "postgresql"


class ConnectorInput(StrEnum):
    """What a connector takes: named fields, or one file in the field ``blob``. Its type decides."""

    STRUCTURED = "structured"
    BLOB = "blob"


class ConnectorStatus(StrEnum):
    """Life of a connector and of credentials (contract ubiops 7.3)."""

    PENDING_VERIFICATION = "pending_verification"
    AVAILABLE = "available"
    FAILED_VERIFICATION = "failed_verification"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value of a configuration. That of a protected parameter is sealed for the row it belongs to."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a connector signs in with. ``reason`` is a code of core.reasons.Reason after a verification that failed."""

    id: str
    project_id: str
    name: str
    type: ConnectorType
    configuration: tuple[Parameter, ...]
    status: ConnectorStatus
    error_message: str
    created_at: datetime
    updated_at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Connector:
    """A place in a store that messages are written to. One that takes files has the input fields ``(BLOB_FIELD,)``.
    ``reason`` as for credentials."""

    id: str
    project_id: str
    name: str
    type: ConnectorType
    credentials_id: str
    configuration: tuple[Parameter, ...]
    input_type: ConnectorInput
    input_fields: tuple[Field, ...]
    status: ConnectorStatus
    error_message: str
    created_at: datetime
    updated_at: datetime
    reason: str | None = None


class VerificationStatus(StrEnum):
    """One that has ended is deleted."""

    PENDING = "pending"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Verification:
    """A look at a connector or at credentials that is to be taken: exactly one of the two ids is there.

    A change deletes the verification that was under way and adds another, so that what the first finds is dropped.
    """

    id: str
    project_id: str
    credentials_id: str | None
    connector_id: str | None
    status: VerificationStatus
    created_at: datetime
    updated_at: datetime
    lease_token: str | None = None
    lease_expires_at: datetime | None = None
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class DeliveryContext:
    """Where a message comes from, by the names of the moment: they go into the log."""

    pipeline_name: str | None = None
    pipeline_object_name: str | None = None
    pipeline_request_id: str | None = None
    request_id: str | None = None
