"""Organizations: making one, seeing those one belongs to, changing name and plan (contract ubiops 2 and 6.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from quinta.core.access.decide import organization_for, organizations_of, require_person, require_staff
from quinta.core.access.model import Actor
from quinta.core.errors import AlreadyExists, InvalidInput
from quinta.core.events import Event, EventName
from quinta.core.names import check_name
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization
from quinta.core.tenancy.members import membership_changed
from quinta.core.tenancy.model import Membership, Organization, OrganizationStatus, Subscription, SubscriptionPeriod
from quinta.core.unset import UNSET, Unset
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
class OrganizationChange:
    """Members that are None (for the date: UNSET) stay. ``subscription_end_date`` None removes the date."""

    name: str | None = None
    subscription: str | None = None
    subscription_agreed: bool | None = None
    subscription_end_date: date | Unset | None = UNSET

    @property
    def is_about_plan(self) -> bool:
        agreed = self.subscription_agreed is not None
        return agreed or self.subscription is not None or self.subscription_end_date is not UNSET


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
        require_person(actor)
        check_name(new.name, "an organization")
        if not new.subscription_agreed:
            raise InvalidInput("subscription_agreed must be true", field="subscription_agreed")
        async with self._store.begin() as work:
            await _require_free(work, new.name)
            plan = await _plan_named(work, actor, new.subscription)
            now = self._clock.now()
            end = end_date_of(plan, new.subscription_end_date, now.date())
            return await add_organization(work, actor, new.name, plan, now, end, agreed_by=actor.email)

    async def history(self, actor: Actor, name: str) -> list[SubscriptionPeriod]:
        """The plans that the organization has had, newest first; for its administrators."""
        async with self._store.read() as work:
            organization = await organization_for(work, actor, name, administrator=True)
            return await work.of(SubscriptionPeriod, in_organization(organization.id)).find(
                order=("-started_on", "-id")
            )

    async def list(self, actor: Actor) -> list[Organization]:
        require_person(actor)
        async with self._store.read() as work:
            return await organizations_of(work, actor)

    async def get(self, actor: Actor, name: str) -> OrganizationView:
        async with self._store.read() as work:
            organization = await organization_for(work, actor, name)
            return OrganizationView(organization, await _plan_name(work, organization))

    async def update(self, actor: Actor, name: str, change: OrganizationChange) -> OrganizationView:
        """Changes what is given: the name by an administrator of it, the plan by the server's staff only, which need
        not belong to the organization (contract ubiops 6.4). Another plan needs a new agreement to its terms."""
        async with self._store.begin() as work:
            staff_alone = change.is_about_plan and change.name is None
            organization = await organization_for(work, actor, name, administrator=True, staff=staff_alone)
            if change.is_about_plan:
                require_staff(actor)
            values: dict[str, object] = {}
            if change.name is not None and change.name != organization.name:
                check_name(change.name, "an organization")
                await _require_free(work, change.name)
                values["name"] = change.name
            values |= await self._plan_values(work, actor, organization, change)
            if values:
                await work.of(Organization, EVERYTHING).change(organization.id, **values)
                organization = replace(organization, **values)  # type: ignore[arg-type]  # own fields, set above
                work.emit(_event(EventName.ORGANIZATION_CHANGED, organization, actor))
            return OrganizationView(organization, await _plan_name(work, organization))

    async def _plan_values(
        self, work: UnitOfWork, actor: Actor, organization: Organization, change: OrganizationChange
    ) -> dict[str, object]:
        """What changes about the plan; another one is put into the history."""
        present = await work.of(Subscription, EVERYTHING).get(id=organization.subscription_id)
        plan = present
        if change.subscription is not None:
            plan = await _plan_named(work, actor, change.subscription)
        if plan is None:
            return {}
        asked = None if isinstance(change.subscription_end_date, Unset) else change.subscription_end_date
        today = self._clock.now().date()
        if plan == present:
            if change.subscription_end_date is UNSET:
                return {}
            return {"subscription_end_date": None if asked is None else end_date_of(plan, asked, today)}
        if not change.subscription_agreed:
            raise InvalidInput("subscription_agreed must be true to change the plan", field="subscription_agreed")
        await _record(work, organization, plan, today, agreed_by=actor.email, updated_by=actor.email)
        return {"subscription_id": plan.id, "subscription_end_date": end_date_of(plan, asked, today)}


async def add_organization(
    work: UnitOfWork, actor: Actor, name: str, plan: Subscription, now: datetime, end: date | None, *, agreed_by: str
) -> Organization:
    """Adds an active organization whose name and plan were checked; the actor is its administrator.

    ``end`` is when the plan ends, ``agreed_by`` the e-mail of who accepted its terms, empty where nobody was asked.
    """
    organization = Organization(new_id(), name, OrganizationStatus.ACTIVE, plan.id, end, now)
    await work.of(Organization, EVERYTHING).add(organization)
    await _record(work, organization, plan, now.date(), agreed_by=agreed_by)
    membership = Membership(new_id(), organization.id, actor.user_id, is_admin=True)
    await work.of(Membership, in_organization(organization.id)).add(membership)
    work.emit(_event(EventName.ORGANIZATION_CREATED, organization, actor))
    work.emit(membership_changed(membership, actor.user_id))
    return organization


def end_date_of(plan: Subscription, asked: date | None, today: date) -> date | None:
    """When an organization's plan ends; InvalidInput for a date that it cannot have."""
    if plan.name == _FREE:
        if asked is not None:
            raise InvalidInput(
                "the subscription 'free' always lasts a year and takes no end date", field="subscription_end_date"
            )
        return today + _FREE_LASTS
    if asked is not None and asked <= today:
        raise InvalidInput("subscription_end_date must lie in the future", field="subscription_end_date")
    return asked


async def _record(
    work: UnitOfWork,
    organization: Organization,
    plan: Subscription,
    today: date,
    *,
    agreed_by: str,
    updated_by: str = "",
) -> None:
    period = SubscriptionPeriod(new_id(), organization.id, plan.name, today, agreed_by, updated_by)
    await work.of(SubscriptionPeriod, in_organization(organization.id)).add(period)


async def _require_free(work: UnitOfWork, name: str) -> None:
    if await work.of(Organization, EVERYTHING).get(name=name) is not None:
        raise AlreadyExists(f"an organization named '{name}' exists already", field="name")


async def _plan_named(work: UnitOfWork, actor: Actor, name: str) -> Subscription:
    plan = await work.of(Subscription, EVERYTHING).get(name=name)
    if plan is None or (plan.hidden and not actor.is_staff):
        raise InvalidInput(f"there is no subscription named '{name}'", field="subscription")
    return plan


def _event(name: EventName, organization: Organization, actor: Actor) -> Event:
    return Event(name, organization.id, (f"organization:{organization.id}",), actor.user_id)


async def _plan_name(work: UnitOfWork, organization: Organization) -> str:
    plan = await work.of(Subscription, EVERYTHING).get(id=organization.subscription_id)
    return "" if plan is None else plan.name
