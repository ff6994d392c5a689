"""What a search among data records asks for, as conditions in SQL that mean the same on both databases."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, Select, and_, false, func, literal_column, not_, or_, select, true

from quinta.core.files.model import DataRecord, fold, group_bits
from quinta.core.files.record_query import Filter, Operator, RecordField, RecordQuery
from quinta.storage.mapper import mapper_of
from quinta.storage.record_tables import data_records, groups, record_groups
from quinta.storage.session import Session

NULLABLE: Final = frozenset({RecordField.ORGANIZATION, RecordField.PROTOCOLS})

_CASELESS: Final = {
    Operator.IEXACT: Operator.EXACT,
    Operator.ICONTAINS: Operator.CONTAINS,
    Operator.ISTARTSWITH: Operator.STARTSWITH,
    Operator.IENDSWITH: Operator.ENDSWITH,
}
_TEXTS: Final = {
    RecordField.ID: data_records.c.uuid,
    RecordField.NAME: data_records.c.name,
    RecordField.DESCRIPTION: data_records.c.description,
    RecordField.ORGANIZATION: data_records.c.organization,
    RecordField.PROTOCOLS: data_records.c.protocols,
    RecordField.LOCATION: data_records.c.location,
}
_FOLDED: Final = {
    RecordField.ID: data_records.c.uuid,
    RecordField.NAME: data_records.c.folded_name,
    RecordField.DESCRIPTION: data_records.c.folded_description,
    RecordField.LOCATION: data_records.c.folded_location,
}
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_PARTS: Final = frozenset((*_CASELESS, *_CASELESS.values())) - {Operator.EXACT, Operator.IEXACT}
_PLAIN: Final = {
    "GLOB": {ord(sign): f"[{sign}]" for sign in "*?["},
    "LIKE": {ord(sign): f"\\{sign}" for sign in "%_\\"},
}
"""Signs of SQLite's patterns, made plain. GLOB, which regards case, takes three quarters of the time of instr and
substr; LIKE, to which A to Z are a to z, half of that of GLOB and lower."""
_LONGEST_PATTERN: Final = 2_000
"""SQLite takes 50,000 bytes. What is longer is found in JSON only."""
ROW: Final = literal_column("data_records.rowid", Integer)
"""SQLite's own number of a row."""

_COMPARISONS: Final[dict[Operator, Callable[[Any, Sequence[Any]], Any]]] = {
    Operator.IN: lambda item, values: item in values,
    Operator.RANGE: lambda item, values: values[0] <= item <= values[1],
    Operator.GT: lambda item, values: item > values[0],
    Operator.GTE: lambda item, values: item >= values[0],
    Operator.LT: lambda item, values: item < values[0],
    Operator.LTE: lambda item, values: item <= values[0],
}


async def conditions_of(session: Session, query: RecordQuery) -> list[ColumnElement[bool]] | None:
    """All of them must hold; none when every record matches, None when no record can. What costs least comes first."""
    known: dict[str, int] = {}
    if query.group_ids is not None or any(its.field is RecordField.GROUPS for its in query.filters):
        rows = await session.fetch(select(groups.c.id, groups.c.number))
        known = {row.id: row.number for row in rows}
    conditions: list[ColumnElement[bool]] = []
    if query.public_only:
        conditions.append(data_records.c.is_public == true())
    if query.group_ids is not None:
        if not query.group_ids & known.keys():
            return None
        conditions.append(_of_any(known, query.group_ids & known.keys(), session.dialect))
    # Whole values are compared faster than parts of them are found.
    for its in sorted(query.filters, key=lambda its: its.operator in _PARTS):
        condition = _condition(its, known, session.dialect)
        conditions.append(not_(condition) if its.negated else condition)
    return [its for its in conditions if its is not true()]


def columns_of(query: RecordQuery) -> set[str]:
    """The columns with texts that its filters look at, by name."""
    looked_at = (_FOLDED if its.operator in _CASELESS and its.field in _FOLDED else _TEXTS for its in query.filters)
    fields = zip(looked_at, (its.field for its in query.filters), strict=True)
    return {columns[field].name for columns, field in fields if field in columns}


def _condition(its: Filter, known: dict[str, int], dialect: str) -> ColumnElement[bool]:
    """The filter, not yet negated; never NULL."""
    if its.operator is Operator.ISNULL:
        if its.field in NULLABLE:
            column = _TEXTS[its.field]
            return column.is_(None) if its.values[0] else column.is_not(None)
        return false() if its.values[0] else true()
    if its.field is RecordField.GROUPS:
        wanted = {group_id for group_id, number in known.items() if _holds(its, number)}
        return _of_any(known, wanted, dialect)
    if its.field is RecordField.IS_PUBLIC:
        return data_records.c.is_public.in_([value for value in (False, True) if _holds(its, value)])
    return _text_condition(its, dialect)


