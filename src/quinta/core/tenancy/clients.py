"""Clients and their members: what operators, and those whose group allows it, administer (contract vbrain 2, 7;
decision 0022).

``actor`` is whose rights count; None is the operator, who may do all and whom no plan limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quinta.core.access.clients import (
    ClientName,
    OrganizationRight,
    Place,
    application_named,
    organization_named,
    organization_to_manage,
    place_of,
    place_to_manage,
)
from quinta.core.access.model import Actor
from quinta.core.access.roles import DEFAULT_BY_NAME, ObjectType, RoleAssignment
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound
from quinta.core.events import Event, EventName
from quinta.core.models.model import Application
from quinta.core.names import check_header_name, name_from
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization, in_project
from quinta.core.tenancy.members import membership_changed
from quinta.core.tenancy.model import (
    Client,
    ClientGroup,
    ClientMember,
    Invitation,
    Membership,
    Organization,
    OrganizationGroup,
    Project,
    User,
)
from quinta.core.tenancy.places import require_another_administrator, require_room_for_user
from quinta.core.tenancy.projects import free_project_name, remove_project
from quinta.core.tenancy.subscriptions import require_room_for_project
from quinta.core.tenancy.turns import take_turn
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

_ROLES = {
    ClientGroup.LEADER: DEFAULT_BY_NAME["project-admin"],
    ClientGroup.DEVELOPER: DEFAULT_BY_NAME["project-editor"],
}
"""The role on the client's project that goes with a group. A stakeholder gets none: what it may not see of a job here,
it may not see there."""


@dataclass(frozen=True, slots=True)
class ClientView:
    """A client with its names and its members: e-mail and group, in the order they came."""

    organization: str
    application: str
    client: str
    project: str
    members: tuple[tuple[str, ClientGroup], ...]


class Clients:
    """Use cases about clients. Names are looked up as callers send them: NotFound with the field of the header."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, actor: Actor | None, name: ClientName, leader_email: str) -> ClientView:
        """Makes a client with its project, and the owner of the address its leader.

        NotFound for an unknown organization, account or application, in this order; AlreadyExists for a name that the
        application has; LimitReached when the plan allows no more.
        """
        async with self._store.begin() as work:
            organization = await organization_to_manage(work, actor, name.organization, OrganizationRight.CREATE_CLIENT)
            check_header_name(name.client, "a client")
            leader = await _person(work, leader_email)
            await _join(work, actor, organization, leader)
            place = await self._make(work, actor, organization, name)
            await _enter(work, actor, place, leader, ClientGroup.LEADER)
            return await _view(work, place)

    async def add(self, actor: Actor | None, name: ClientName, email: str, group: ClientGroup) -> ClientView:
        """Puts the owner of the address into that group, and into the organization if it is not there; a member of
        another group changes."""
        async with self._store.begin() as work:
            place = await place_to_manage(work, actor, name, OrganizationRight.ADD_CLIENT_USER)
            user = await _person(work, email)
            await _join(work, actor, place.organization, user)
            await _leave(work, actor, place, user)
            await _enter(work, actor, place, user, group)
            return await _view(work, place)

    async def remove(self, actor: Actor | None, name: ClientName, email: str) -> ClientView:
        """Takes the client away from the owner of the address, who stays in the organization."""
        async with self._store.begin() as work:
            place = await place_to_manage(work, actor, name, OrganizationRight.REMOVE_CLIENT_USER)
            user = await _person(work, email)
            if not await _leave(work, actor, place, user):
                raise NotFound(f"'{user.email}' is no member of the client '{name.client}'", field="email")
            return await _view(work, place)

    async def find(self, organization_name: str | None) -> list[ClientView]:
        """Every client of the organization, or of the server with None, by names; for operators."""
        async with self._store.read() as work:
            if organization_name is None:
                organizations = await work.of(Organization, EVERYTHING).find(order=("name",))
            else:
                organizations = [await organization_named(work, organization_name)]
            return [view for organization in organizations for view in await _views(work, organization)]

    async def delete(self, actor: Actor | None, name: ClientName) -> None:
        """Removes the client with its project, repositories and jobs. What runs is stopped; files go soon after.
        StateConflict while an application runs a model of the project, or a data record points at what is in it."""
        async with self._store.begin() as work:
            organization = await organization_to_manage(work, actor, name.organization, OrganizationRight.DELETE_CLIENT)
            place = await place_of(work, organization, name)
            await remove_project(work, place.project, _id_of(actor))
            work.emit(_client_event(EventName.CLIENT_DELETED, place, actor))

    async def rank(
        self, actor: Actor | None, organization_name: str, email: str, group: OrganizationGroup
    ) -> OrganizationGroup:
        """Gives the owner of the address that group in the organization, and a place in it if it has none; answers the
        group. StateConflict for the last administrator."""
        async with self._store.begin() as work:
            organization = await organization_to_manage(work, actor, organization_name, OrganizationRight.CHANGE_GROUP)
            user = await _person(work, email)
            membership = await _join(work, actor, organization, user)
            is_admin = group is OrganizationGroup.ADMINISTRATOR
            if membership.is_admin and not is_admin:
                await require_another_administrator(work, membership)
            values: dict[str, object] = {"is_admin": is_admin} | ({} if is_admin else {"rank": group})
            await work.of(Membership, in_organization(organization.id)).change(membership.id, **values)
            work.emit(membership_changed(membership, _id_of(actor)))
        return group

    async def _make(self, work: UnitOfWork, actor: Actor | None, organization: Organization, name: ClientName) -> Place:
        """The client with its project, nobody in it yet."""
        scope, now = in_organization(organization.id), self._clock.now()
        application = await application_named(work, organization, name.application)
        if await work.of(Client, scope).get(application_id=application.id, name=name.client) is not None:
            raise AlreadyExists(
                f"the application '{application.name}' of organization '{organization.name}' has a client named "
                f"'{name.client}' already",
                field="client_id",
            )
        if actor is None:
            await take_turn(work, organization.id)
        else:
            await require_room_for_project(work, organization)
        project_name = await free_project_name(work, name_from(f"{application.name} {name.client}", "client"))
        project = Project(new_id(), organization.id, project_name, now)
        await work.of(Project, scope).add(project)
        client = Client(new_id(), organization.id, application.id, project.id, name.client, now)
        await work.of(Client, scope).add(client)
        tags = (f"project:{project.id}",)
        work.emit(Event(EventName.PROJECT_CREATED, project.id, tags, _id_of(actor), project.id))
        place = Place(organization, application, client, project)
        work.emit(_client_event(EventName.CLIENT_CREATED, place, actor))
        return place


