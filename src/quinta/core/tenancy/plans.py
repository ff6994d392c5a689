"""Subscriptions, which the server's staff makes and changes (contract ubiops 2, 9.2)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from quinta.core.access.decide import require_staff
from quinta.core.access.model import Actor
from quinta.core.errors import AlreadyExists, InvalidInput, NotFound, StateConflict
from quinta.core.events import Event, EventName
from quinta.core.names import check_name
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING
from quinta.core.tenancy.model import Organization, Subscription
from quinta.core.unset import UNSET, Unset
from quinta.kit.ids import new_id

_MOST = 2_147_483_647
"""A larger number in an answer makes the client raise (contract ubiops 9.2)."""
_LONGEST_TEXT = 1_024


@dataclass(frozen=True, slots=True)
class NewPlan:
    """``agreement`` and ``terms_conditions`` are links to documents; a ``hidden`` plan is known to staff only."""

    name: str
    max_projects: int
    max_users: int
    logs_retention_days: int
    gb_seconds: int
    resources: int
    agreement: str = ""
    terms_conditions: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class PlanChange:
    """Members that are None or UNSET stay; None where UNSET is possible means: no limit."""

    name: str | None = None
    max_projects: int | Unset | None = UNSET
    max_users: int | Unset | None = UNSET
    logs_retention_days: int | None = None
    gb_seconds: int | Unset | None = UNSET
    resources: int | Unset | None = UNSET
    agreement: str | None = None
    terms_conditions: str | None = None
    hidden: bool | None = None


class Plans:
    """Use cases about subscriptions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(self, actor: Actor, new: NewPlan) -> Subscription:
        require_staff(actor)
        plan = Subscription(id=new_id(), **{field.name: getattr(new, field.name) for field in fields(new)})
        _check(plan)
        async with self._store.begin() as work:
            await _require_free(work, plan.name)
            await work.of(Subscription, EVERYTHING).add(plan)
            work.emit(Event(EventName.SUBSCRIPTION_CREATED, plan.id, (), actor.user_id))
        return plan

    async def find(self, actor: Actor) -> list[Subscription]:
        """All plans by name; hidden ones for staff only."""
        conditions = {} if actor.is_staff else {"hidden": False}
        async with self._store.read() as work:
            return await work.of(Subscription, EVERYTHING).find(order=("name",), **conditions)

    async def get(self, actor: Actor, name: str) -> Subscription:
        async with self._store.read() as work:
            return await _plan(work, actor, name)

    async def update(self, actor: Actor, name: str, change: PlanChange) -> Subscription:
        """Changes what is given; the new limits hold at once for every organization with the plan."""
        require_staff(actor)
        async with self._store.begin() as work:
            plan = await _plan(work, actor, name)
            values = _different(plan, change)
            if not values:
                return plan
            changed = replace(plan, **values)  # type: ignore[arg-type]  # keys are the change's fields
            _check(changed)
            if changed.name != plan.name:
                await _require_free(work, changed.name)
            await work.of(Subscription, EVERYTHING).change(plan.id, **values)
            work.emit(Event(EventName.SUBSCRIPTION_CHANGED, plan.id, (), actor.user_id))
        return changed

    async def delete(self, actor: Actor, name: str) -> None:
        """Removes a plan; StateConflict while an organization has it (contract ubiops 3.4)."""
        require_staff(actor)
        async with self._store.begin() as work:
            plan = await _plan(work, actor, name)
            count = await work.of(Organization, EVERYTHING).count(subscription_id=plan.id)
            if count:
                raise StateConflict(
                    f"the subscription '{name}' is in use by {count} organizations: give them another one first"
                )
            await work.of(Subscription, EVERYTHING).remove(id=plan.id)
            work.emit(Event(EventName.SUBSCRIPTION_DELETED, plan.id, (), actor.user_id))


async def _plan(work: UnitOfWork, actor: Actor, name: str) -> Subscription:
    plan = await work.of(Subscription, EVERYTHING).get(name=name)
    if plan is None or (plan.hidden and not actor.is_staff):
        raise NotFound(f"there is no subscription named '{name}'", refusal=plan is not None)
    return plan


async def _require_free(work: UnitOfWork, name: str) -> None:
    if await work.of(Subscription, EVERYTHING).get(name=name) is not None:
        raise AlreadyExists(f"a subscription named '{name}' exists already", field="name")


_NULLABLE = ("max_projects", "max_users", "gb_seconds", "resources")
_OTHERS = ("name", "logs_retention_days", "agreement", "terms_conditions", "hidden")


def _different(plan: Subscription, change: PlanChange) -> dict[str, object]:
    given = {name: getattr(change, name) for name in _NULLABLE if getattr(change, name) is not UNSET}
    given |= {name: getattr(change, name) for name in _OTHERS if getattr(change, name) is not None}
    return {name: value for name, value in given.items() if value != getattr(plan, name)}


def _check(plan: Subscription) -> None:
    check_name(plan.name, "a subscription")
    for field in (*_NULLABLE, "logs_retention_days"):
        number = getattr(plan, field)
        least = 1 if field == "logs_retention_days" else 0
        if number is not None and not least <= number <= _MOST:
            raise InvalidInput(f"{field} must be from {least} to {_MOST}, not {number}", field=field)
    for field in ("agreement", "terms_conditions"):
        length = len(getattr(plan, field))
        if length > _LONGEST_TEXT:
            raise InvalidInput(f"{field} has {length} characters; at most {_LONGEST_TEXT} are kept", field=field)