def _holds(its: Filter, item: int | bool) -> bool:
    """Whether a number passes; operators that are about texts want it to be equal."""
    compare = _COMPARISONS.get(its.operator)
    return bool(item == its.values[0] if compare is None else compare(item, its.values))


def _text_condition(its: Filter, dialect: str) -> ColumnElement[bool]:
    operator = _CASELESS.get(its.operator, its.operator)
    encode = mapper_of(DataRecord).encode
    values = [str(encode(_TEXTS[its.field].name, str(value))) for value in its.values]
    column: ColumnElement[Any] = _TEXTS[its.field]
    if operator is not its.operator and its.field in _FOLDED:
        column, values = _FOLDED[its.field], [fold(value) for value in values]
    elif operator is not its.operator:  # of JSON there is no folded text: only A to Z are equal to a to z
        if dialect == "sqlite" and operator in _PARTS and 0 < len(values[0]) <= _LONGEST_PATTERN:
            return and_(column.is_not(None), column.like(_pattern("LIKE", "%", operator, values[0]), escape="\\"))
        column, values = func.lower(column), [value.translate(_LOWER) for value in values]
    condition = _compared(column, operator, values, dialect)
    return and_(_TEXTS[its.field].is_not(None), condition) if its.field in NULLABLE else condition


def _compared(
    column: ColumnElement[Any], operator: Operator, values: Sequence[str], dialect: str
) -> ColumnElement[bool]:
    value = values[0] if values else ""
    match operator:
        case Operator.EXACT:
            return column == value
        case Operator.IN:
            return column.in_(values)
        case Operator.RANGE:
            return and_(column >= value, column <= values[1])
        case Operator.GT:
            return column > value
        case Operator.GTE:
            return column >= value
        case Operator.LT:
            return column < value
        case Operator.LTE:
            return column <= value
    if not value:
        return true()
    if dialect == "sqlite" and len(value) <= _LONGEST_PATTERN:
        return column.op("GLOB", is_comparison=True)(_pattern("GLOB", "*", operator, value))
    if operator is Operator.CONTAINS:
        return (func.instr if dialect == "sqlite" else func.strpos)(column, value) > 0
    if operator is Operator.STARTSWITH:
        return func.substr(column, 1, len(value)) == value
    end = func.substr(column, -len(value)) if dialect == "sqlite" else func.right(column, len(value))
    return end == value


def _pattern(language: str, anything: str, operator: Operator, value: str) -> str:
    """A pattern of SQLite for an operator of _PARTS."""
    before = "" if operator is Operator.STARTSWITH else anything
    after = "" if operator is Operator.ENDSWITH else anything
    return f"{before}{value.translate(_PLAIN[language])}{after}"


def _of_any(known: dict[str, int], wanted: Iterable[str], dialect: str) -> ColumnElement[bool]:
    """One of the record's groups is among ``wanted``. A record has a group at least.

    On SQLite bits tell first: those that only wanted groups have are enough, and where a bit is shared with others the
    records of the wanted ones that have it are looked up, all of them at once.
    """
    wanted = set(wanted)
    if wanted == known.keys():
        return true()
    if not wanted:
        return false()
    if dialect != "sqlite":
        return data_records.c.id.in_(_listing(wanted))
    others = group_bits(number for group_id, number in known.items() if group_id not in wanted)
    shared = {group_id for group_id in wanted if group_bits((known[group_id],)) & others}
    own = group_bits(known[group_id] for group_id in wanted - shared)
    bits = data_records.c.group_bits
    terms = [bits.bitwise_and(own) != 0] if own else []
    if shared:
        some = bits.bitwise_and(group_bits(known[group_id] for group_id in shared)) != 0
        inner = data_records.alias("listed")
        rows = (
            select(literal_column("listed.rowid", Integer)).select_from(inner).where(inner.c.id.in_(_listing(shared)))
        )
        terms.append(and_(some, ROW.in_(rows)))
    return or_(*terms)


def _listing(group_ids: Iterable[str]) -> Select[Any]:
    """The ids of the records that list one of the groups."""
    return select(record_groups.c.record_id).where(record_groups.c.group_id.in_(sorted(group_ids)))
