"""From bodies to the core's types and back, for organizations' users, subscriptions, roles and service users."""

from __future__ import annotations

from typing import Any

from quinta.core.access.assignments import AssignmentView, NewAssignment
from quinta.core.access.roles import ObjectType, Role
from quinta.core.observation.audit_entry import AuditEntry
from quinta.core.tenancy.members import MemberView
from quinta.core.tenancy.model import Subscription, SubscriptionPeriod, User
from quinta.core.tenancy.plans import NewPlan, PlanChange
from quinta.core.tenancy.resources import OrganizationResources, ProjectResources
from quinta.dialects.ubiops import answers, shapes
from quinta.dialects.ubiops.dates import microseconds, milliseconds


def member(view: MemberView) -> answers.OrganizationUserDetail:
    return answers.OrganizationUserDetail(
        id=view.id,
        email=view.email,
        name=view.name or "",
        surname=view.surname or "",
        status="pending" if view.is_pending else "active",
        admin=view.is_admin,
    )


def subscription_period(item: SubscriptionPeriod) -> answers.OrganizationSubscriptionList:
    return answers.OrganizationSubscriptionList(
        id=item.id,
        subscription=item.subscription,
        start_date=item.started_on.isoformat(),
        subscription_agreement_user=_short(item.agreed_by),
        subscription_update_user=_short(item.updated_by),
    )


def project_resources(counts: ProjectResources) -> answers.ProjectResourceUsage:
    return answers.ProjectResourceUsage(**_within(counts))


def resources(counts: OrganizationResources) -> answers.ResourceUsage:
    return answers.ResourceUsage(projects=counts.projects, users=counts.users, **_within(counts.within))


def new_plan(body: shapes.SubscriptionCreate) -> NewPlan:
    return NewPlan(**body.model_dump(exclude_unset=True))


def plan_change(body: shapes.SubscriptionUpdate) -> PlanChange:
    return PlanChange(**body.model_dump(exclude_unset=True))


def subscription_name(item: Subscription) -> answers.SubscriptionList:
    return answers.SubscriptionList(id=item.id, name=item.name)


def subscription(item: Subscription) -> answers.SubscriptionDetail:
    return answers.SubscriptionDetail(
        id=item.id,
        name=item.name,
        max_projects=item.max_projects,
        max_users=item.max_users,
        gb_seconds=item.gb_seconds,
        resources=item.resources,
        agreement=item.agreement,
        terms_conditions=item.terms_conditions,
    )


def role_name(item: Role) -> answers.RoleList:
    return answers.RoleList(id=item.id, name=item.name, default=item.is_default)


def role(item: Role) -> answers.RoleDetailList:
    return answers.RoleDetailList(
        id=item.id, name=item.name, default=item.is_default, permissions=[str(name) for name in item.permissions]
    )


def new_assignment(body: shapes.RoleAssignmentCreate) -> NewAssignment:
    object_type = None if body.object_type is None else ObjectType(body.object_type)
    return NewAssignment(body.user_id, body.role, body.object_name, object_type)


def assignment(view: AssignmentView) -> answers.RoleAssignmentList:
    item = view.assignment
    return answers.RoleAssignmentList(
        id=item.id, user_id=item.user_id, role=view.role, object_name=view.object_name, object_type=item.object_type
    )


def service_user(item: User) -> answers.ServiceUserList:
    return answers.ServiceUserList(**_service_user(item))


def service_user_with_token(item: User, token: str) -> answers.ServiceUserDetail:
    return answers.ServiceUserDetail(**_service_user(item), token=token)


def _service_user(item: User) -> dict[str, Any]:
    return {
        "id": item.id,
        "email": item.email,
        "name": item.name,
        "creation_date": milliseconds(item.created_at),
    }


def audit_entry(entry: AuditEntry) -> answers.AuditEntryList:
    return answers.AuditEntryList(
        sequence=entry.sequence,
        time=microseconds(entry.time),
        actor=entry.actor,
        action=entry.action,
        subject_id=entry.subject_id,
        subject=entry.subject,
        description=entry.description,
        digest=entry.digest,
    )


def _short(email: str) -> str:
    """128 characters: a longer one makes the client raise (contract ubiops 3.1)."""
    return email[:128]


def _within(counts: ProjectResources) -> dict[str, int]:
    return {
        "models": counts.models,
        "versions": counts.versions,
        "connectors": counts.connectors,
        "pipelines": counts.pipelines,
    }
