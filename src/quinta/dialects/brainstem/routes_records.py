"""Data repositories (contract brainstem 5 to 11)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import Response, StreamingResponse

from quinta.core.access.model import Actor
from quinta.core.errors import InvalidInput, NotFound, NotPermitted
from quinta.core.files.record_query import RecordQuery, RecordView
from quinta.core.files.records import NewRecord, Portal, RecordChange
from quinta.core.tenancy.model import GroupLevel
from quinta.dialects.base.bodies import headers_of
from quinta.dialects.brainstem.auth import actor_of
from quinta.dialects.brainstem.calls import Visit
from quinta.dialects.brainstem.convert import groups_text, record_pieces, record_text, targets_text, text_of
from quinta.dialects.brainstem.filters import filters_of, sort_of
from quinta.dialects.brainstem.paging import paging_of
from quinta.dialects.brainstem.query_string import pairs_of
from quinta.dialects.brainstem.record_bodies import read_record
from quinta.dialects.brainstem.selection import Selection, selection_of
from quinta.dialects.brainstem.vocabulary import DATA_REPOSITORY, GROUPS, Vocabulary, vocabulary_of
from quinta.kit.ids import parse_id

router = APIRouter(prefix="/{portal}/personal_attributes/{model}", tags=["Data repositories"])
_JSON = "application/json"
_STREAMED_ABOVE = 500
"""Records that are answered whole; more go out in pieces."""


@dataclass(frozen=True, slots=True)
class RecordCall(Visit):
    """A call about data records. ``actor`` is None on the public portal, where credentials are not looked at."""

    actor: Actor | None
    portal: Portal
    words: Vocabulary
