"""What answers about groups, and about places in them, look like (contract brainstem 10)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel
from starlette.responses import Response

from quinta.core.tenancy.group_places import PlaceView
from quinta.core.tenancy.groups import GroupView
from quinta.core.tenancy.model import GroupLevel
from quinta.dialects.brainstem.convert import text_of
from quinta.dialects.brainstem.shapes import Paged

GROUPS = "groups"
INVITATIONS = "group_membership_invitations"
REQUESTS = "group_membership_requests"
_MANAGING = (GroupLevel.MANAGER, GroupLevel.OWNER)


class GroupUser(BaseModel):
    is_manager: bool
    is_owner: bool


class GroupBody(BaseModel):
    """``users`` by e-mail: members only, not who is invited."""

    id: int
    name: str
    users: dict[str, GroupUser]


class OneGroup(BaseModel):
    group: GroupBody


class ManyGroups(Paged):
    groups: list[GroupBody]


class Invitation(BaseModel):
    id: str
    user_account_invitation: str
    authgroup: int
    new_manager: bool
    new_owner: bool


class OneInvitation(BaseModel):
    group_membership_invitation: Invitation


class ManyInvitations(Paged):
    group_membership_invitations: list[Invitation]


class MembershipRequest(BaseModel):
    id: str
    user_account_request: str
    authgroup: int


class OneRequest(BaseModel):
    group_membership_request: MembershipRequest


class ManyRequests(Paged):
    group_membership_requests: list[MembershipRequest]


def group_body(view: GroupView) -> GroupBody:
    users = {
        email: GroupUser(is_manager=level in _MANAGING, is_owner=level is GroupLevel.OWNER)
        for email, level in view.members
    }
    return GroupBody(id=view.group.number, name=view.group.name, users=users)


def invitation(view: PlaceView) -> Invitation:
    """Users have no numbers here: whose the place is stands there by the id of the account."""
    return Invitation(
        id=view.place.id,
        user_account_invitation=view.place.user_id,
        authgroup=view.number,
        new_manager=view.place.level in _MANAGING,
        new_owner=view.place.level is GroupLevel.OWNER,
    )


def membership_request(view: PlaceView) -> MembershipRequest:
    return MembershipRequest(id=view.place.id, user_account_request=view.place.user_id, authgroup=view.number)


def listed(name: str, items: Sequence[BaseModel], about: Paged) -> Response:
    """A list under ``name``, before what is told about it: clients take the first member for the list."""
    body = {name: [item.model_dump() for item in items], **about.model_dump()}
    return Response(text_of(body), media_type="application/json")
