"""Who there is: users, organizations, membership, subscriptions, projects, keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class User:
    """A person's account, or a service user: one with a ``project_id``, which acts within that project only.

    ``password_hash`` is argon2's own encoding; None means no password sign-in.
    """

    id: str
    email: str
    name: str | None
    surname: str | None
    password_hash: str | None
    is_staff: bool
    is_active: bool
    created_at: datetime
    project_id: str | None = None


class OrganizationStatus(StrEnum):
    """Contract ubiops 6.4."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Organization:
    """A tenant: it owns projects and has members, and one subscription sets its limits."""

    id: str
    name: str
    status: OrganizationStatus
    subscription_id: str
    subscription_end_date: date | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Subscription:
    """A plan: limits that an organization has. ``resources`` counts connectors, pipelines and model versions."""

    id: str
    name: str
    max_projects: int | None
    max_users: int | None
    logs_retention_days: int
    gb_seconds: int | None
    resources: int | None
    agreement: str
    terms_conditions: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """A user's place in an organization."""

    id: str
    organization_id: str
    user_id: str
    is_admin: bool


@dataclass(frozen=True, slots=True)
class Invitation:
    """A place kept for an address that has no account yet; it becomes a membership when the account is made."""

    id: str
    organization_id: str
    email: str
    is_admin: bool


@dataclass(frozen=True, slots=True)
class SubscriptionPeriod:
    """From when an organization had a plan, by the plan's name at that time.

    ``agreed_by`` is the e-mail of who accepted its terms, ``updated_by`` of who changed to it (empty for the first).
    """

    id: str
    organization_id: str
    subscription: str
    started_on: date
    agreed_by: str
    updated_by: str


@dataclass(frozen=True, slots=True)
class Project:
    """A name space for models, files and logs within an organization; names are unique over the whole server.

    ``variables_changed_at`` is the moment of the last change of any environment variable in it, on whatever level.
    """

    id: str
    organization_id: str
    name: str
    created_at: datetime
    variables_changed_at: datetime | None = None


class KeyKind(StrEnum):
    """What a key is for. A refresh key opens nothing by itself."""

    API = "api"
    SESSION = "session"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A secret that stands for a user. Only ``digest``, the SHA-256 of the secret in hexadecimal, is kept."""

    id: str
    user_id: str
    name: str
    kind: KeyKind
    digest: str
    created_at: datetime
    expires_at: datetime | None
