"""What blobs, repositories and data records are."""

from __future__ import annotations

import functools
import operator
import unicodedata
from collections.abc import Iterable
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
    there are none. ``created_by`` is an e-mail. ``is_going``: it is being deleted, nothing may point at it any more.
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
    is_going: bool = False


@dataclass(frozen=True, slots=True)
class DataRecord:
    """A description of where data lies, shared by groups (contract brainstem 6).

    ``uuid`` is its id in the dialect, a random one. ``organization`` and ``protocols`` are texts of any JSON value,
    None where null was given, which is told apart from ``[]``. ``created_by`` is a user's id, None when the account
    is gone.
    ``folded_name``, ``folded_description`` and ``folded_location`` are what searches without regard to case look at:
    ``fold`` of each. ``group_bits`` is of its groups what ``group_bit`` makes of their numbers, in one.
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
    folded_location: str
    group_bits: int
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

    ``path`` is as the record says it, ``target_id`` the row's id, ``project_id`` where that is, ``size`` in bytes,
    ``checksum`` the SHA-256 of the content in hexadecimal, ``changed_at`` the moment of its last change.
    """

    id: str
    record_id: str
    project_id: str
    kind: TargetKind
    target_id: str
    path: str
    size: int
    checksum: str
    changed_at: datetime


def fold(text: str) -> str:
    """``text`` without regard to case, in every alphabet: equal folds are equal texts to a reader."""
    return unicodedata.normalize("NFC", text).casefold()


_BITS = 63
"""What fits a signed number of 64 bits in every database."""


def group_bit(number: int) -> int:
    """One of 63 bits for a group's number: records of other groups than those asked for are seen to be so by a single
    comparison. Groups share a bit when there are more than 63."""
    return 1 << number % _BITS


def group_bits(numbers: Iterable[int]) -> int:
    """The bits of all these groups."""
    return functools.reduce(operator.or_, map(group_bit, numbers), 0)
