"""Who there is: users, organizations, membership, subscriptions, projects, keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from quinta.core.access.model import KeyPermission


@dataclass(frozen=True, slots=True)
class User:
    """A person's account, or a service user: one with a ``project_id``, which acts within that project only.

    ``password_hash`` is argon2's own encoding; None means no password sign-in. ``number`` is a person's small integer,
    never given again. An account that is not active waits for confirmation, or was ``disabled_at`` some moment.
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
    number: int | None = None
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UserProfile:
    """What a person tells others of themselves (contract dq0 4.2); ``avatar`` is base64 of a picture."""

    id: str
    user_id: str
    name: str
    public_email: str
    avatar: str
    company: str
    location: str
    website: str


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


class OrganizationGroup(StrEnum):
    """What a member is to an organization's clients (contract vbrain 7)."""

    ADMINISTRATOR = "administrador"
    MANAGER = "gerente"
    SENIOR_DEVELOPER = "desenvolvedor_senior"
    DEVELOPER = "desenvolvedor"


@dataclass(frozen=True, slots=True)
class Membership:
    """A user's place in an organization. Who has ``is_admin`` is its administrator, whatever ``rank`` says."""

    id: str
    organization_id: str
    user_id: str
    is_admin: bool
    rank: OrganizationGroup = OrganizationGroup.DEVELOPER

    @property
    def group(self) -> OrganizationGroup:
        return OrganizationGroup.ADMINISTRATOR if self.is_admin else self.rank


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
    ``title`` is its name where a dialect lets people write one freely, None where that is ``name`` itself. ``config``
    is the JSON text of an object (contract versiontwo 5.6); ``updated_at`` is when title or config was last changed.
    ``experiment_id`` is the experiment that its runs go to.
    """

    id: str
    organization_id: str
    name: str
    created_at: datetime
    variables_changed_at: datetime | None = None
    title: str | None = None
    config: str = "{}"
    updated_at: datetime | None = None
    workspace_id: str | None = None
    experiment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Workspace:
    """A shelf for projects of an organization (contract versiontwo 5.2). ``config`` is the JSON text of an object."""

    id: str
    organization_id: str
    name: str
    config: str
    created_at: datetime
    updated_at: datetime


class ClientGroup(StrEnum):
    """What a user is to one client (contract vbrain 7)."""

    LEADER = "lider"
    DEVELOPER = "desenvolvedor"
    STAKEHOLDER = "stakeholder"


@dataclass(frozen=True, slots=True)
class Client:
    """A project as those see it who use one application of its organization in it (contract vbrain 2).

    ``name`` is any text that fits into a header, unique within the application; the project has a name of its own.
    """

    id: str
    organization_id: str
    application_id: str
    project_id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ClientMember:
    """A user's group in a client."""

    id: str
    client_id: str
    user_id: str
    group: ClientGroup


class GroupLevel(StrEnum):
    """What a user is to a group, lowest first; each may do what those before it may (contract brainstem 10)."""

    MEMBER = "member"
    CONTRIBUTOR = "contributor"
    MANAGER = "manager"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Group:
    """People who share things across organizations: data records (contract brainstem 10), later datasets.

    ``number`` is its id where a dialect shows small integers; it is never given again. ``name`` is unique.
    """

    id: str
    number: int
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A user's level in a group."""

    id: str
    group_id: str
    user_id: str
    level: GroupLevel


class PendingKind(StrEnum):
    """Who has to say yes: the user who was invited, or the group that was asked."""

    INVITATION = "invitation"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class PendingMember:
    """A place in a group that somebody has yet to say yes to; at most one for a user and a group."""

    id: str
    group_id: str
    user_id: str
    kind: PendingKind
    level: GroupLevel
    created_at: datetime


class KeyKind(StrEnum):
    """What a key is for. A refresh key opens nothing by itself; a spent one was exchanged, and is kept to be known when
    it comes again."""

    API = "api"
    SESSION = "session"
    REFRESH = "refresh"
    SPENT = "spent"


SIGNED_IN = frozenset({KeyKind.SESSION, KeyKind.REFRESH, KeyKind.SPENT})
"""Kinds of keys that came of a password, and end when it changes."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A secret that stands for a user. Only ``digest``, the SHA-256 of the secret in hexadecimal, is kept.

    ``sealed`` is the secret itself, encrypted (core.ports.Secrets), for the one key of a user that a sign-in answers
    again each time (contract brainstem 4.1); else None.
    ``prefix`` is its first characters, for people to tell keys apart, where it was kept.
    """

    id: str
    user_id: str
    name: str
    kind: KeyKind
    digest: str
    created_at: datetime
    expires_at: datetime | None
    sealed: str | None = None
    permissions: tuple[KeyPermission, ...] = (KeyPermission.ALL,)
    prefix: str | None = None
    last_used_at: datetime | None = None
