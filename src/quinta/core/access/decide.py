"""The one place that says what an actor may do and see.

Two rules stand above all others. What a caller may not know of does not exist for it: NotFound, in the same words as
for a name that was never given. What it may see but not do is NotPermitted.
"""

from __future__ import annotations

from quinta.core.access.model import Actor, Permission
from quinta.core.errors import NotFound, NotPermitted
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization, of_user
from quinta.core.tenancy.model import Membership, Organization, OrganizationStatus, Project

_MEMBER = frozenset({Permission.PROJECTS_GET})
_ADMIN = frozenset(Permission)
_COMPUTES = frozenset({Permission.MODELS_VERSIONS_REQUESTS_CREATE})


def granted(membership: Membership) -> frozenset[Permission]:
    """The permissions that a place in an organization gives on every project of it.

    An administrator holds all, computed at the moment of the call, so that one who is demoted loses them at once
    (contract ubiops 6.1).
    """
    return _ADMIN if membership.is_admin else _MEMBER


async def project_for(work: UnitOfWork, actor: Actor, name: str, permission: Permission) -> Project:
    """The project called ``name``, if the actor may do ``permission`` in it; else NotFound or NotPermitted."""
    project = await work.of(Project, EVERYTHING).get(name=name)
    membership = None if project is None else await _membership(work, actor, project.organization_id)
    if project is None or membership is None:
        raise NotFound(f"there is no project named '{name}'")
    if permission not in granted(membership):
        raise NotPermitted(f"the permission {permission} on project '{name}' is needed for this")
    if permission in _COMPUTES:
        await _require_active(work, project.organization_id)
    return project


async def organization_for(work: UnitOfWork, actor: Actor, name: str, *, administrator: bool = False) -> Organization:
    """The organization called ``name``, if the actor is a member of it (and its administrator, where asked)."""
    organization = await work.of(Organization, EVERYTHING).get(name=name)
    membership = None if organization is None else await _membership(work, actor, organization.id)
    if organization is None or membership is None:
        raise NotFound(f"there is no organization named '{name}'")
    if administrator and not membership.is_admin:
        raise NotPermitted(f"only an administrator of the organization '{name}' may do this")
    return organization


async def organizations_of(work: UnitOfWork, actor: Actor) -> list[Organization]:
    """Every organization that the actor belongs to, by name."""
    memberships = await work.of(Membership, of_user(actor.user_id)).find()
    ids = [membership.organization_id for membership in memberships]
    return await work.of(Organization, EVERYTHING).find(id=ids, order=("name",)) if ids else []


async def _membership(work: UnitOfWork, actor: Actor, organization_id: str) -> Membership | None:
    return await work.of(Membership, in_organization(organization_id)).get(user_id=actor.user_id)


async def _require_active(work: UnitOfWork, organization_id: str) -> None:
    organization = await work.of(Organization, EVERYTHING).get(id=organization_id)
    if organization is not None and organization.status is not OrganizationStatus.ACTIVE:
        raise NotPermitted(f"the organization '{organization.name}' is {organization.status}: it runs no requests")
