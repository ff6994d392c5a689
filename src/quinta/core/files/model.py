"""What blobs, repositories and data records are."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class DataRecord:
    """A description of where data lies, shared by groups (contract brainstem 6).

    ``uuid`` is its id in the dialect, a random one. ``organization`` and ``protocols`` are texts of any JSON value,
    None where null was given, which is told apart from ``[]``. ``created_by`` is a user's id, None when the account
    is gone.
    ``folded_name`` and ``folded_description`` are what searches without regard to case look at: ``fold`` of each.
    """

    id: str
    uuid: str
    name: str
    folded_name: str
    description: str
    folded_description: str
    is_public: bool
    organization: str | None
    protocols: str | None
    location: str
    created_by: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RecordGroup:
    """That a group is among a record's; the id is made of both."""

    id: str
    record_id: str
    group_id: str


class TargetKind(StrEnum):
    """What of ours a record can point at."""

    BLOB = "blob"
    REPOSITORY = "repository"


@dataclass(frozen=True, slots=True)
class RecordTarget:
    """That a record points at data held here, which therefore stays (``protocol: quinta`` in its protocols).

    ``path`` is as the record says it, ``target_id`` the row's id, ``size`` in bytes, ``checksum`` the SHA-256 of the
    content in hexadecimal, ``changed_at`` the moment of its last change.
    """

    id: str
    record_id: str
    kind: TargetKind
    target_id: str
    path: str
    size: int
    checksum: str
    changed_at: datetime


def fold(text: str) -> str:
    """``text`` without regard to case, in every alphabet: equal folds are equal texts to a reader."""
    return unicodedata.normalize("NFC", text).casefold()
