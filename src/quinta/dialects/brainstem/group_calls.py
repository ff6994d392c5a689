"""What a route about groups is handed, and which paths are theirs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, TypeVar

from fastapi import Depends
from starlette.convertors import StringConvertor, register_url_convertor

from quinta.core.access.decide import require_staff
from quinta.core.errors import NotFound
from quinta.dialects.brainstem.calls import Authenticated, Call
from quinta.dialects.brainstem.paging import Paging, paging_of
from quinta.dialects.brainstem.query_string import Pairs, pairs_of
from quinta.dialects.brainstem.shapes import Paged

T = TypeVar("T")


class GroupPortal(StrEnum):
    """Who is in a group is for its members: the public portal has none."""

    PRIVATE = "private"
    SUPER = "super"


class GroupApp(StrEnum):
    """Where clients of different years look for groups."""

    USERS = "users"
    AUTH = "auth"


class InvitationModel(StrEnum):
    """Two spellings, of different years."""

    GROUPMEMBERSHIPINVITATION = "groupmembershipinvitation"
    GROUP_MEMBERSHIP_INVITATION = "group_membership_invitation"


class RequestModel(StrEnum):
    GROUPMEMBERSHIPREQUEST = "groupmembershiprequest"
    GROUP_MEMBERSHIP_REQUEST = "group_membership_request"


class _Portals(StringConvertor):
    regex = "|".join(GroupPortal)


class _Apps(StringConvertor):
    regex = "|".join(GroupApp)


class _Invitations(StringConvertor):
    regex = "|".join(InvitationModel)


class _Requests(StringConvertor):
    regex = "|".join(RequestModel)


register_url_convertor("group_portal", _Portals())
register_url_convertor("group_app", _Apps())
register_url_convertor("invitations", _Invitations())
register_url_convertor("requests", _Requests())


async def _in_portal(call: Authenticated, portal: GroupPortal) -> Call:
    if portal is GroupPortal.SUPER:
        require_staff(call.actor)
    return call


_InPortal = Annotated[Call, Depends(_in_portal)]


async def _of_groups(call: _InPortal, app: GroupApp) -> Call:
    return call


async def _of_invitations(call: _InPortal, invitation_model: InvitationModel) -> Call:
    return call


async def _of_requests(call: _InPortal, request_model: RequestModel) -> Call:
    return call


# What a path may be spelled like is said once, here: the document has it from these.
OfGroups = Annotated[Call, Depends(_of_groups)]
OfInvitations = Annotated[Call, Depends(_of_invitations)]
OfRequests = Annotated[Call, Depends(_of_requests)]


def number_of(text: str) -> int:
    """A group's number; NotFound for what is none. Thousands of digits are none."""
    try:
        return int(text)
    except ValueError:
        raise NotFound("this is no number of a group") from None


def pairs_in(call: Call) -> Pairs:
    return pairs_of(call.request.scope["query_string"])


def part_of(call: Call, items: Sequence[T]) -> tuple[Sequence[T], Paged]:
    """The part of a list that the call asks for, and what is told about it."""
    pairs = pairs_in(call)
    paging: Paging = paging_of(pairs)
    about = Paged.model_validate(paging.about(len(items), call.request, pairs))
    end = None if paging.limit is None else paging.offset + paging.limit
    return items[paging.offset : end], about
