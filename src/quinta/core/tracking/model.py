"""Experiments, runs and what runs log: frozen types (contract dq0 4.2, 7.2; the words are MLflow's)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Stage(StrEnum):
    """Deleted ones can be restored."""

    ACTIVE = "active"
    DELETED = "deleted"


class RunStatus(StrEnum):
    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A name under which a project's runs are kept. ``id`` is a random UUID, ``number`` its integer for MLflow's
    clients; names are unique within a project while it is there."""

    id: str
    number: int
    project_id: str
    name: str
    stage: Stage
    created_by: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """One try. ``id`` is a random UUID: a job's number, where a job made it; outside clients make runs without one.

    ``withheld`` says that what user code logged is for owners alone until they approve it (contract dq0 5.7);
    ``approved_at`` is when they did. ``decided`` is what they said its models may be used for, which no check changes;
    None: nothing as yet. Artifacts are in the object store below ``projects/ID/runs/ID/``.
    """

    id: str
    project_id: str
    experiment_id: str
    name: str
    status: RunStatus
    stage: Stage
    created_by: str | None
    started_at: datetime
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None = None
    job_id: str | None = None
    withheld: bool = False
    approved_at: datetime | None = None
    decided: tuple[ModelPermission, ...] | None = None


class Source(StrEnum):
    """Who wrote something of a run: the platform's own training, whose output is private by construction, or user
    code, which is believed nothing."""

    PLATFORM = "platform"
    USER = "user"


@dataclass(frozen=True, slots=True)
class RunMetric:
    """One value of a metric, of all that were logged. ``value`` is text that float() reads, ``nan`` and ``inf``
    included, which no JSON and no PostgreSQL index takes as numbers; ``timestamp`` is in milliseconds. ``latest`` is
    the one of its key that has the highest step, of these the highest timestamp, then value."""

    id: str
    run_id: str
    key: str
    value: str
    step: int
    timestamp: int
    source: Source
    latest: bool


@dataclass(frozen=True, slots=True)
class RunParam:
    """A parameter, written once."""

    id: str
    run_id: str
    key: str
    value: str
    source: Source


@dataclass(frozen=True, slots=True)
class RunTag:
    """A tag; writing it again replaces it."""

    id: str
    run_id: str
    key: str
    value: str
    source: Source


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of a run: ``path`` below the run's artifact root, ``key`` in the object store, ``size`` in bytes."""

    id: str
    run_id: str
    path: str
    key: str
    size: int
    source: Source
    created_at: datetime


class CheckerStatus(StrEnum):
    """What the model checker says (contract dq0 5.7)."""

    NONE = ""
    PENDING = "pending"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"

    @property
    def under_way(self) -> bool:
        return self in (CheckerStatus.PENDING, CheckerStatus.RUNNING)


class ModelPermission(StrEnum):
    PREDICT = "predict_allowed"
    PREDICT_PROBABILITIES = "predict_proba_allowed"


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A model that a run left, kept under a name. ``id`` is a random UUID; ``location`` the artifact folder in the
    run. ``epsilon`` (1e-9) and ``delta`` are what its training cost where it was private, else None."""

    id: str
    project_id: str
    run_id: str
    name: str
    description: str
    location: str
    permissions: tuple[ModelPermission, ...]
    checker_status: CheckerStatus
    checker_report: str
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    epsilon: int | None = None
    delta: float | None = None


class ModelStage(StrEnum):
    """How far a version of a named model is, in MLflow's words."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A name that has versions, for MLflow's clients; unique within a project. ``tags`` and ``aliases`` are JSON
    objects: of texts, and of the numbers of versions by their other names. ``newest`` is the highest number that a
    version has had."""

    id: str
    project_id: str
    name: str
    description: str
    tags: str
    aliases: str
    newest: int
    created_by: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NamedVersion:
    """A registered model as a version of a name, from 1 on; it goes with either of them. ``tags`` is a JSON object of
    texts."""

    id: str
    named_model_id: str
    model_id: str
    number: int
    stage: ModelStage
    tags: str
    updated_at: datetime
