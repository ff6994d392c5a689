"""Commits and the jobs on them: frozen types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from quinta.core.files.model import InputFile
from quinta.core.jobs.model import JobStatus


@dataclass(frozen=True, slots=True)
class Commit:
    """An immutable state of a project's code (contract dq0 9.7): ``id`` is a random UUID, ``digest`` the SHA-256 of its
    paths and contents, unique within the project, ``archive_key`` names a zip in the object store.

    ``entry_points`` is the JSON text of what its MLproject declares (core.commits.entry_points).
    """

    id: str
    project_id: str
    name: str
    digest: str
    archive_key: str
    files: tuple[InputFile, ...]
    created_by: str | None
    created_at: datetime
    entry_points: str = "{}"


class DataJobKind(StrEnum):
    """What a job does; the values are what callers read (contract dq0 4.2)."""

    RUN = "commit.run"
    TRANSFORM = "commit.transform"
    PREDICT = "model.predict"
    CHECK = "model.check"
    QUERY = "query.run"


@dataclass(frozen=True, slots=True)
class DataJob:
    """A one-shot process that may read datasets, in the sandbox without network.

    ``number`` is a random UUID, what callers know: the run's id too. ``params`` is the JSON text of the entry point's
    arguments, or of what else its kind needs. ``datasets`` is the JSON text of the attached datasets' ids when it was
    made. ``progress`` is 0 to 100 and 100 only when it has finished. ``cancelled_at`` is set when somebody asked it to
    stop; ``started_at`` when its code began to run, which is after its environment is made. ``input_key`` names a file
    in the object store that it is given, ``log_key`` a text there of what it printed, which goes nowhere else, since it
    may say what nobody may see (contract dq0 5.7). ``privacy_level`` is the highest of its datasets.
    """

    id: str
    project_id: str
    number: str
    kind: DataJobKind
    commit_id: str | None
    model_id: str | None
    entry_point: str
    params: str
    datasets: str
    privacy_level: int
    status: JobStatus
    progress: int
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancelled_at: datetime | None = None
    result: str | None = None
    input_key: str | None = None
    log_key: str | None = None
    error_message: str | None = None
    reason: str | None = None
    lease_token: str | None = None
    lease_expires_at: datetime | None = None
    attempts: int = 0
