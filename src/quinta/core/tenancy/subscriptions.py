"""Plans, and the limits they set (contract ubiops 9.2)."""

from __future__ import annotations

from quinta.core.errors import LimitReached
from quinta.core.ports import Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_organization
from quinta.core.tenancy.model import Organization, Project, Subscription
from quinta.core.tenancy.resources import count_within
from quinta.core.tenancy.turns import take_turn
from quinta.kit.ids import new_id

_SEEDS = (
    # name, projects, users, days of logs, GB-seconds, resources: contract ubiops 9.2, decision
    ("free", 1, 2, 7, 10_000, 10),
    ("starter", 3, 5, 14, 100_000, 25),
    ("professional", 10, 25, 28, 1_000_000, 100),
)


async def seed_subscriptions(store: Store) -> None:
    """Makes the three plans every server starts with, where they are missing."""
    async with store.begin() as work:
        plans = work.of(Subscription, EVERYTHING)
        for name, projects, users, days, gb_seconds, resources in _SEEDS:
            if await plans.get(name=name) is None:
                await plans.add(
                    Subscription(
                        id=new_id(),
                        name=name,
                        max_projects=projects,
                        max_users=users,
                        logs_retention_days=days,
                        gb_seconds=gb_seconds,
                        resources=resources,
                        agreement="",
                        terms_conditions="",
                        hidden=False,
                    )
                )


async def require_room_for_project(work: UnitOfWork, organization: Organization) -> None:
    """LimitReached when the organization has as many projects as its plan allows."""
    await take_turn(work, organization.id)
    plan = await _plan(work, organization.subscription_id)
    count = await work.of(Project, in_organization(organization.id)).count()
    if plan is not None and plan.max_projects is not None and count >= plan.max_projects:
        raise LimitReached(
            f"the subscription '{plan.name}' of organization '{organization.name}' allows {plan.max_projects} "
            f"projects, and there are {count}: delete one or change the subscription"
        )


async def require_room_for_resource(work: UnitOfWork, project: Project) -> None:
    """LimitReached when model versions, connectors and pipelines are as many as the plan allows."""
    organization = await work.of(Organization, EVERYTHING).get(id=project.organization_id)
    plan = None if organization is None else await _plan(work, organization.subscription_id)
    if organization is None or plan is None or plan.resources is None:
        return
    await take_turn(work, organization.id)
    projects = await work.of(Project, in_organization(organization.id)).find()
    found = await count_within(work, [item.id for item in projects])
    count = found.versions + found.connectors + found.pipelines
    if count >= plan.resources:
        raise LimitReached(
            f"the subscription '{plan.name}' of organization '{organization.name}' allows {plan.resources} "
            f"model versions, connectors and pipelines together, and there are {count}"
        )


async def _plan(work: UnitOfWork, subscription_id: str) -> Subscription | None:
    return await work.of(Subscription, EVERYTHING).get(id=subscription_id)
