"""Questions about data records, which storage answers with SQL (contract brainstem 9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from quinta.core.files.model import DataRecord


class RecordField(StrEnum):
    """What may be filtered and sorted by. ``GROUPS`` are group numbers: a filter holds if one of a record's does."""

    ID = "id"
    NAME = "name"
    DESCRIPTION = "description"
    IS_PUBLIC = "is_public"
    ORGANIZATION = "organization"
    PROTOCOLS = "protocols"
    LOCATION = "location"
    GROUPS = "groups"


class Operator(StrEnum):
    """How a field is compared. Those with ``i`` in front take no regard of case, in every alphabet."""

    EXACT = "exact"
    IEXACT = "iexact"
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    STARTSWITH = "startswith"
    ISTARTSWITH = "istartswith"
    ENDSWITH = "endswith"
    IENDSWITH = "iendswith"
    IN = "in"
    RANGE = "range"
    ISNULL = "isnull"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. ``values`` has one value, ``IN`` any number, ``RANGE`` the least and the greatest; texts, except
    for IS_PUBLIC and ISNULL (bool) and GROUPS (int), of which operators about parts of texts ask that they be equal.

    Texts are ordered by code point. Of ORGANIZATION and PROTOCOLS, which are JSON, only A to Z are equal to a to z
    where case does not count. One that is null passes ISNULL only, and every filter of it that is negated.
    """

    field: RecordField
    operator: Operator
    values: tuple[str | int | bool, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    field: RecordField
    descending: bool = False


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """All filters must hold. Ends of the order are by name, then id, in the direction of the last of ``sort``, so that
    pages never overlap; by GROUPS it is by the least number, and null is least. ``limit`` None: all.

    ``group_ids``: only records of at least one of these groups; None: of any. ``public_only``: only public ones.
    """

    filters: tuple[Filter, ...] = ()
    sort: tuple[Sort, ...] = ()
    limit: int | None = None
    offset: int = 0
    group_ids: frozenset[str] | None = None
    public_only: bool = False


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record with the numbers of its groups, ascending."""

    record: DataRecord
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecordPage:
    """A page of what matches, and how many match in all."""

    records: tuple[RecordView, ...]
    total: int
