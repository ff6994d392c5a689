"""Groups, who is in them, and who is to be (contract brainstem 9.5, 10)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from quinta.core.errors import InvalidInput
from quinta.dialects.brainstem.documentation import NO_CONTENT, takes
from quinta.dialects.brainstem.group_answers import (
    GROUPS,
    ManyGroups,
    OneGroup,
    OneRequest,
    group_body,
    listed,
    membership_request,
)
from quinta.dialects.brainstem.group_bodies import read_change, read_name
from quinta.dialects.brainstem.group_calls import OfGroups, number_of, pairs_in, part_of
from quinta.dialects.brainstem.group_filters import chosen
from quinta.dialects.brainstem.shapes import Detail

_NAME = {"name": {"type": "string", "maxLength": 150}}
_FLAG = {"type": "boolean"}
_USER = {"type": "object", "properties": {"is_manager": _FLAG, "is_owner": _FLAG, "remove": _FLAG}}
_CHANGE = {**_NAME, "users": {"type": "object", "additionalProperties": _USER}}

router = APIRouter(tags=["Groups"])
_GROUP = "/{portal:group_portal}/{app:group_app}/group"


@router.get(_GROUP, response_model=ManyGroups)
async def groups_list(call: OfGroups) -> Response:
    """The caller's groups, by their numbers; staff sees all."""
    views, about = part_of(call, chosen(await call.services.groups.find(call.actor), pairs_in(call)))
    return listed(GROUPS, [group_body(view) for view in views], about)


@router.post(_GROUP, status_code=201, openapi_extra=takes(_NAME, "name"))
async def groups_create(call: OfGroups) -> OneGroup:
    """Makes a group with the caller as its owner and only member."""
    return OneGroup(group=group_body(await call.services.groups.create(call.actor, await read_name(call))))


@router.get(_GROUP + "/{group_id}")
async def groups_get(call: OfGroups, group_id: str) -> OneGroup:
    """One group."""
    return OneGroup(group=group_body(await call.services.groups.get(call.actor, number_of(group_id))))


@router.patch(_GROUP + "/{group_id}", openapi_extra=takes(_CHANGE))
async def groups_update(call: OfGroups, group_id: str) -> OneGroup:
    """Renames the group, and changes those of its users that are named: a new one is invited."""
    return await _change(call, group_id, whole=False)


@router.put(_GROUP + "/{group_id}", openapi_extra=takes(_CHANGE, "name"))
async def groups_replace(call: OfGroups, group_id: str) -> OneGroup:
    """As PATCH, but the name must be there."""
    return await _change(call, group_id, whole=True)


@router.delete(_GROUP + "/{group_id}", status_code=204, response_class=Response, responses=NO_CONTENT)
async def groups_delete(call: OfGroups, group_id: str) -> Response:
    """Deletes a group that no data record lists."""
    await call.services.groups.delete(call.actor, number_of(group_id))
    return Response(status_code=204, headers={"Content-Length": "0"})


@router.get(_GROUP + "/{group_id}/join")
@router.post(_GROUP + "/{group_id}/join", name="groups_join_post")
async def groups_join(call: OfGroups, group_id: str) -> OneRequest:
    """Asks to become a member."""
    made = await call.services.group_places.join(call.actor, number_of(group_id))
    return OneRequest(group_membership_request=membership_request(made))


@router.get(_GROUP + "/{group_id}/leave")
@router.post(_GROUP + "/{group_id}/leave", name="groups_leave_post")
async def groups_leave(call: OfGroups, group_id: str) -> Detail:
    """Takes the caller out of the group."""
    await call.services.groups.leave(call.actor, number_of(group_id))
    return Detail(detail="You left the group.")


async def _change(call: OfGroups, group_id: str, *, whole: bool) -> OneGroup:
    number = number_of(group_id)
    view = await call.services.groups.get(call.actor, number)
    name, members = await read_change(call, view, whole=whole)
    try:
        return OneGroup(
            group=group_body(await call.services.groups.change(call.actor, number, name=name, members=members))
        )
    except InvalidInput as error:
        field = "users" if error.field == "members" else error.field
        raise InvalidInput(error.message, field=field) from None
