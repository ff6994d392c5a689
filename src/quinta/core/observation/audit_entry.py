"""What an entry of the audit trail is, and how entries hang together (decision 0024)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime

REFUSED = "access.refused"
"""The action of a refusal."""
LOGGED_IN, LOGGED_OUT = "auth.login", "auth.logout"
"""The actions of sessions of the quarantine (contract dq0 4.2). Every other one is the name of an event
(core.events.EventName)."""
SYSTEM = "system"
"""The actor where the server itself did something, or an operator at its command line."""
ANONYMOUS = "anonymous"
"""The actor of a refusal when nobody knows who called."""
BEGINNING = "0" * 64
"""What the first entry has as ``previous``."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One state change, or one refusal. Names are those of that moment; ``actor`` is an e-mail, SYSTEM or ANONYMOUS.

    ``sequence`` counts from 1 without gaps, ``previous`` is the digest of the entry before, and ``digest`` is
    ``digest_of`` this one. No foreign keys: an entry outlives what it is about.
    """

    sequence: int
    time: datetime
    actor_id: str | None
    actor: str
    action: str
    subject_id: str | None
    subject: str | None
    project_id: str | None
    organization_id: str | None
    description: str
    previous: str
    digest: str


@dataclass(frozen=True, slots=True)
class AuditNote:
    """What a unit of work writes into the trail beside its events: a refusal. The store does the rest."""

    actor_id: str | None
    actor: str
    action: str
    description: str
    project_id: str | None = None
    organization_id: str | None = None


_DIGESTED = tuple(field.name for field in fields(AuditEntry) if field.name != "digest")


def digest_of(entry: AuditEntry) -> str:
    """SHA-256, in 64 hexadecimal digits, of every other member as canonical JSON: sorted names, no spaces, ASCII, the
    moment in UTC with microseconds."""
    members = {name: getattr(entry, name) for name in _DIGESTED}
    members["time"] = entry.time.astimezone(UTC).isoformat(timespec="microseconds")
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()
