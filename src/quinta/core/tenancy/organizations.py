"""Organizations: making one, and seeing those one belongs to (contract ubiops 2 and 6.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from quinta.core.access.decide import organization_for, organizations_of
from quinta.core.access.model import Actor
from quinta.core.errors import AlreadyExists, InvalidInput
from quinta.core.events import Event, EventName
from quinta.core.names import check_name
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization
from quinta.core.tenancy.model import Membership, Organization, OrganizationStatus, Subscription
from quinta.kit.clock import Clock
from quinta.kit.ids import new_id

_FREE = "free"
_FREE_LASTS = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class NewOrganization:
    name: str
    subscription: str
    subscription_agreed: bool
    subscription_end_date: date | None = None


@dataclass(frozen=True, slots=True)
class OrganizationView:
    """An organization with the name of its plan."""

    organization: Organization
    subscription: str


class Organizations:
    """Use cases about organizations."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, actor: Actor, new: NewOrganization) -> Organization:
        """Makes an organization; who makes it is its administrator."""
        check_name(new.name, "an organization")
        if not new.subscription_agreed:
            raise InvalidInput("subscription_agreed must be true", field="subscription_agreed")
        async with self._store.begin() as work:
            if await work.of(Organization, EVERYTHING).get(name=new.name) is not None:
                raise AlreadyExists(f"an organization named '{new.name}' exists already", field="name")
            plan = await work.of(Subscription, EVERYTHING).get(name=new.subscription)
            if plan is None or (plan.hidden and not actor.is_staff):
                raise InvalidInput(f"there is no subscription named '{new.subscription}'", field="subscription")
            organization = Organization(
                id=new_id(),
                name=new.name,
                status=OrganizationStatus.ACTIVE,
                subscription_id=plan.id,
                subscription_end_date=self._end_date(new),
                created_at=self._clock.now(),
            )
            await work.of(Organization, EVERYTHING).add(organization)
            membership = Membership(new_id(), organization.id, actor.user_id, is_admin=True)
            await work.of(Membership, in_organization(organization.id)).add(membership)
            tags = (f"organization:{organization.id}", f"user:{actor.user_id}")
            work.emit(Event(EventName.ORGANIZATION_CREATED, organization.id, tags, actor_id=actor.user_id))
        return organization

    async def list(self, actor: Actor) -> list[Organization]:
        async with self._store.read() as work:
            return await organizations_of(work, actor)

    async def get(self, actor: Actor, name: str) -> OrganizationView:
        async with self._store.read() as work:
            organization = await organization_for(work, actor, name)
            return OrganizationView(organization, await _plan_name(work, organization))

    def _end_date(self, new: NewOrganization) -> date | None:
        today = self._clock.now().date()
        if new.subscription == _FREE:
            if new.subscription_end_date is not None:
                raise InvalidInput(
                    "the subscription 'free' always lasts a year and takes no end date", field="subscription_end_date"
                )
            return today + _FREE_LASTS
        if new.subscription_end_date is not None and new.subscription_end_date <= today:
            raise InvalidInput("subscription_end_date must lie in the future", field="subscription_end_date")
        return new.subscription_end_date


async def _plan_name(work: UnitOfWork, organization: Organization) -> str:
    plan = await work.of(Subscription, EVERYTHING).get(id=organization.subscription_id)
    return "" if plan is None else plan.name
