"""The two names that data records have on the wire, each with its own members (contract brainstem 6, 7, 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quinta.core.files.record_query import RecordField

GROUPS = "authgroups"
ALL = "*"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """``single`` and ``plural`` wrap one record and many. ``members`` are in the order of answers; those that are
    ``deferred`` are answered only where a call includes them."""

    single: str
    plural: str
    members: Mapping[str, RecordField]
    deferred: frozenset[str] = frozenset()

    def name_of(self, field: str) -> str:
        """The member that is a field of the core; ``field`` itself where there is none."""
        return next((name for name, known in self.members.items() if known == field), field)


DATA_REPOSITORY = Vocabulary(
    single="data_repository",
    plural="data_repositories",
    members={
        "id": RecordField.ID,
        "name": RecordField.NAME,
        "description": RecordField.DESCRIPTION,
        "is_public": RecordField.IS_PUBLIC,
        "data_organization_json": RecordField.ORGANIZATION,
        "data_protocols_json": RecordField.PROTOCOLS,
        GROUPS: RecordField.GROUPS,
    },
)
DATASTORAGE = Vocabulary(
    single="datastorage",
    plural="datastorages",
    members={
        "id": RecordField.ID,
        "name": RecordField.NAME,
        "description": RecordField.DESCRIPTION,
        "is_public": RecordField.IS_PUBLIC,
        "data_organization": RecordField.ORGANIZATION,
        "data_protocols": RecordField.PROTOCOLS,
        "data_organization_json": RecordField.ORGANIZATION,
        "data_protocols_json": RecordField.PROTOCOLS,
        "location": RecordField.LOCATION,
        GROUPS: RecordField.GROUPS,
    },
    deferred=frozenset({GROUPS}),
)
