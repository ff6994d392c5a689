"""What an actor may do in a client, and with the clients of an organization (contract vbrain 2, 7; decision 0022).

The same two rules as in core.access.decide: what a caller may not know of does not exist for it, and what it may see
but not do is NotPermitted. Here NotFound says by ``field`` which of the three names was wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from quinta.core.access.decide import assigned
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import NotFound, NotPermitted
from quinta.core.models.model import Application
from quinta.core.ports import UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization
from quinta.core.tenancy.model import (
    Client,
    ClientGroup,
    ClientMember,
    Membership,
    Organization,
    OrganizationGroup,
    OrganizationStatus,
    Project,
)


class ClientRight(StrEnum):
    """What may be done within a client (contract vbrain 7)."""

    CREATE_REPOSITORY = "create_repository"
    READ_REPOSITORY = "read_repository"
    DELETE_REPOSITORY = "delete_repository"
    CREATE_JOB = "create_job"
    READ_JOB = "read_job"
    DELETE_JOB = "delete_job"
    MANAGE_MEMBERS = "manage_members"


class OrganizationRight(StrEnum):
    """What may be done with an organization's clients and members (contract vbrain 7)."""

    CREATE_CLIENT = "create_client"
    DELETE_CLIENT = "delete_client"
    ADD_CLIENT_USER = "add_client_user"
    REMOVE_CLIENT_USER = "remove_client_user"
    BILLING_REPORT = "billing_report"
    USAGE_REPORT = "usage_report"
    INVITE_USER = "invite_user"
    CHANGE_GROUP = "change_group"


CLIENT_GROUPS: Mapping[ClientGroup, frozenset[ClientRight]] = MappingProxyType(
    {
        ClientGroup.LEADER: frozenset(ClientRight),
        ClientGroup.DEVELOPER: frozenset(
            {
                ClientRight.CREATE_REPOSITORY,
                ClientRight.READ_REPOSITORY,
                ClientRight.CREATE_JOB,
                ClientRight.READ_JOB,
            }
        ),
        ClientGroup.STAKEHOLDER: frozenset({ClientRight.READ_REPOSITORY, ClientRight.CREATE_JOB}),
    }
)
"""Literally contract vbrain 7: a stakeholder may start a job and not see it."""

_SENIOR = frozenset(
    {
        OrganizationRight.CREATE_CLIENT,
        OrganizationRight.DELETE_CLIENT,
        OrganizationRight.ADD_CLIENT_USER,
        OrganizationRight.REMOVE_CLIENT_USER,
    }
)
ORGANIZATION_GROUPS: Mapping[OrganizationGroup, frozenset[OrganizationRight]] = MappingProxyType(
    {
        OrganizationGroup.ADMINISTRATOR: frozenset(OrganizationRight),
        OrganizationGroup.MANAGER: frozenset(OrganizationRight) - {OrganizationRight.CHANGE_GROUP},
        OrganizationGroup.SENIOR_DEVELOPER: _SENIOR,
        OrganizationGroup.DEVELOPER: frozenset(),
    }
)
"""Literally contract vbrain 7."""

LEADING = frozenset({OrganizationGroup.ADMINISTRATOR, OrganizationGroup.MANAGER})
"""The groups of an organization whose members are leaders of every client in it (contract vbrain 7, decision)."""


@dataclass(frozen=True, slots=True)
class ClientName:
    """How a caller names a client: three texts as they came, compared exactly."""

    organization: str
    application: str
    client: str


@dataclass(frozen=True, slots=True)
class Place:
    """A client with what it belongs to, and the project that it is."""

    organization: Organization
    application: Application
    client: Client
    project: Project


async def client_for(work: UnitOfWork, actor: Actor, name: ClientName, right: ClientRight) -> Place:
    """The client called ``name``, if the actor may do ``right`` in it.

    NotFound with the field ``organization_id``, ``application_id`` or ``client_id`` for the first name of something
    that is not there or that the actor may not know of; NotPermitted when its group lacks the right, and for
    CREATE_JOB in an organization that runs nothing now.
    """
    organization, standing = await _known(work, actor, name.organization)
    place = await place_of(work, organization, name)
    group = await _group_in(work, actor, standing, place)
    if group is None:
        raise _no_client(name, place.project)
    if right not in CLIENT_GROUPS[group]:
        raise NotPermitted(
            f"the group '{group}' in the client '{name.client}' lacks the right {right}", project_id=place.project.id
        )
    if right is ClientRight.CREATE_JOB and organization.status is not OrganizationStatus.ACTIVE:
        raise NotPermitted(
            f"the organization '{organization.name}' is {organization.status}: it runs no jobs",
            project_id=place.project.id,
        )
    return place


