"""What callers do, by name, and the least level that a role needs for it (contract dq0 4.3, 5.6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from quinta.core.access.grants import level_of, set_grant
from quinta.core.access.levels import require_administrator, roles_of
from quinta.core.access.model import Actor
from quinta.core.access.platform_roles import BaseRole, GrantKind, PermissionLevel, PlatformRole, RoleGrant
from quinta.core.access.references import Reference, role_of
from quinta.core.errors import InvalidInput, NotFound, NotPermitted
from quinta.core.ports import Store
from quinta.core.scope import EVERYTHING
from quinta.kit.clock import Clock

_OPERATIONS = {
    "Action": ("List", "PermissionSet"),
    "Artifact": ("Download", "TreeStructure"),
    "Audit": ("List",),
    "Auth": ("Login", "Logout", "Register", "Session"),
    "Commit": ("Content", "Info", "List", "Run", "Transform"),
    "Data": ("Create", "Delete", "Get", "GetSample", "List", "Patch", "PermissionSet"),
    "Device": ("Version",),
    "Experiment": ("Create", "Delete", "Info", "List", "Restore", "Update"),
    "Group": ("AddRole", "Create", "Delete", "Get", "List", "Patch", "RemoveRole"),
    "Job": ("Cancel", "Info", "List"),
    "Model": ("Content", "Info", "List", "Patch", "Predict", "Register", "Unregister"),
    "PrivacyBudget": ("List", "SetPermission"),
    "PrivacyMask": ("List", "SetPermission"),
    "PrivacyThreshold": ("List", "SetPermission"),
    "Project": ("Attach", "Create", "Deploy", "Detach", "Info", "List", "SetExperimentName", "SetPermission", "Unlink"),
    "Proxies": ("Current",),
    "Proxy": ("Activate", "Create", "Delete", "Get", "List"),
    "Query": ("Cancel", "Create", "Info", "List"),
    "Role": ("AddGroup", "Create", "Delete", "Get", "List", "Patch", "RemoveGroup", "SetPermission"),
    "Run": ("Create", "Delete", "GetMetricHistory", "Info", "List", "Restore"),
    "User": (
        "AddGroup",
        "AddRole",
        "Delete",
        "Get",
        "List",
        "Login",
        "Logout",
        "ProfileCurrent",
        "ProfileGet",
        "ProfileUpdate",
        "Register",
        "RemoveGroup",
        "RemoveRole",
        "Session",
        "Update",
    ),
}
ACTIONS = tuple(subject + verb for subject, verbs in _OPERATIONS.items() for verb in verbs)
"""The 99 operations of contract dq0 4.2 and 4.3. An action's number is its place here, from 1: new ones go to the end.
"""
NUMBERS = MappingProxyType({name: number for number, name in enumerate(ACTIONS, 1)})


@dataclass(frozen=True, slots=True)
class Action:
    """``name`` is the operation's; ``needs`` the least levels by the names of the roles that one was set for."""

    number: int
    name: str
    needs: Mapping[str, PermissionLevel]


class Actions:
    """Use cases about actions. A role may do an action if its own level is at least what was set for it there, 0 where
    nothing was; who has several roles may do what one of them may, and who has none is bound by nothing here. To the
    role admin nothing is closed: nobody could open it again.

    This comes on top of what core.access.levels asks for, and gives nothing. What is done before a session is there,
    and what gateways do by themselves, is not asked about.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, actor: Actor) -> list[Action]:
        """All, by number; for administrators."""
        async with self._store.read() as work:
            await require_administrator(work, actor)
            grants = await work.of(RoleGrant, EVERYTHING).find(kind=GrantKind.ACTION)
            roles = await work.of(PlatformRole, EVERYTHING).find(id={grant.role_id for grant in grants})
        names = {role.id: role.name for role in roles}
        needs: dict[str, dict[str, PermissionLevel]] = {name: {} for name in ACTIONS}
        for grant in grants:
            needs[grant.object_id][names[grant.role_id]] = PermissionLevel(grant.level)
        return [Action(NUMBERS[name], name, needs[name]) for name in ACTIONS]

    async def set_permission(self, actor: Actor, action: Reference, role: Reference, level: int) -> None:
        """Sets the least level that the role needs for the action; for administrators.

        InvalidInput: no such level (``permission``), nothing said of action or role, or two different ones; NotFound:
        none of that name.
        """
        wanted = level_of(level)
        name = _action(action)
        async with self._store.begin() as work:
            await require_administrator(work, actor)
            found = await role_of(work, role)
            await set_grant(work, self._clock, actor, found, GrantKind.ACTION, name, wanted)

    async def require(self, actor: Actor, name: str) -> None:
        """NotPermitted where none of the actor's roles may do the action. ``name`` is one of ACTIONS."""
        async with self._store.read() as work:
            needs = await work.of(RoleGrant, EVERYTHING).find(kind=GrantKind.ACTION, object_id=name)
            roles = await roles_of(work, actor) if needs else []
        least = {grant.role_id: grant.level for grant in needs}
        if roles and all(role.level < least.get(role.id, 0) and role.name != BaseRole.ADMIN for role in roles):
            raise NotPermitted(f"an administrator has closed the action {name} to your roles")


def _action(action: Reference) -> str:
    if not action.number and not action.name:
        raise InvalidInput("say which action: action_id or action is needed", field="action")
    known = NUMBERS.get(action.name or "")
    if action.name and known is None:
        raise NotFound(f"there is no action '{action.name[:80]}': they are named like the operations, as RunCreate")
    number = action.number or known or 0
    if not 1 <= number <= len(ACTIONS):
        raise NotFound(f"there is no action number {number}")
    if known is not None and known != number:
        raise InvalidInput("action_id and action are of two different actions", field="action")
    return ACTIONS[number - 1]
