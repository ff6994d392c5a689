"""The sentence of an entry of the audit trail: past tense, names in quotes, never anything of a call's body."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from quinta.core.events import EventName

MOST_CHARACTERS = 120
"""Of a name in a sentence: a file name may have 255 bytes."""

_PHRASES: Mapping[EventName, str] = MappingProxyType(
    {
        EventName.BUDGET_CHANGED: "changed the budget of dataset",
        EventName.BUILD_ENDED: "ended the build of version",
        EventName.BUILD_REQUESTED: "requested a build of version",
        EventName.CHARGE_RESERVED: "reserved budget of dataset",
        EventName.CHARGE_RETURNED: "returned budget of dataset",
        EventName.CHARGE_SETTLED: "spent budget of dataset",
        EventName.DATA_JOB_CANCELLED: "cancelled job",
        EventName.DATA_JOB_CREATED: "created job",
        EventName.DATA_JOB_KILLED: "killed job",
        EventName.DEPLOYMENT_ROLLED_BACK: "rolled back deployment",
        EventName.GRANT_CHANGED: "changed the levels of role",
        EventName.INVITATION_CHANGED: "changed the invitation of",
        EventName.KEY_REVOKED: "replaced the key of",
        EventName.MASK_CHANGED: "changed the masks of dataset",
        EventName.MEMBERSHIP_CHANGED: "changed the membership of",
        EventName.PLATFORM_ROLE_CHANGED: "changed role",
        EventName.PLATFORM_ROLE_CREATED: "created role",
        EventName.PLATFORM_ROLE_DELETED: "deleted role",
        EventName.PLATFORM_ROLE_GIVEN: "gave role",
        EventName.PLATFORM_ROLE_WITHDRAWN: "withdrew role",
        EventName.PROFILE_CHANGED: "changed the profile of",
        EventName.REQUESTS_CREATED: "created requests to",
        EventName.REQUESTS_DELETED: "deleted requests to",
        EventName.ROLE_ASSIGNED: "gave a role to",
        EventName.ROLE_WITHDRAWN: "withdrew a role of",
        EventName.THRESHOLD_CHANGED: "changed the thresholds of dataset",
        EventName.VERIFICATION_REQUESTED: "requested a look at",
    }
)
"""Where the noun and the verb of the event's name make no sentence by themselves."""


def sentence(actor: str, name: EventName, subject: str | None, subject_id: str, project: str | None) -> str:
    """Such as ``ada@example.com created model 'double' in project 'demo'``. A subject whose name nobody knows any more
    is told by its id."""
    what = f"(id {subject_id})" if subject is None else quoted(subject)
    noun, _, verb = name.value.partition(".")
    phrase = _PHRASES.get(name) or f"{verb} {noun.replace('_', ' ')}"
    where = f" in project {quoted(project)}" if project is not None and noun != "project" else ""
    return f"{actor} {phrase} {what}{where}"


def quoted(name: str) -> str:
    """A name in quotes, on one line whatever is in it."""
    shown = name if len(name) <= MOST_CHARACTERS else f"{name[:MOST_CHARACTERS]}…"
    return "'" + "".join(character if character.isprintable() else "\ufffd" for character in shown) + "'"