async def organization_to_manage(
    work: UnitOfWork, actor: Actor | None, name: str, right: OrganizationRight
) -> Organization:
    """The organization called ``name``, if the actor may do ``right`` in it; an operator (None) may do all.

    NotFound (field ``organization_id``) when the actor may not know of it, NotPermitted when its group lacks the right.
    """
    if actor is None:
        return await organization_named(work, name)
    organization, standing = await _known(work, actor, name)
    if right not in ORGANIZATION_GROUPS[standing]:
        raise NotPermitted(
            f"the group '{standing}' in the organization '{name}' lacks the right {right}",
            organization_id=organization.id,
        )
    return organization


async def place_to_manage(work: UnitOfWork, actor: Actor | None, name: ClientName, right: OrganizationRight) -> Place:
    """The client called ``name``, if the actor may do ``right``, which is about its users, by its group in the
    organization, or manages the members of this client by its group there; an operator (None) may do all."""
    if actor is None:
        return await place_of(work, await organization_named(work, name.organization), name)
    organization, standing = await _known(work, actor, name.organization)
    if right in ORGANIZATION_GROUPS[standing]:
        return await place_of(work, organization, name)
    return await client_for(work, actor, name, ClientRight.MANAGE_MEMBERS)


async def place_of(work: UnitOfWork, organization: Organization, name: ClientName) -> Place:
    """The client called ``name`` in an organization that is known; NotFound with the field of what is missing."""
    scope = in_organization(organization.id)
    application = await application_named(work, organization, name.application)
    client = await work.of(Client, scope).get(application_id=application.id, name=name.client)
    project = None if client is None else await work.of(Project, scope).get(id=client.project_id)
    if client is None or project is None:
        raise _no_client(name)
    return Place(organization, application, client, project)


async def application_named(work: UnitOfWork, organization: Organization, name: str) -> Application:
    """The organization's application of that name; NotFound (field ``application_id``) when there is none."""
    application = await work.of(Application, in_organization(organization.id)).get(name=name)
    if application is None:
        raise NotFound(
            f"there is no application named '{name}' in organization '{organization.name}'", field="application_id"
        )
    return application


async def _known(work: UnitOfWork, actor: Actor, name: str) -> tuple[Organization, OrganizationGroup]:
    """The organization and what the actor is in it."""
    organization = await organization_named(work, name)
    standing = await _standing(work, actor, organization)
    if standing is None:
        raise _no_organization(name, organization)
    return organization, standing


async def organization_named(work: UnitOfWork, name: str) -> Organization:
    """For operators, who may know of every one; NotFound (field ``organization_id``) when there is none."""
    organization = await work.of(Organization, EVERYTHING).get(name=name)
    if organization is None:
        raise _no_organization(name)
    return organization


async def _standing(work: UnitOfWork, actor: Actor, organization: Organization) -> OrganizationGroup | None:
    """What the actor is in the organization, None for a stranger. A service user of one of its projects is a developer:
    it may know of the organization and of nothing in it by that alone."""
    scope = in_organization(organization.id)
    if actor.is_service_user:
        own = await work.of(Project, scope).get(id=actor.project_id)
        return None if own is None else OrganizationGroup.DEVELOPER
    membership = await work.of(Membership, scope).get(user_id=actor.user_id)
    return None if membership is None else membership.group


async def _group_in(work: UnitOfWork, actor: Actor, standing: OrganizationGroup, place: Place) -> ClientGroup | None:
    """A service user of the client's project is a developer if its roles let it make requests in all of the project."""
    if actor.is_service_user:
        if place.project.id != actor.project_id:
            return None
        reach = await assigned(work, actor, place.project, Permission.MODELS_VERSIONS_REQUESTS_CREATE)
        return ClientGroup.DEVELOPER if reach.whole else None
    if standing in LEADING:
        return ClientGroup.LEADER
    member = await work.of(ClientMember, EVERYTHING).get(client_id=place.client.id, user_id=actor.user_id)
    return None if member is None else member.group


def _no_organization(name: str, hidden: Organization | None = None) -> NotFound:
    """In the same words whether there is none, or one that is ``hidden`` from the caller."""
    return NotFound(
        f"there is no organization named '{name}'",
        field="organization_id",
        refusal=hidden is not None,
        organization_id=None if hidden is None else hidden.id,
    )


def _no_client(name: ClientName, hidden: Project | None = None) -> NotFound:
    """In the same words whether there is none, or the one whose project is ``hidden`` from the caller."""
    return NotFound(
        f"there is no client named '{name.client}' of application '{name.application}' in organization "
        f"'{name.organization}'",
        field="client_id",
        refusal=hidden is not None,
        project_id=None if hidden is None else hidden.id,
    )
