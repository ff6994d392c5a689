"""The audit trail's end: entries are appended in the transaction of what they tell of (decision 0024)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from quinta.core.events import Event
from quinta.core.observation.audit_entry import BEGINNING, SYSTEM, AuditEntry, AuditNote, digest_of
from quinta.core.observation.audit_texts import sentence
from quinta.storage.audit_names import Named, Names
from quinta.storage.many_rows import insert_rows
from quinta.storage.mapper import mapper_of
from quinta.storage.observation_tables import audit_entries
from quinta.storage.session import Session

_UNKNOWN = Named(None, None)
_HEAD = select(audit_entries.c.sequence, audit_entries.c.digest).order_by(audit_entries.c.sequence.desc()).limit(1)


async def append(
    session: Session, events: Sequence[Event], notes: Sequence[AuditNote], names: Names, time: datetime
) -> None:
    """Writes an entry for each event, then for each note, after the last one that is there.

    The caller is the only writer from here to its commit (storage.outbox), and the transaction sees what the last
    writer has committed.
    """
    head = await session.fetch(_HEAD)
    sequence, previous = (head[0].sequence, head[0].digest) if head else (0, BEGINNING)
    mapper = mapper_of(AuditEntry)
    rows = []
    for entry in (
        *(_of_event(event, names, time) for event in events),
        *(_of_note(note, names, time) for note in notes),
    ):
        sequence += 1
        numbered = replace(entry, sequence=sequence, previous=previous)
        previous = digest_of(numbered)
        rows.append(mapper.row(replace(numbered, digest=previous)))
    await insert_rows(session, audit_entries, rows)


def _of_event(event: Event, names: Names, time: datetime) -> AuditEntry:
    subject = names.get(event.subject_id, _UNKNOWN)
    project = _UNKNOWN if event.project_id is None else names.get(event.project_id, _UNKNOWN)
    actor = SYSTEM if event.actor_id is None else names.get(event.actor_id, _UNKNOWN).name or event.actor_id
    return AuditEntry(
        sequence=0,
        time=time,
        actor_id=event.actor_id,
        actor=actor,
        action=event.name.value,
        subject_id=event.subject_id,
        subject=subject.name,
        project_id=event.project_id,
        organization_id=project.organization_id or subject.organization_id,
        description=sentence(actor, event.name, subject.name, event.subject_id, project.name),
        previous="",
        digest="",
    )


def _of_note(note: AuditNote, names: Names, time: datetime) -> AuditEntry:
    project = _UNKNOWN if note.project_id is None else names.get(note.project_id, _UNKNOWN)
    return AuditEntry(
        sequence=0,
        time=time,
        actor_id=note.actor_id,
        actor=note.actor,
        action=note.action,
        subject_id=None,
        subject=None,
        project_id=note.project_id,
        organization_id=note.organization_id or project.organization_id,
        description=note.description,
        previous="",
        digest="",
    )
