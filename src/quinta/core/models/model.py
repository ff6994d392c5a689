"""Models, versions and builds: frozen types, their states, and the rules that need nothing but them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class ValueType(StrEnum):
    """What a model takes or gives: named fields, or one string (contract ubiops 5.4)."""

    STRUCTURED = "structured"
    PLAIN = "plain"


class DataType(StrEnum):
    """Type of one field (contract ubiops 5.4)."""

    INT = "int"
    STRING = "string"
    DOUBLE = "double"
    BOOL = "bool"
    TIMESTAMP = "timestamp"
    ARRAY_INT = "array_int"
    ARRAY_DOUBLE = "array_double"
    ARRAY_STRING = "array_string"
    BLOB = "blob"


@dataclass(frozen=True, slots=True)
class Field:
    """One named input or output of a structured model."""

    name: str
    data_type: DataType


class VersionStatus(StrEnum):
    """Life of a version (contract ubiops 7.1)."""

    INITIALISED = "initialised"
    BUILDING = "building"
    BUILDING_FAILED = "building_failed"
    DEPLOYING = "deploying"
    DEPLOYING_FAILED = "deploying_failed"
    AVAILABLE = "available"
    AVAILABLE_BUILDING = "available_building"
    AVAILABLE_BUILDING_FAILED = "available_building_failed"

    @property
    def serves(self) -> bool:
        """Whether requests are accepted in this state."""
        return self in _SERVING


_SERVING = frozenset(
    {VersionStatus.AVAILABLE, VersionStatus.AVAILABLE_BUILDING, VersionStatus.AVAILABLE_BUILDING_FAILED}
)


class BuildStatus(StrEnum):
    """Life of one build. A newer upload supersedes a build that has not ended."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Model:
    """A model: a name and the shape of what goes in and comes out; its code lives in versions.

    ``live_version_id`` is the version that a rollout made the live one; without it the newest that serves is live.
    """

    id: str
    project_id: str
    name: str
    description: str
    input_type: ValueType
    output_type: ValueType
    input_fields: tuple[Field, ...]
    output_fields: tuple[Field, ...]
    created_at: datetime
    updated_at: datetime
    live_version_id: str | None = None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a model: settings of its instances, the newest package, and the build that serves.

    ``reason`` is the code of core.reasons.Reason while the newest build is one that failed, and ``error_message`` says
    it in words.
    """

    id: str
    project_id: str
    model_id: str
    name: str
    description: str
    language: str
    status: VersionStatus
    error_message: str
    memory_megabytes: int
    minimum_instances: int
    maximum_instances: int
    maximum_idle_seconds: int
    created_at: datetime
    updated_at: datetime
    file_updated_at: datetime
    live_build_id: str | None = None
    latest_build_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Build:
    """One attempt to make a package runnable: the archive as uploaded, and what came of it.

    ``archive_key`` names the archive in the object store. ``package_digest``, ``environment_digest`` and
    ``model_file`` are set when the build has succeeded, ``reason`` when it has failed.
    """

    id: str
    project_id: str
    version_id: str
    archive_key: str
    archive_name: str
    archive_size: int
    language: str
    status: BuildStatus
    created_at: datetime
    updated_at: datetime
    package_digest: str | None = None
    environment_digest: str | None = None
    model_file: str | None = None
    reason: str | None = None
    lease_token: str | None = None
    lease_expires_at: datetime | None = None
    attempts: int = 0


class VariableLevel(StrEnum):
    """What an environment variable is set on; it reaches everything below. Lowest first: a lower one shadows."""

    VERSION = "model_version"
    MODEL = "model"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class EnvironmentVariable:
    """A variable that code finds in its process's environment (contract ubiops 4.5).

    ``owner_id`` is the version, model or project that it is set on. ``model_id`` and ``version_id`` are there below
    project level. ``value`` of a secret is sealed (core.ports.Secrets) with the variable's id as owner.
    """

    id: str
    project_id: str
    model_id: str | None
    version_id: str | None
    owner_id: str
    name: str
    value: str
    secret: bool
    created_at: datetime
    updated_at: datetime

    @property
    def level(self) -> VariableLevel:
        if self.version_id is not None:
            return VariableLevel.VERSION
        return VariableLevel.PROJECT if self.model_id is None else VariableLevel.MODEL


@dataclass(frozen=True, slots=True)
class Application:
    """A model that jobs run, under the name by which an organization's clients call it.

    ``project_id`` is the project that has the model. Without ``version_id`` the model's live version is run.
    ``time_limit_seconds`` bounds one run of the code.
    """

    id: str
    organization_id: str
    project_id: str
    model_id: str
    version_id: str | None
    name: str
    time_limit_seconds: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class JobFolders:
    """Where a job finds its inputs, read-only, and where what it leaves is put once no process of it is left: the
    folders ``output`` and ``logs`` appear in ``results``. Both exist; the caller removes them.

    ``runs_command`` is a job that runs a command in the package (worker/projects.py) instead of an application, and
    without network whatever the server's instances have. ``mounts`` are files and folders, by a name that its input
    uses, that it may read too.
    """

    inputs: Path
    results: Path
    runs_command: bool = False
    mounts: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunnableVersion:
    """Everything the engine needs to run instances of a version whose build has succeeded.

    ``revision`` grows with every change of the version, its model, its build or its variables; the engine replaces
    instances that run an older revision and ignores an older revision that arrives late. ``model_file`` is the name,
    without ``.py``, of the module in the package root that has the class ``Model``. ``environment_variables`` holds
    secrets in the clear: it is left out where the object is printed. ``job`` makes it a one-shot run: one instance,
    which runs the application in the package instead of serving requests.
    """

    version_id: str
    organization_id: str
    project_id: str
    project_name: str
    model_name: str
    version_name: str
    revision: int
    language: str
    package_digest: str
    environment_digest: str
    model_file: str
    memory_megabytes: int
    minimum_instances: int
    maximum_instances: int
    maximum_idle_seconds: int
    input_type: ValueType
    output_type: ValueType
    input_fields: tuple[Field, ...]
    output_fields: tuple[Field, ...]
    environment_variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    job: JobFolders | None = None

    @property
    def runs_command(self) -> bool:
        """A job of the quarantine: what it uses and how it ends are words of code that may read private rows."""
        return self.job is not None and self.job.runs_command
