"""What a role is, the roles every project has, and where a role may be assigned (contract ubiops 6)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from quinta.core.access.model import Permission


class ObjectType(StrEnum):
    """What a role may be assigned on (contract ubiops 6.1)."""

    PROJECT = "project"
    MODEL = "model"
    CREDENTIALS = "credentials"
    CONNECTOR = "connector"
    PIPELINE = "pipeline"


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions in a project. Default roles belong to none: their ``project_id`` is empty."""

    id: str
    project_id: str
    name: str
    permissions: tuple[Permission, ...]

    @property
    def is_default(self) -> bool:
        return not self.project_id


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """A role that a user or service user has on a project (``object_id`` is the project's then) or one object in it.

    ``role_id`` is the id of a row or of a default role, which has none.
    """

    id: str
    project_id: str
    user_id: str
    role_id: str
    object_type: ObjectType
    object_id: str


_PREFIXES = {
    ObjectType.MODEL: "models.",
    ObjectType.CREDENTIALS: "credentials.",
    ObjectType.CONNECTOR: "connectors.",
    ObjectType.PIPELINE: "pipelines.",
}
_NAMESPACE = uuid.UUID("6f1d9c1e-6c0c-5a53-9a35-3b1f6f6e0b86")
"""Ids of default roles are made from it and their names: the same on every server, for ever."""

FOR_PEOPLE = frozenset(item for item in Permission if item.startswith(("roles.", "service_users.")))
"""About roles and users: no service user may hold these (contract ubiops 6.1)."""

_VERBS = {
    "viewer": ("list", "get"),
    "editor": ("list", "get", "create", "update"),
    "admin": ("list", "get", "create", "update", "delete"),
}
_FAMILIES = {"model": "models.", "connector": "connectors.", "credentials": "credentials."}
_FAMILIES |= {"pipeline": "pipelines.", "blob": "blobs."}


def cannot_apply(permissions: Iterable[Permission], object_type: ObjectType) -> list[Permission]:
    """The permissions that mean nothing on one object of the type; all mean something on a project."""
    prefix = _PREFIXES.get(object_type, "")
    return [permission for permission in permissions if not permission.startswith(prefix)]


def _default(name: str, holds: Callable[[Permission], bool]) -> Role:
    return Role(str(uuid.uuid5(_NAMESPACE, name)), "", name, tuple(filter(holds, Permission)))


def _level(level: str, permission: Permission) -> bool:
    return permission.rpartition(".")[2] in _VERBS[level]


def _make_default_roles() -> Iterable[Role]:
    yield _default("project-admin", lambda permission: True)
    yield _default(
        "project-editor",
        lambda permission: _level("editor", permission) and permission not in {*FOR_PEOPLE, Permission.PROJECTS_UPDATE},
    )
    yield _default("project-viewer", lambda permission: _level("viewer", permission) and permission not in FOR_PEOPLE)
    yield _default("service-user-project-admin", lambda permission: permission not in FOR_PEOPLE)
    for family, prefix in _FAMILIES.items():
        for level in _VERBS:
            yield _default(
                f"{family}-{level}",
                lambda permission, prefix=prefix, level=level: (  # type: ignore[misc]  # defaults bind the loop's values
                    permission.startswith(prefix) and _level(level, permission)
                ),
            )


DEFAULT_ROLES = tuple(_make_default_roles())
"""Contract ubiops 6.3. Code, not rows: a server that is updated gives every project the new ones at once."""
DEFAULT_BY_ID = {role.id: role for role in DEFAULT_ROLES}
DEFAULT_BY_NAME = {role.name: role for role in DEFAULT_ROLES}
