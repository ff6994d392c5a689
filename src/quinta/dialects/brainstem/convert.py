"""From the core's types to bodies. What is kept as JSON text goes into them as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from typing import Any

from quinta.core.files.model import RecordTarget
from quinta.core.files.record_query import RecordField, RecordView
from quinta.core.tenancy.model import Group
from quinta.dialects.brainstem.selection import Selection
from quinta.dialects.brainstem.vocabulary import Vocabulary

_PIECE = 500
"""Records that are written at a time: 20 ms at most, and then others have their turn."""


def record_text(view: RecordView, words: Vocabulary, selection: Selection) -> str:
    """One record (contract brainstem 6)."""
    return object_text(**{name: _member(view, words.members[name]) for name in selection.members})


def record_pieces(views: Sequence[RecordView], words: Vocabulary, selection: Selection) -> Iterator[str]:
    """An array of records, in pieces that together are its text."""
    yield "["
    for start in range(0, len(views), _PIECE):
        piece = views[start : start + _PIECE]
        yield ("," if start else "") + ",".join(record_text(view, words, selection) for view in piece)
    yield "]"


def groups_text(groups: Iterable[Group]) -> str:
    """The groups that stand beside records, by their numbers."""
    ordered = sorted(groups, key=lambda group: group.number)
    return text_of([{"id": group.number, "name": group.name} for group in ordered])


def targets_text(targets: Iterable[RecordTarget]) -> str:
    """The data of ours that a record points at; not part of the seed's document."""
    return text_of(
        [
            {
                "path": target.path,
                "protocol": "quinta",
                "size": target.size,
                "checksum": f"sha256:{target.checksum}",
                "changed": target.changed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            for target in targets
        ]
    )


def object_text(**members: str) -> str:
    """An object of members whose values are JSON texts."""
    return "{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}"


def text_of(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _member(view: RecordView, field: RecordField) -> str:
    record = view.record
    if field is RecordField.ID:
        return text_of(record.uuid)
    if field is RecordField.GROUPS:
        return text_of(view.groups)
    if field is RecordField.ORGANIZATION:
        return record.organization or "null"
    if field is RecordField.PROTOCOLS:
        return record.protocols or "null"
    return text_of(getattr(record, field.value))
