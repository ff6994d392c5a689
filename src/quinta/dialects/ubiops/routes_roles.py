"""Permissions, roles, and who has which."""

from __future__ import annotations

from fastapi import APIRouter

from quinta.core.access.custom_roles import RoleChange
from quinta.core.access.model import Permission
from quinta.dialects.ubiops import convert_access
from quinta.dialects.ubiops.answers import PermissionList, RoleAssignmentList, RoleDetailList, RoleList
from quinta.dialects.ubiops.calls import Authenticated
from quinta.dialects.ubiops.documentation import takes
from quinta.dialects.ubiops.shapes import RoleAssignmentCreate, RoleCreate, RoleUpdate

router = APIRouter(tags=["Roles"])

_ROLES = "/projects/{project_name}/roles"
_ASSIGNMENTS = "/projects/{project_name}/role-assignments"


@router.get("/permissions")
async def permissions_list(call: Authenticated) -> list[PermissionList]:
    """Every permission that a role can hold."""
    return [PermissionList(name=name) for name in Permission]


@router.post(_ROLES, status_code=201, openapi_extra=takes(RoleCreate))
async def roles_create(call: Authenticated, project_name: str) -> RoleDetailList:
    """Makes a role of the project's own."""
    body = await call.read(RoleCreate)
    return convert_access.role(await call.services.roles.create(call.actor, project_name, body.name, body.permissions))


@router.get(_ROLES)
async def roles_list(call: Authenticated, project_name: str) -> list[RoleList]:
    """The default roles, then the project's own."""
    return [convert_access.role_name(item) for item in await call.services.roles.find(call.actor, project_name)]


@router.get(_ROLES + "/{role_name}")
async def roles_get(call: Authenticated, project_name: str, role_name: str) -> RoleDetailList:
    """One role with its permissions."""
    return convert_access.role(await call.services.roles.get(call.actor, project_name, role_name))


@router.patch(_ROLES + "/{role_name}", openapi_extra=takes(RoleUpdate))
async def roles_update(call: Authenticated, project_name: str, role_name: str) -> RoleDetailList:
    """Changes what is sent; the list of permissions is replaced. Default roles cannot change."""
    change = RoleChange(**(await call.read(RoleUpdate)).model_dump())
    return convert_access.role(await call.services.roles.update(call.actor, project_name, role_name, change))


@router.delete(_ROLES + "/{role_name}", status_code=204)
async def roles_delete(call: Authenticated, project_name: str, role_name: str) -> None:
    """Deletes a role of the project's own, and takes it from everyone who has it."""
    await call.services.roles.delete(call.actor, project_name, role_name)


@router.post(_ASSIGNMENTS, status_code=201, openapi_extra=takes(RoleAssignmentCreate))
async def role_assignments_create(call: Authenticated, project_name: str) -> RoleAssignmentList:
    """Gives a user or service user a role, on the whole project or on one object."""
    new = convert_access.new_assignment(await call.read(RoleAssignmentCreate))
    return convert_access.assignment(await call.services.role_assignments.create(call.actor, project_name, new))


@router.get(_ASSIGNMENTS + "/{id}")
async def role_assignments_get(call: Authenticated, project_name: str, id: str) -> RoleAssignmentList:
    """One assignment."""
    return convert_access.assignment(await call.services.role_assignments.get(call.actor, project_name, id))


@router.delete(_ASSIGNMENTS + "/{id}", status_code=204)
async def role_assignments_delete(call: Authenticated, project_name: str, id: str) -> None:
    """Takes a role away."""
    await call.services.role_assignments.delete(call.actor, project_name, id)


@router.get("/projects/{project_name}/users/{user_id}/role-assignments")
async def role_assignments_per_user_list(
    call: Authenticated, project_name: str, user_id: str
) -> list[RoleAssignmentList]:
    """The roles of one user or service user in the project."""
    views = await call.services.role_assignments.of_user(call.actor, project_name, user_id)
    return [convert_access.assignment(view) for view in views]
