"""Roles over the whole server with levels, as the quarantine's users know them (contract dq0 5.6): frozen types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum


class PermissionLevel(IntEnum):
    """Each may do what those below it may. 0 says: nothing, not even to know of it."""

    NONE = 0
    LIST = 1
    USE = 2
    WRITE = 3
    MANAGE = 4


class BaseRole(StrEnum):
    """Names of the roles that are always there and cannot be renamed or deleted."""

    ADMIN = "admin"
    OWNER = "owner"
    USER = "user"


@dataclass(frozen=True, slots=True)
class PlatformRole:
    """A role. ``number`` is its small integer; ``level`` what its holders may do where nothing else is granted, a
    PermissionLevel."""

    id: str
    number: int
    name: str
    level: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RoleHolder:
    """That a user, or everybody in a group, has a role: one of the two is set. ``place`` orders a user's roles: the
    first is the one that is shown."""

    id: str
    role_id: str
    user_id: str | None
    group_id: str | None
    place: int = 0


class GrantKind(StrEnum):
    """What a level is granted on: a dataset or project by its id, an action by its name."""

    DATASET = "dataset"
    PROJECT = "project"
    ACTION = "action"


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """The PermissionLevel that a role has on one object, in place of its own. Of an action it is the least level that
    its callers need."""

    id: str
    role_id: str
    kind: GrantKind
    object_id: str
    level: int
    created_at: datetime
    updated_at: datetime
