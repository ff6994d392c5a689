"""The statements of leases. Each is made once and kept: making one costs more than running it.

A claim has one statement for what waits and one for what has run out, each with its partial index and in that index's
order; else SQLite walks through every finished row in the order of ids. One with "waiting or run out" was ten times
slower on PostgreSQL (measured in the comparison of queues that preceded this design).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    CompoundSelect,
    Select,
    Table,
    Update,
    bindparam,
    func,
    literal_column,
    null,
    select,
    union,
    update,
)

from quinta.storage.many_rows import many_rows

TOKEN, NOW, UNTIL, LIMIT, WORKING = "the_token", "the_moment", "until", "most", "working"
"""Parameters: a lease's token, the present, the lease's end, how many rows, the status of leased rows."""

Names = tuple[str, ...]
Columns = tuple[Column[Any], ...]
Conditions = tuple[tuple[str, bool], ...]
"""Columns that must have the value of their parameter (``wanted``), or, where True, one of its values."""


@cache
def claim_waiting(columns: Columns, status: str, conditions: Conditions) -> Update:
    """Leases rows with ``status``, oldest id first, that meet the conditions."""
    table = columns[0].table
    return _lease(columns, [_has(table, status), *_equal(table, conditions)], table.c.id)


@cache
def claim_lapsed(columns: Columns, status: str, conditions: Conditions) -> Update:
    """Leases rows whose lease has run out, by the moment it did."""
    table = columns[0].table
    lapsed = table.c.lease_expires_at <= _parameter(NOW, table.c.lease_expires_at)
    return _lease(columns, [lapsed, _has(table, status), *_equal(table, conditions)], table.c.lease_expires_at)


def _lease(columns: Columns, terms: list[ColumnElement[bool]], order: Column[Any]) -> Update:
    table = columns[0].table
    # The CTE is evaluated once. A plain sub-select may run again for each row on PostgreSQL and lock too many.
    picked = select(table.c.id).where(*terms).order_by(order).limit(bindparam(LIMIT))
    ids = select(picked.with_for_update(skip_locked=True).cte("picked").c.id)
    values = {
        "status": _parameter(WORKING, table.c.status),
        "lease_token": _parameter(TOKEN, table.c.lease_token),
        "lease_expires_at": _parameter(UNTIL, table.c.lease_expires_at),
        "updated_at": _parameter(NOW, table.c.updated_at),
        "attempts": table.c.attempts + 1,
    }
    return update(table).where(table.c.id.in_(ids)).values(values).returning(*columns)


@cache
def groups(table: Table, field: str, waiting: str, working: str, conditions: Conditions) -> CompoundSelect[Any]:
    """The different values of ``field`` among the rows that can be taken."""
    grouped = table.c[field]
    terms = _equal(table, conditions)
    lapsed = table.c.lease_expires_at <= _parameter(NOW, table.c.lease_expires_at)
    first = _first_column_of_waiting(table)
    found = _skipping(table, grouped, waiting) if grouped is first and not terms else None
    if found is None:
        found = select(grouped).where(_has(table, waiting), *terms)
    return union(found, select(grouped).where(_has(table, working), lapsed, *terms))


def _skipping(table: Table, grouped: Column[Any], waiting: str) -> Select[Any]:
    """From each value straight to the next one: a plain DISTINCT reads the index entry of every row that waits, in
    every turn, and with 50,000 of them costs more than all else together."""
    smallest = select(func.min(grouped)).where(_has(table, waiting))
    values = select(smallest.scalar_subquery().label("value")).cte("groups", recursive=True)
    following = smallest.where(grouped > values.c.value).scalar_subquery()
    values = values.union_all(select(following).where(values.c.value.is_not(None)))
    return select(values.c.value).where(values.c.value.is_not(None))


def _first_column_of_waiting(table: Table) -> ColumnElement[Any] | None:
    for index in table.indexes:
        if index.name == f"ix_{table.name}_waiting":
            return index.columns[0]
    return None


@cache
def settle(table: Table, fields: Names, dialect: str) -> Update:
    """Sets ``fields`` of those rows of the parameter, which hold the id first, whose lease is the token's own, and ends
    the lease. On PostgreSQL rows are locked in the order of ids, so that it never waits in a circle with a deletion."""
    many = many_rows((table.c.id, *(table.c[name] for name in fields)), dialect)
    terms = [table.c.id == many.c.id, table.c.lease_token == _parameter(TOKEN, table.c.lease_token)]
    if dialect == "postgresql":
        owned = select(table.c.id).where(*terms).order_by(table.c.id).with_for_update(of=table).cte("owned")
        terms.append(table.c.id.in_(select(owned.c.id)))
    values: dict[str, Any] = {"lease_token": null(), "lease_expires_at": null()}
    values |= {name: many.c[name] for name in fields}
    return update(table).where(*terms).values(values).returning(table.c.id)


@cache
def settle_one(table: Table, fields: Names) -> Update:
    """The same for one row, with parameters ``new(field)`` for the id and each field."""
    values: dict[str, Any] = {"lease_token": null(), "lease_expires_at": null()}
    values |= {name: _parameter(new(name), table.c[name]) for name in fields}
    mine = table.c.lease_token == _parameter(TOKEN, table.c.lease_token)
    return (
        update(table).where(table.c.id == _parameter(new("id"), table.c.id), mine).values(values).returning(table.c.id)
    )


def wanted(field: str) -> str:
    """The parameter of a condition on a field."""
    return f"wanted_{field}"


def new(field: str) -> str:
    """The parameter of a field's new value."""
    return f"new_{field}"


def _has(table: Table, status: str) -> ColumnElement[bool]:
    """Written into the statement: with a parameter no partial index would be used. Statuses are names of the core."""
    return table.c.status == literal_column(f"'{status}'", table.c.status.type)


def _equal(table: Table, conditions: Conditions) -> list[ColumnElement[bool]]:
    return [
        table.c[name].in_(bindparam(wanted(name), expanding=True))
        if several
        else table.c[name] == _parameter(wanted(name), table.c[name])
        for name, several in conditions
    ]


def _parameter(name: str, of: Column[Any]) -> Any:
    return bindparam(name, type_=of.type)
