"""Reading the audit trail, and proving that nobody changed it (decision 0024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quinta.core.access.decide import project_for
from quinta.core.access.model import Actor, Permission
from quinta.core.errors import InvalidInput, NotFound
from quinta.core.observation.audit_entry import BEGINNING, AuditEntry, digest_of
from quinta.core.ports import Between, Repository, Store, UnitOfWork
from quinta.core.scope import EVERYTHING, in_project
from quinta.core.tenancy.model import Project

MOST_ENTRIES = 500
_PAGE = 1000
"""Entries that are checked at a time: about 1 MB."""


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """The newest entries that match what is given: at most ``limit``, older than the number ``before``."""

    limit: int = 50
    before: int | None = None
    action: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """How a walk along the chain ended: ``entries`` fit, and the last one of them has the digest ``head``.

    ``fault`` says what is wrong with the next one, or with the whole; None when all is well.
    """

    entries: int
    head: str
    fault: str | None = None


class AuditTrail:
    """Use cases: the owner of a project reads its entries; the server's operators read and verify all."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, actor: Actor, project_name: str, query: AuditQuery) -> list[AuditEntry]:
        """The project's entries, newest first; for who may change the project, as its organization's administrators."""
        async with self._store.read() as work:
            project = await project_for(work, actor, project_name, Permission.PROJECTS_UPDATE)
            _check(query)
            return await _newest(work.of(AuditEntry, in_project(project.id)), query)

    async def find_all(self, query: AuditQuery, *, project_name: str | None = None) -> list[AuditEntry]:
        """For operators: entries of the whole server, or of one project, which may be gone. NotFound for a project that
        the trail does not know either."""
        _check(query)
        async with self._store.read() as work:
            entries = work.of(AuditEntry, EVERYTHING)
            if project_name is None:
                return await _newest(entries, query)
            return await _newest(entries, query, project_id=await _project_ids(work, project_name))

    async def verify(self, known_head: str | None = None) -> Verification:
        """Walks the chain from its beginning. ``known_head``: a digest told earlier, which must still be in it, for an
        end that was cut off leaves no trace in what remains."""
        count, previous, seen = 0, BEGINNING, known_head is None
        more = True
        while more:
            async with self._store.read() as work:
                after = Between(start=count + 1)
                page = await work.of(AuditEntry, EVERYTHING).find(order=("sequence",), limit=_PAGE, sequence=after)
            for entry in page:
                if (fault := _fault(entry, count + 1, previous)) is not None:
                    return Verification(count, previous, fault)
                count, previous = count + 1, entry.digest
                seen = seen or previous == known_head
            more = len(page) == _PAGE
        if not seen:
            return Verification(count, previous, f"the digest {known_head} is not in the chain: its end was cut off")
        async with self._store.read() as work:
            below = await work.of(AuditEntry, EVERYTHING).count(sequence=Between(end=1))
        return Verification(count, previous, f"{below} entries have a number below 1" if below else None)


def _fault(entry: AuditEntry, expected: int, previous: str) -> str | None:
    """What is wrong with an entry that follows the one with the digest ``previous``."""
    if entry.sequence != expected:
        return f"entry {expected} is missing: {entry.sequence} comes in its place"
    if entry.previous != previous:
        return f"entry {expected} does not follow the one before it"
    if entry.digest != digest_of(entry):
        return f"entry {expected} was changed: its digest does not fit"
    return None


async def _newest(entries: Repository[AuditEntry], query: AuditQuery, **conditions: Any) -> list[AuditEntry]:
    if query.before is not None:
        conditions["sequence"] = Between(end=query.before)
    if query.action is not None:
        conditions["action"] = query.action
    if query.actor is not None:
        conditions["actor"] = query.actor
    return await entries.find(order=("-sequence",), limit=query.limit, **conditions)


async def _project_ids(work: UnitOfWork, name: str) -> list[str]:
    """Every project that has the name, or had it once."""
    named = {project.id for project in await work.of(Project, EVERYTHING).find(name=name)}
    gone = await work.of(AuditEntry, EVERYTHING).distinct(
        "subject_id", subject=name, action=("project.created", "project.changed", "project.deleted")
    )
    if not (found := sorted(named.union(gone))):
        raise NotFound(f"there is no project named '{name}', nor was there one")
    return found


def _check(query: AuditQuery) -> None:
    if not 1 <= query.limit <= MOST_ENTRIES:
        raise InvalidInput(f"limit must be from 1 to {MOST_ENTRIES}, not {query.limit}", field="limit")
