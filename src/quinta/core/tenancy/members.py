"""The users of an organization: members, and those invited who have no account yet (contract ubiops 2, 6.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from quinta.core.access.decide import organization_for
from quinta.core.access.model import Actor
from quinta.core.access.roles import RoleAssignment
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound
from quinta.core.events import Event, EventName
from quinta.core.names import check_email
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization, of_user
from quinta.core.tenancy.model import Client, ClientMember, Invitation, Membership, Organization, Project, User
from quinta.core.tenancy.places import require_another_administrator, require_room_for_user
from quinta.kit.ids import new_id, parse_id


@dataclass(frozen=True, slots=True)
class MemberView:
    """A place in an organization. ``id`` is the user's; while the place waits for an account, the invitation's."""

    id: str
    email: str
    name: str | None
    surname: str | None
    is_admin: bool
    is_pending: bool


class Members:
    """Use cases about the users of an organization. All but ``find`` are for its administrators."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, actor: Actor, organization_name: str) -> list[MemberView]:
        """Members, then invitations, each in the order they came; for any member (contract ubiops 10.25)."""
        async with self._store.read() as work:
            organization = await organization_for(work, actor, organization_name)
            scope = in_organization(organization.id)
            memberships = await work.of(Membership, scope).find(order=("id",))
            invitations = await work.of(Invitation, scope).find(order=("id",))
            found = await work.of(User, EVERYTHING).find(id=[item.user_id for item in memberships])
        users = {user.id: user for user in found}
        members = [_member(users[item.user_id], item) for item in memberships]
        return members + [_invited(item) for item in invitations]

    async def create(self, actor: Actor, organization_name: str, email: str, *, admin: bool) -> MemberView:
        """Gives the owner of an address a place: at once if there is an account, else when it is made.

        AlreadyExists when the address has a place; LimitReached when the plan allows no more.
        """
        async with self._store.begin() as work:
            organization = await organization_for(work, actor, organization_name, administrator=True)
            email = check_email(email)
            await require_room_for_user(work, organization)
            user = await work.of(User, EVERYTHING).get(email=email)
            if user is not None and user.project_id is not None:
                raise InvalidInput("a service user belongs to its project and joins no organization", field="email")
            if user is None:
                return await self._invite(work, actor, organization, email, admin=admin)
            if await work.of(Membership, of_user(user.id)).get(organization_id=organization.id) is not None:
                raise AlreadyExists(f"'{email}' belongs to organization '{organization.name}' already", field="email")
            # An invitation may wait for an address that an account has taken since by a change.
            await work.of(Invitation, in_organization(organization.id)).remove(email=email)
            membership = Membership(new_id(), organization.id, user.id, admin)
            await work.of(Membership, in_organization(organization.id)).add(membership)
            work.emit(membership_changed(membership, actor.user_id))
            return _member(user, membership)

    async def get(self, actor: Actor, organization_name: str, member_id: str) -> MemberView:
        async with self._store.read() as work:
            organization = await organization_for(work, actor, organization_name, administrator=True)
            place = await _place(work, organization, member_id)
            if isinstance(place, Invitation):
                return _invited(place)
            return _member(await _user(work, place), place)

    async def update(self, actor: Actor, organization_name: str, member_id: str, *, admin: bool | None) -> MemberView:
        """Makes an administrator, or takes it back; StateConflict for the last one. None changes nothing."""
        async with self._store.begin() as work:
            organization = await organization_for(work, actor, organization_name, administrator=True)
            place = await _place(work, organization, member_id)
            if admin is not None and admin != place.is_admin:
                if isinstance(place, Membership):
                    await require_another_administrator(work, place)
                    work.emit(membership_changed(place, actor.user_id))
                else:
                    work.emit(_invitation_changed(place, actor))
                await work.of(type(place), in_organization(organization.id)).change(place.id, is_admin=admin)
                place = replace(place, is_admin=admin)
            if isinstance(place, Invitation):
                return _invited(place)
            return _member(await _user(work, place), place)

    async def delete(self, actor: Actor, organization_name: str, member_id: str) -> None:
        """Takes the place away, with every role in the organization's projects and clients; StateConflict for the last
        administrator (contract ubiops 3.4)."""
        async with self._store.begin() as work:
            organization = await organization_for(work, actor, organization_name, administrator=True)
            place = await _place(work, organization, member_id)
            if isinstance(place, Membership):
                await require_another_administrator(work, place)
                projects = await work.of(Project, in_organization(organization.id)).find()
                ids = [project.id for project in projects]
                await work.of(RoleAssignment, of_user(place.user_id)).remove(project_id=ids)
                clients = await work.of(Client, in_organization(organization.id)).find()
                await work.of(ClientMember, of_user(place.user_id)).remove(client_id=[item.id for item in clients])
                work.emit(membership_changed(place, actor.user_id))
            else:
                work.emit(_invitation_changed(place, actor))
            await work.of(type(place), in_organization(organization.id)).remove(id=place.id)

    async def _invite(
        self, work: UnitOfWork, actor: Actor, organization: Organization, email: str, *, admin: bool
    ) -> MemberView:
        invitations = work.of(Invitation, in_organization(organization.id))
        if await invitations.get(email=email) is not None:
            raise AlreadyExists(f"'{email}' is invited to organization '{organization.name}' already", field="email")
        invitation = Invitation(new_id(), organization.id, email, admin)
        await invitations.add(invitation)
        work.emit(_invitation_changed(invitation, actor))
        return _invited(invitation)


async def join_where_invited(work: UnitOfWork, user: User) -> None:
    """Makes memberships of the invitations to the address of an account that has just been made."""
    invitations = await work.of(Invitation, EVERYTHING).find(email=user.email)
    for invitation in invitations:
        membership = Membership(new_id(), invitation.organization_id, user.id, invitation.is_admin)
        await work.of(Membership, in_organization(invitation.organization_id)).add(membership)
        work.emit(membership_changed(membership, user.id))
    if invitations:
        await work.of(Invitation, EVERYTHING).remove(email=user.email)


def membership_changed(membership: Membership, actor_id: str | None) -> Event:
    return Event(EventName.MEMBERSHIP_CHANGED, membership.id, (f"user:{membership.user_id}",), actor_id)


def _invitation_changed(invitation: Invitation, actor: Actor) -> Event:
    return Event(EventName.INVITATION_CHANGED, invitation.id, (), actor.user_id)


async def _place(work: UnitOfWork, organization: Organization, member_id: str) -> Membership | Invitation:
    known = parse_id(member_id)
    scope = in_organization(organization.id)
    if known is not None:
        membership = await work.of(Membership, scope).get(user_id=known)
        place = membership or await work.of(Invitation, scope).get(id=known)
        if place is not None:
            return place
    raise NotFound(f"there is no user with the id '{member_id[:80]}' in organization '{organization.name}'")


async def _user(work: UnitOfWork, membership: Membership) -> User:
    user = await work.of(User, EVERYTHING).get(id=membership.user_id)
    if user is None:
        raise NotFound(f"there is no user with the id '{membership.user_id}'")
    return user


def _member(user: User, membership: Membership) -> MemberView:
    """An account that waits for confirmation is pending like one that is not there yet."""
    return MemberView(user.id, user.email, user.name, user.surname, membership.is_admin, not user.is_active)


def _invited(invitation: Invitation) -> MemberView:
    return MemberView(invitation.id, invitation.email, None, None, invitation.is_admin, is_pending=True)