async def _person(work: UnitOfWork, email: str) -> User:
    user = await work.of(User, EVERYTHING).get(email=email.strip().lower())
    if user is None:
        raise NotFound(f"there is no account with the email '{email}'", field="email")
    if user.project_id is not None:
        raise InvalidInput("a service user acts in its own project and joins nothing", field="email")
    return user


async def _join(work: UnitOfWork, actor: Actor | None, organization: Organization, user: User) -> Membership:
    """The user's place in the organization, a new one where there is none."""
    scope = in_organization(organization.id)
    found = await work.of(Membership, scope).get(user_id=user.id)
    if found is not None:
        return found
    if actor is not None:
        await organization_to_manage(work, actor, organization.name, OrganizationRight.INVITE_USER)
        await require_room_for_user(work, organization)
    await work.of(Invitation, scope).remove(email=user.email)
    membership = Membership(new_id(), organization.id, user.id, is_admin=False)
    await work.of(Membership, scope).add(membership)
    work.emit(membership_changed(membership, _id_of(actor)))
    return membership


async def _enter(work: UnitOfWork, actor: Actor | None, place: Place, user: User, group: ClientGroup) -> None:
    await work.of(ClientMember, EVERYTHING).add(ClientMember(new_id(), place.client.id, user.id, group))
    work.emit(_client_event(EventName.CLIENT_CHANGED, place, actor, user))
    if group not in _ROLES:
        return
    role, assignments = _ROLES[group], work.of(RoleAssignment, in_project(place.project.id))
    if await assignments.get(user_id=user.id, role_id=role.id, object_id=place.project.id) is None:
        new = RoleAssignment(new_id(), place.project.id, user.id, role.id, ObjectType.PROJECT, place.project.id)
        await assignments.add(new)
        work.emit(_role_event(EventName.ROLE_ASSIGNED, new, actor))


async def _leave(work: UnitOfWork, actor: Actor | None, place: Place, user: User) -> bool:
    """Whether the user was a member. The role that goes with the group goes too."""
    members = work.of(ClientMember, EVERYTHING)
    member = await members.get(client_id=place.client.id, user_id=user.id)
    if member is None:
        return False
    await members.remove(id=member.id)
    work.emit(_client_event(EventName.CLIENT_CHANGED, place, actor, user))
    if member.group in _ROLES:
        assignments = work.of(RoleAssignment, in_project(place.project.id))
        role_id = _ROLES[member.group].id
        for assignment in await assignments.find(user_id=user.id, role_id=role_id, object_id=place.project.id):
            await assignments.remove(id=assignment.id)
            work.emit(_role_event(EventName.ROLE_WITHDRAWN, assignment, actor))
    return True


async def _view(work: UnitOfWork, place: Place) -> ClientView:
    names = {place.application.id: place.application.name, place.project.id: place.project.name}
    return (await _shown(work, place.organization, [place.client], names))[0]


async def _views(work: UnitOfWork, organization: Organization) -> list[ClientView]:
    scope = in_organization(organization.id)
    clients = await work.of(Client, scope).find()
    names = {item.id: item.name for item in await work.of(Application, scope).find()}
    names |= {item.id: item.name for item in await work.of(Project, scope).find()}
    views = await _shown(work, organization, clients, names)
    return sorted(views, key=lambda view: (view.application, view.client))


async def _shown(
    work: UnitOfWork, organization: Organization, clients: Sequence[Client], names: Mapping[str, str]
) -> list[ClientView]:
    """``names`` has those of applications and projects, by id."""
    ids = [client.id for client in clients]
    members = await work.of(ClientMember, EVERYTHING).find(client_id=ids, order=("id",))
    users = await work.of(User, EVERYTHING).find(id={member.user_id for member in members})
    emails = {user.id: user.email for user in users}
    of_client: dict[str, list[tuple[str, ClientGroup]]] = {client_id: [] for client_id in ids}
    for member in members:
        of_client[member.client_id].append((emails[member.user_id], member.group))
    return [
        ClientView(
            organization=organization.name,
            application=names[client.application_id],
            client=client.name,
            project=names[client.project_id],
            members=tuple(of_client[client.id]),
        )
        for client in clients
    ]


def _id_of(actor: Actor | None) -> str | None:
    return None if actor is None else actor.user_id


def _client_event(name: EventName, place: Place, actor: Actor | None, user: User | None = None) -> Event:
    tags = (f"project:{place.project.id}", *([] if user is None else [f"user:{user.id}"]))
    return Event(name, place.client.id, tags, _id_of(actor), place.project.id)


def _role_event(name: EventName, assignment: RoleAssignment, actor: Actor | None) -> Event:
    return Event(name, assignment.id, (f"user:{assignment.user_id}",), _id_of(actor), assignment.project_id)
