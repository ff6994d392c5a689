"""Groups (contract dq0 4.2, 4.3); all of it is for administrators."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.core.access.references import Reference
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated
from quinta.dialects.dq0.convert import group_body
from quinta.dialects.dq0.documentation import GROUP, ROLE, TEXT, paged, takes
from quinta.dialects.dq0.listing import listing_of
from quinta.dialects.dq0.references import group_in, number_of, role_in

_ORDER = {"group_id": "number", "group_name": "name", "created_at": "created_at", "updated_at": "created_at"}
_NAMED = takes({"group_name": TEXT}, "group_name")
_WITH_ROLE = takes({**GROUP, **ROLE})

router = APIRouter(prefix="/groups", tags=["groups"])


@router.get("", name="GroupList", openapi_extra=paged())
async def group_list(call: Authenticated) -> shapes.Groups:
    """All groups."""
    listing = listing_of(call.query, _ORDER)
    found = await call.quarantine.groups.find(call.actor, listing.paging)
    return shapes.Groups(**listing.body(found, [group_body(group) for group in found.items]))


@router.post("", name="GroupCreate", openapi_extra=_NAMED)
async def group_create(call: Authenticated) -> shapes.Message:
    """Makes a group."""
    members = await call.members()
    group = await call.quarantine.groups.create(call.actor, members.needed_text("group_name"))
    return shapes.Message(message=f"successfully created group {group.name} with id {group.number}")


@router.post("/add-role", name="GroupAddRole", include_in_schema=False)
@router.post("/{group_id}/add-role", name="GroupAddRole", openapi_extra=_WITH_ROLE)
async def group_add_role(call: Authenticated, group_id: str = "") -> shapes.Nothing:
    """Gives everybody in a group a role."""
    members = await call.members()
    await call.quarantine.server_roles.give_to_group(call.actor, role_in(members), group_in(members, group_id))
    return shapes.Nothing()


@router.post("/remove-role", name="GroupRemoveRole", include_in_schema=False)
@router.post("/{group_id}/remove-role", name="GroupRemoveRole", openapi_extra=_WITH_ROLE)
async def group_remove_role(call: Authenticated, group_id: str = "") -> shapes.Nothing:
    """Takes a role from a group."""
    members = await call.members()
    await call.quarantine.server_roles.take_from_group(call.actor, role_in(members), group_in(members, group_id))
    return shapes.Nothing()


@router.get("/{group_id}", name="GroupGet")
async def group_get(call: Authenticated, group_id: str) -> shapes.Group:
    """One group."""
    found = await call.quarantine.groups.get(call.actor, Reference(number_of(group_id, "group")))
    return group_body(found)


@router.patch("/{group_id}", name="GroupPatch", openapi_extra=_NAMED)
async def group_patch(call: Authenticated, group_id: str) -> shapes.Group:
    """Renames a group."""
    members = await call.members()
    reference = Reference(number_of(group_id, "group"))
    found = await call.quarantine.groups.rename(call.actor, reference, members.needed_text("group_name"))
    return group_body(found)


@router.delete("/{group_id}", name="GroupDelete")
async def group_delete(call: Authenticated, group_id: str) -> shapes.Message:
    """Deletes a group."""
    await call.quarantine.groups.delete(call.actor, Reference(number_of(group_id, "group")))
    return shapes.Message(message=f"successfully deleted group {group_id}")
