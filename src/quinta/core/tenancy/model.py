"""Who there is: users, organizations, membership, subscriptions, projects, keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class User:
    """A person's account. ``password_hash`` is argon2's own encoding; None means no password sign-in."""

    id: str
    email: str
    name: str | None
    surname: str | None
    password_hash: str | None
    is_staff: bool
    is_active: bool
    created_at: datetime


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


class NoticeKind(StrEnum):
    """What is said about a plan's compute limit."""

    WARNING = "warning"
    REACHED = "reached"


@dataclass(frozen=True, slots=True)
class ComputeNotice:
    """That an organization came near its compute limit, or reached it, in the month whose first day is ``month``.

    One for each kind, month and limit (``gb_seconds``), so that it is said once.
    """

    id: str
    organization_id: str
    month: date
    gb_seconds: int
    kind: NoticeKind
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """A user's place in an organization."""

    id: str
    organization_id: str
    user_id: str
    is_admin: bool


@dataclass(frozen=True, slots=True)
class Project:
    """A name space for models, files and logs within an organization; names are unique over the whole server."""

    id: str
    organization_id: str
    name: str
    created_at: datetime


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
