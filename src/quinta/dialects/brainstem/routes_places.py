"""Invitations to groups, and requests to join them (contract brainstem 9.5, 10)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from quinta.core.tenancy.model import PendingKind
from quinta.dialects.brainstem.group_answers import (
    INVITATIONS,
    REQUESTS,
    ManyInvitations,
    ManyRequests,
    OneGroup,
    OneInvitation,
    OneRequest,
    group_body,
    invitation,
    listed,
    membership_request,
)
from quinta.dialects.brainstem.group_calls import OfInvitations, OfRequests, part_of
from quinta.dialects.brainstem.shapes import Detail

router = APIRouter(tags=["Groups"])
_USERS = "/{portal:group_portal}/users"
_INVITATION = _USERS + "/{invitation_model:invitations}"
_REQUEST = _USERS + "/{request_model:requests}"
_INVITED, _ASKED = PendingKind.INVITATION, PendingKind.REQUEST


@router.get(_INVITATION, response_model=ManyInvitations)
async def group_membership_invitations_list(call: OfInvitations) -> Response:
    """Invitations to the caller, and to the groups that the caller manages."""
    views, about = part_of(call, await call.services.group_places.find(call.actor, _INVITED))
    return listed(INVITATIONS, [invitation(view) for view in views], about)


@router.get(_INVITATION + "/{place_id}")
async def group_membership_invitations_get(call: OfInvitations, place_id: str) -> OneInvitation:
    """One invitation."""
    view = await call.services.group_places.get(call.actor, _INVITED, place_id)
    return OneInvitation(group_membership_invitation=invitation(view))


@router.get(_INVITATION + "/{place_id}/accept")
@router.post(_INVITATION + "/{place_id}/accept", name="group_membership_invitations_accept_post")
async def group_membership_invitations_accept(call: OfInvitations, place_id: str) -> OneGroup:
    """Makes the caller a member."""
    view = await call.services.group_places.accept(call.actor, _INVITED, place_id)
    return OneGroup(group=group_body(await call.services.groups.get(call.actor, view.number)))


@router.get(_INVITATION + "/{place_id}/reject")
@router.post(_INVITATION + "/{place_id}/reject", name="group_membership_invitations_reject_post")
async def group_membership_invitations_reject(call: OfInvitations, place_id: str) -> Detail:
    """The caller's no."""
    await call.services.group_places.reject(call.actor, _INVITED, place_id)
    return Detail(detail="You rejected the invitation.")


@router.get(_INVITATION + "/{place_id}/cancel")
@router.post(_INVITATION + "/{place_id}/cancel", name="group_membership_invitations_cancel_post")
async def group_membership_invitations_cancel(call: OfInvitations, place_id: str) -> Detail:
    """Takes the invitation back."""
    await call.services.group_places.cancel(call.actor, _INVITED, place_id)
    return Detail(detail="The invitation is cancelled.")


@router.get(_REQUEST, response_model=ManyRequests)
async def group_membership_requests_list(call: OfRequests) -> Response:
    """The caller's requests, and those to the groups that the caller manages."""
    views, about = part_of(call, await call.services.group_places.find(call.actor, _ASKED))
    return listed(REQUESTS, [membership_request(view) for view in views], about)


@router.get(_REQUEST + "/{place_id}")
async def group_membership_requests_get(call: OfRequests, place_id: str) -> OneRequest:
    """One request."""
    view = await call.services.group_places.get(call.actor, _ASKED, place_id)
    return OneRequest(group_membership_request=membership_request(view))


@router.get(_REQUEST + "/{place_id}/accept")
@router.post(_REQUEST + "/{place_id}/accept", name="group_membership_requests_accept_post")
async def group_membership_requests_accept(call: OfRequests, place_id: str) -> OneRequest:
    """Makes who asked a member; answers the request as it was."""
    view = await call.services.group_places.accept(call.actor, _ASKED, place_id)
    return OneRequest(group_membership_request=membership_request(view))


@router.get(_REQUEST + "/{place_id}/reject")
@router.post(_REQUEST + "/{place_id}/reject", name="group_membership_requests_reject_post")
async def group_membership_requests_reject(call: OfRequests, place_id: str) -> Detail:
    """The group's no."""
    await call.services.group_places.reject(call.actor, _ASKED, place_id)
    return Detail(detail="You rejected the request.")


@router.get(_REQUEST + "/{place_id}/cancel")
@router.post(_REQUEST + "/{place_id}/cancel", name="group_membership_requests_cancel_post")
async def group_membership_requests_cancel(call: OfRequests, place_id: str) -> Detail:
    """Takes the caller's own request back."""
    await call.services.group_places.cancel(call.actor, _ASKED, place_id)
    return Detail(detail="The request is cancelled.")
