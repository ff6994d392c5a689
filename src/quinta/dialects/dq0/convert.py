"""From the core's types to bodies: who there is, and what may be done."""

from __future__ import annotations

from datetime import datetime

from quinta.core.access import actions
from quinta.core.access.platform_roles import PlatformRole
from quinta.core.observation.audit_entry import AuditEntry
from quinta.core.tenancy.model import Group
from quinta.core.tenancy.people import PersonView
from quinta.core.tenancy.profiles import ProfileView
from quinta.dialects.dq0 import shapes


def seconds(moment: datetime) -> int:
    """Unix seconds, in which nearly all moments are (contract dq0 4.1)."""
    return int(moment.timestamp())


def milliseconds(moment: datetime | None) -> int:
    """Unix milliseconds, of when runs begin and end; 0 for what has not happened."""
    return 0 if moment is None else int(moment.timestamp() * 1_000)


def account_body(person: PersonView) -> shapes.Account:
    """Accounts have no moment of their last change: it is their first."""
    first = person.roles[0] if person.roles else None
    return shapes.Account(
        id=person.user.number or 0,
        email=person.user.email,
        role=0 if first is None else first.number,
        role_name="" if first is None else first.name,
        roles=[role.number for role in person.roles],
        state=person.state,
        password="",
        created_at=seconds(person.user.created_at),
        updated_at=seconds(person.user.created_at),
    )


def profile_body(view: ProfileView) -> shapes.Profile:
    profile = view.profile
    return shapes.Profile(
        user_id=view.number,
        name=profile.name,
        public_email=profile.public_email,
        avatar=profile.avatar,
        company=profile.company,
        location=profile.location,
        website=profile.website,
    )


def group_body(group: Group) -> shapes.Group:
    moment = seconds(group.created_at)
    return shapes.Group(group_id=group.number, group_name=group.name, created_at=moment, updated_at=moment)


def role_body(role: PlatformRole) -> shapes.Role:
    return shapes.Role(
        role_id=role.number,
        role_name=role.name,
        permission=role.level,
        created_at=seconds(role.created_at),
        updated_at=seconds(role.updated_at),
    )


def action_body(action: actions.Action) -> shapes.Action:
    return shapes.Action(
        action_id=action.number,
        action_name=action.name,
        action_next_page_token="",
        permissions={role: int(level) for role, level in action.needs.items()},
    )


def audit_body(entry: AuditEntry) -> shapes.Audit:
    return shapes.Audit(
        action=entry.action,
        actor=entry.actor,
        description=entry.description,
        timestamp=str(seconds(entry.time)),
    )
