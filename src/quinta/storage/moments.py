"""Arithmetic on moments inside the database, for both kinds of it."""

from __future__ import annotations

from sqlalchemy import Column, ColumnElement, Integer, String, cast, func, literal_column, type_coerce

from quinta.core.observation.intervals import Interval
from quinta.storage.columns import Moment

_SQLITE_ENDS = {
    # How much of 2026-03-29T00:59:59.999999Z the interval keeps, and what stands for the rest.
    Interval.MINUTE: (16, ":00.000000Z"),
    Interval.HOUR: (13, ":00:00.000000Z"),
    Interval.DAY: (10, "T00:00:00.000000Z"),
    Interval.MONTH: (7, "-01T00:00:00.000000Z"),
}


def start_of_interval(column: Column[object], interval: Interval, dialect: str) -> ColumnElement[object]:
    """The start (UTC) of the interval that the column's moment lies in. ``dialect``: sqlite or postgresql.

    Constants are written into the statement: with parameters PostgreSQL could not see that the expression it groups
    by is the one that it selects.
    """
    if interval is Interval.FIVE_MINUTES:
        return _fifth_minute(column, dialect)
    if dialect == "sqlite":
        kept, rest = _SQLITE_ENDS[interval]
        start = func.substr(type_coerce(column, String), literal_column("1"), literal_column(str(kept)), type_=String)
        return type_coerce(start + literal_column(f"'{rest}'", String), Moment)
    unit = literal_column(f"'{interval.value}'", String)
    return func.date_trunc(unit, column, literal_column("'UTC'", String), type_=Moment)


def _fifth_minute(column: Column[object], dialect: str) -> ColumnElement[object]:
    if dialect == "sqlite":
        text = type_coerce(column, String)
        hour = func.substr(text, literal_column("1"), literal_column("14"), type_=String)
        minute = cast(func.substr(text, literal_column("15"), literal_column("2")), Integer)
        return type_coerce(
            hour
            + func.printf(
                literal_column("'%02d:00.000000Z'", String), minute - minute % literal_column("5"), type_=String
            ),
            Moment,
        )
    return func.date_bin(
        literal_column("INTERVAL '5 minutes'"), column, literal_column("TIMESTAMPTZ 'epoch'"), type_=Moment
    )
