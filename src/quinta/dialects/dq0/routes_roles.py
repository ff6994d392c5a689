"""Roles and actions (contract dq0 4.2, 4.3); all of it is for administrators."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.core.access.references import Reference
from quinta.core.errors import InvalidInput
from quinta.core.pages import Page
from quinta.dialects.dq0 import shapes
from quinta.dialects.dq0.calls import Authenticated
from quinta.dialects.dq0.convert import action_body, role_body
from quinta.dialects.dq0.documentation import GROUP, INTEGER, PERMISSION, ROLE, TEXT, paged, paged_as_it_is, takes
from quinta.dialects.dq0.listing import listing_of
from quinta.dialects.dq0.references import group_in, number_of, role_in

_ORDER = {
    "role_id": "number",
    "role_name": "name",
    "permission": "level",
    "created_at": "created_at",
    "updated_at": "updated_at",
}
_NAMED = takes({"role_name": TEXT}, "role_name")
_WITH_GROUP = takes({**ROLE, **GROUP})
_LEVEL = takes({**ROLE}, "permission", permission=PERMISSION)
_ACTION_LEVEL = takes({"action": TEXT, "action_id": INTEGER, **ROLE}, "permission", permission=PERMISSION)

router = APIRouter()


@router.get("/roles", name="RoleList", tags=["roles"], openapi_extra=paged())
async def role_list(call: Authenticated) -> shapes.Roles:
    """All roles."""
    listing = listing_of(call.query, _ORDER)
    found = await call.quarantine.server_roles.find(call.actor, listing.paging)
    return shapes.Roles(**listing.body(found, [role_body(role) for role in found.items]))


@router.post("/roles", name="RoleCreate", tags=["roles"], openapi_extra=_NAMED)
async def role_create(call: Authenticated) -> shapes.Message:
    """Makes a role that may do nothing yet."""
    members = await call.members()
    role = await call.quarantine.server_roles.create(call.actor, members.needed_text("role_name"))
    return shapes.Message(message=f"successfully created role {role.name} with id {role.number}")


@router.post("/roles/add-group", name="RoleAddGroup", tags=["roles"], include_in_schema=False)
@router.post("/roles/{role_id}/add-group", name="RoleAddGroup", tags=["roles"], openapi_extra=_WITH_GROUP)
async def role_add_group(call: Authenticated, role_id: str = "") -> shapes.Nothing:
    """Gives everybody in a group the role."""
    members = await call.members()
    await call.quarantine.server_roles.give_to_group(call.actor, role_in(members, role_id), group_in(members))
    return shapes.Nothing()


@router.post("/roles/remove-group", name="RoleRemoveGroup", tags=["roles"], include_in_schema=False)
@router.post("/roles/{role_id}/remove-group", name="RoleRemoveGroup", tags=["roles"], openapi_extra=_WITH_GROUP)
async def role_remove_group(call: Authenticated, role_id: str = "") -> shapes.Nothing:
    """Takes the role from a group."""
    members = await call.members()
    await call.quarantine.server_roles.take_from_group(call.actor, role_in(members, role_id), group_in(members))
    return shapes.Nothing()


@router.post("/roles/permissions", name="RoleSetPermission", tags=["roles"], include_in_schema=False)
@router.post("/roles/{role_id}/permissions", name="RoleSetPermission", tags=["roles"], openapi_extra=_LEVEL)
async def role_set_permission(call: Authenticated, role_id: str = "") -> shapes.Nothing:
    """Sets the level that the role has where nothing else is granted to it."""
    members = await call.members()
    level = members.needed_integer("permission")
    await call.quarantine.server_roles.set_level(call.actor, role_in(members, role_id), level)
    return shapes.Nothing()


@router.get("/roles/{role_id}", name="RoleGet", tags=["roles"])
async def role_get(call: Authenticated, role_id: str) -> shapes.Role:
    """One role."""
    return role_body(await call.quarantine.server_roles.get(call.actor, Reference(number_of(role_id, "role"))))


@router.patch("/roles/{role_id}", name="RolePatch", tags=["roles"], openapi_extra=_NAMED)
async def role_patch(call: Authenticated, role_id: str) -> shapes.Role:
    """Renames a role."""
    members = await call.members()
    reference = Reference(number_of(role_id, "role"))
    return role_body(await call.quarantine.server_roles.rename(call.actor, reference, members.needed_text("role_name")))


@router.delete("/roles/{role_id}", name="RoleDelete", tags=["roles"])
async def role_delete(call: Authenticated, role_id: str) -> shapes.Message:
    """Deletes a role."""
    await call.quarantine.server_roles.delete(call.actor, Reference(number_of(role_id, "role")))
    return shapes.Message(message=f"successfully deleted role {role_id}")


@router.get("/actions", name="ActionList", tags=["actions"], openapi_extra=paged_as_it_is())
async def action_list(call: Authenticated) -> shapes.Actions:
    """What callers do, by name, with the levels that roles need for it."""
    listing = listing_of(call.query, {})
    known = await call.quarantine.actions.find(call.actor)
    paging = listing.paging
    found = Page(tuple(known[paging.offset : paging.offset + paging.limit]), len(known))
    return shapes.Actions(**listing.body(found, [action_body(action) for action in found.items]))


@router.post("/actions/permissions", name="ActionPermissionSet", tags=["actions"], include_in_schema=False)
@router.post(
    "/actions/{action_id}/permissions", name="ActionPermissionSet", tags=["actions"], openapi_extra=_ACTION_LEVEL
)
async def action_permission_set(call: Authenticated, action_id: str = "") -> shapes.Nothing:
    """Sets the least level that a role needs for an action."""
    members = await call.members()
    number = members.integer("action_id")
    if action_id:
        in_path = number_of(action_id, "action")
        if number not in (0, in_path):
            raise InvalidInput("action_id is of another action than the path", field="action_id")
        number = in_path
    action = Reference(number, members.text("action") or None)
    level = members.needed_integer("permission")
    await call.quarantine.actions.set_permission(call.actor, action, role_in(members), level)
    return shapes.Nothing()
