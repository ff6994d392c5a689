"""Data repositories (contract brainstem 5 to 11)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from quinta.core.errors import InvalidInput
from quinta.core.files.record_query import RecordQuery, RecordView
from quinta.core.files.records import NewRecord, RecordChange
from quinta.core.tenancy.model import Group, GroupLevel
from quinta.dialects.brainstem.convert import (
    groups_text,
    object_text,
    record_pieces,
    record_text,
    targets_text,
    text_of,
)
from quinta.dialects.brainstem.documentation import LISTED, NO_CONTENT, SELECTED, takes_record
from quinta.dialects.brainstem.filters import filters_of, sort_of
from quinta.dialects.brainstem.paging import paging_of
from quinta.dialects.brainstem.query_string import Pairs, pairs_of
from quinta.dialects.brainstem.record_bodies import read_record
from quinta.dialects.brainstem.record_calls import Changing, Reading, RecordCall, RecordChangeCall
from quinta.dialects.brainstem.selection import Selection, selection_of
from quinta.dialects.brainstem.shapes import DataRepositories, DataRepository, GroupNames
from quinta.dialects.brainstem.vocabulary import DATA_REPOSITORY, GROUPS

router = APIRouter(prefix="/{portal:portal}/personal_attributes/{model:records}", tags=["Data repositories"])
_JSON = "application/json"
_STREAMED_ABOVE = 500
"""Records that go out whole, with their length; more go out in pieces."""


@router.get("", response_model=DataRepositories, openapi_extra=LISTED)
async def data_repositories_list(call: Reading) -> Response:
    """The records of the portal that match the filters."""
    pairs = _pairs(call)
    selection, paging = selection_of(pairs, call.words), paging_of(pairs)
    query = RecordQuery(
        filters_of(pairs, call.words), sort_of(pairs, call.words), limit=paging.limit, offset=paging.offset
    )
    page = await call.services.records.find(call.actor, call.portal, query)
    about = paging.about(page.total, call.request, pairs)
    groups = await _groups(call, page.records) if selection.with_groups else None
    end = {} if groups is None else {"groups": groups_text(groups)}
    end |= {name: text_of(value) for name, value in about.items()}

    def pieces() -> Iterator[str]:
        yield f'{{"{call.words.plural}":'
        yield from record_pieces(page.records, call.words, selection)
        yield "".join(f',"{name}":{text}' for name, text in end.items()) + "}"

    if len(page.records) > _STREAMED_ABOVE:
        return StreamingResponse(_in_turns(pieces()), media_type=_JSON)
    return Response("".join(pieces()), media_type=_JSON)


@router.post("", status_code=201, response_model=DataRepository, openapi_extra=takes_record("name", GROUPS))
async def data_repositories_create(call: Changing) -> Response:
    """Adds a record."""
    selection = _selection(call)
    owned = () if call.words is DATA_REPOSITORY else await _owned(call)
    required = ("name",) if owned else ("name", GROUPS)
    body = await read_record(call, call.words, required=required)
    with _in_the_words_of(call):
        made = await call.services.records.create(call.actor, call.portal, NewRecord(**{"groups": owned, **body.given}))
    return await _one(call, selection, made, 201)


@router.get("/{record_id}", response_model=DataRepository, openapi_extra=SELECTED)
async def data_repositories_get(call: Reading, record_id: str) -> Response:
    """One record; filters are not looked at. Data of this server that it points at stands beside it as ``targets``."""
    selection = _selection(call)
    detail = await call.services.records.get(call.actor, call.portal, call.uuid(record_id))
    more = {"targets": targets_text(detail.targets)} if detail.targets else {}
    return await _one(call, selection, detail.view, 200, more)


@router.patch("/{record_id}", response_model=DataRepository, openapi_extra=takes_record())
async def data_repositories_update(call: Changing, record_id: str) -> Response:
    """Changes the members that are given."""
    return await _change(call, record_id, ())


@router.put("/{record_id}", response_model=DataRepository, openapi_extra=takes_record("name", GROUPS))
async def data_repositories_replace(call: Changing, record_id: str) -> Response:
    """Changes the members that are given, with those that must be there."""
    return await _change(call, record_id, ("name", GROUPS) if call.words is DATA_REPOSITORY else ("name",))


@router.delete("/{record_id}", status_code=204, response_class=Response, responses=NO_CONTENT)
async def data_repositories_delete(call: Changing, record_id: str) -> Response:
    """Deletes the record, not what it points at."""
    await call.services.records.delete(call.actor, call.portal, call.uuid(record_id))
    return Response(status_code=204, headers={"Content-Length": "0"})


@router.get("/{record_id}/authgroups", response_model=GroupNames)
async def data_repositories_groups(call: Reading, record_id: str) -> Response:
    """The groups of a record."""
    detail = await call.services.records.get(call.actor, call.portal, call.uuid(record_id))
    return Response(object_text(groups=groups_text(await _groups(call, [detail.view]))), media_type=_JSON)


async def _change(call: RecordChangeCall, record_id: str, required: Sequence[str]) -> Response:
    uuid, selection = call.uuid(record_id), _selection(call)
    stored = (await call.services.records.get(call.actor, call.portal, uuid)).view.record
    body = await read_record(call, call.words, required=required, stored=stored)
    with _in_the_words_of(call):
        changed = await call.services.records.change(call.actor, call.portal, uuid, RecordChange(**body.given))
    return await _one(call, selection, changed, 200)


async def _one(
    call: RecordCall, selection: Selection, view: RecordView, status: int, more: dict[str, str] | None = None
) -> Response:
    members = {call.words.single: record_text(view, call.words, selection)}
    if selection.with_groups:
        members["groups"] = groups_text(await _groups(call, [view]))
    return Response(object_text(**members, **(more or {})), status, media_type=_JSON)


async def _in_turns(pieces: Iterator[str]) -> AsyncIterator[str]:
    """The pieces with a turn for other calls before each: a client that reads fast would get them all in one."""
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)


def _selection(call: RecordCall) -> Selection:
    """What the answer is to have: asked before anything is changed, for it may be refused."""
    return selection_of(_pairs(call), call.words)


def _pairs(call: RecordCall) -> Pairs:
    return pairs_of(call.request.scope["query_string"])


async def _groups(call: RecordCall, views: Sequence[RecordView]) -> list[Group]:
    """The groups of records."""
    numbers = {number for view in views for number in view.groups}
    return list((await call.services.groups.known(numbers)).values())


async def _owned(call: RecordChangeCall) -> tuple[int, ...]:
    """The caller's own groups: those of a record for which none are given, where they have no place in its members
    (contract brainstem 11)."""
    views = await call.services.groups.find(call.actor)
    return tuple(view.group.number for view in views if (call.actor.email, GroupLevel.OWNER) in view.members)


@contextmanager
def _in_the_words_of(call: RecordCall) -> Iterator[None]:
    """Names what the core refuses as the call does."""
    try:
        yield
    except InvalidInput as error:
        if error.field is None:
            raise
        raise InvalidInput(error.message, field=call.words.name_of(error.field)) from None
