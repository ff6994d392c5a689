"""What a route about data records is handed, and which paths are theirs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request, Security
from starlette.convertors import StringConvertor, register_url_convertor

from quinta.core.access.model import Actor
from quinta.core.errors import NotFound, NotPermitted
from quinta.core.files.records import Portal
from quinta.dialects.brainstem.calls import Visit, caller_of, scheme
from quinta.dialects.brainstem.vocabulary import DATA_REPOSITORY, DATASTORAGE, Vocabulary
from quinta.kit.ids import parse_id


class Segment(StrEnum):
    """How the part of a path that names data records may be spelled."""

    DATA_REPOSITORY = "data_repository"
    DATAREPOSITORY = "datarepository"
    DATASTORAGE = "datastorage"


class _Portals(StringConvertor):
    regex = "|".join(Portal)


class _Segments(StringConvertor):
    regex = "|".join(Segment)


# Paths with other words match no route, whatever their method (contract brainstem 5: 404).
register_url_convertor("portal", _Portals())
register_url_convertor("records", _Segments())


@dataclass(frozen=True, slots=True)
class RecordCall(Visit):
    """A call about data records. ``actor`` is None on the public portal, where credentials are not looked at."""

    portal: Portal
    words: Vocabulary
    actor: Actor | None

    @staticmethod
    def uuid(text: str) -> str:
        """A record's id as the core has it; NotFound for what is no UUID."""
        found = parse_id(text)
        if found is None:
            raise NotFound("this is no id of a data record")
        return found


@dataclass(frozen=True, slots=True)
class RecordChangeCall(RecordCall):
    """One that changes something."""

    actor: Actor


def words_of(model: Segment) -> Vocabulary:
    return DATASTORAGE if model is Segment.DATASTORAGE else DATA_REPOSITORY


async def _reading(
    request: Request, portal: Portal, model: Segment, _: Annotated[str | None, Security(scheme)]
) -> RecordCall:
    state = request.app.state
    actor = None if portal is Portal.PUBLIC else await caller_of(request)
    return RecordCall(request, state.services, state.maximum_body_bytes, portal, words_of(model), actor)


async def _changing(call: Annotated[RecordCall, Depends(_reading)]) -> RecordChangeCall:
    if call.actor is None:
        raise NotPermitted("the public portal is for reading only")
    return RecordChangeCall(call.request, call.services, call.maximum_body_bytes, call.portal, call.words, call.actor)


Reading = Annotated[RecordCall, Depends(_reading)]
Changing = Annotated[RecordChangeCall, Depends(_changing)]
