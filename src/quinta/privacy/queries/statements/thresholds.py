"""Which groups are left out, and delta (contract dq0 5.2, 5.3, 5.5; decision 4 of issue 9)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from quinta.core.datasets.metadata import ColumnMetadata, TableMetadata
from quinta.core.errors import InvalidInput
from quinta.core.queries.model import GroupLimit, Question
from quinta.privacy.queries.statements.catalogue import Table, bounds_of
from quinta.privacy.queries.statements.refusals import shown
from quinta.privacy.queries.tree import Column, Limit

UNDECLARED_DELTA = 1e-6
LEAST_DELTA = 1e-15
MOST_DERIVED_DELTA = 1e-4
"""Of tables with less than some 460 rows the rule would make deltas at which a name has a real chance to be told."""


def limits_of(question: Question, scans: Sequence[Table]) -> tuple[Limit, ...]:
    """The strictest limit of each column: of the owners, for columns that exist for them, and of the request, for
    those that exist for who asks. InvalidInput on ``permissions`` for another one."""
    least: dict[Column | None, int] = {}
    for limit in question.limits:
        found = [column for scan in range(len(scans)) for column in _visible(scans, scan, limit)]
        if not found:
            raise InvalidInput(
                f"permissions: there is no column {shown(limit.column)!r} in the tables of the query",
                field="permissions",
            )
        _take(least, found, limit)
    for scan, table in enumerate(scans):
        for limit in table.asked.limits:
            _take(least, _columns(table.metadata.columns, table, scan, limit), limit)
    return tuple(Limit(column, number, _is_told(scans, column)) for column, number in least.items())


def _is_told(scans: Sequence[Table], column: Column | None) -> bool:
    """Owners' limits are on hidden columns too, which not even a note may name."""
    return column is None or any(each.name == column.name for each in scans[column.scan].columns)


def _visible(scans: Sequence[Table], scan: int, limit: GroupLimit) -> list[Column | None]:
    return _columns(scans[scan].columns, scans[scan], scan, limit)


def _columns(columns: Sequence[ColumnMetadata], table: Table, scan: int, limit: GroupLimit) -> list[Column | None]:
    """Those that the limit is about; None for the privacy unit, of which different ones are counted anyway."""
    found = [column for column in columns if column.name == limit.column]
    if not found:
        found = [column for column in columns if column.name.casefold() == limit.column.casefold()]
    return [
        None
        if table.unit is not None and column.name == table.unit.name
        else Column(scan, column.name, column.type, bounds_of(column))
        for column in found
    ]


def _take(least: dict[Column | None, int], columns: Sequence[Column | None], limit: GroupLimit) -> None:
    for column in columns:
        if limit.least > 0:
            least[column] = max(limit.least, least.get(column, 0))


def tau_of(question: Question, scans: Sequence[Table]) -> float:
    """The larger one of the request's and the tables'."""
    return max(0.0, question.tau, *(table.metadata.tau or 0.0 for table in scans))


def delta_of(scans: Sequence[Table]) -> float:
    """The smallest of the tables'."""
    return min(_delta(table.metadata) for table in scans)


def _delta(table: TableMetadata) -> float:
    """What the owner declares, else 1/(n sqrt n) for n declared rows, rounded down to a power of ten so that it tells
    no number of rows."""
    if table.budget_delta is not None and 0 <= table.budget_delta < 1:
        return max(table.budget_delta, LEAST_DELTA)
    if table.rows <= 0:
        return UNDECLARED_DELTA
    derived = 10.0 ** math.floor(-1.5 * math.log10(table.rows))
    return min(max(derived, LEAST_DELTA), MOST_DERIVED_DELTA)
