"""What blobs and repositories are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Blob:
    """A file with a limited life, kept in the object store under ``object_key``. ``size`` is in bytes."""

    id: str
    project_id: str
    file_name: str
    content_type: str
    size: int
    object_key: str
    ttl_seconds: int
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of an archive: its path with ``/``, without a root, and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Repository:
    """Inputs and common params for jobs, fixed when it is made (contract vbrain 4).

    ``number`` has 18 digits and grows: the moment it was made. ``params`` and ``metadata`` are texts of JSON objects,
    ``params`` None when none were given. ``archive_key`` names a zip in the object store that holds ``files``; None:
    there are none. ``created_by`` is an e-mail.
    """

    id: str
    project_id: str
    number: str
    params: str | None
    metadata: str
    files: tuple[InputFile, ...]
    archive_key: str | None
    created_by: str
    created_at: datetime
