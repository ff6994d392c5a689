"""What columns are made of on both databases, and the one schema they belong to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Dialect, ForeignKey, MetaData, String
from sqlalchemy.types import TypeDecorator, TypeEngine


class Moment(TypeDecorator[datetime]):
    """A timezone-aware moment. SQLite has no such type: there it is ISO 8601 text of fixed width, in UTC, whose
    alphabetical order is the order in time. The mapper refuses a datetime without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return String(27) if dialect.name == "sqlite" else DateTime(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z" if _is_sqlite(dialect) else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return datetime.fromisoformat(value) if _is_sqlite(dialect) else value.astimezone(UTC)


def _is_sqlite(dialect: Dialect) -> bool:
    return dialect.name == "sqlite"


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def identity() -> Column[str]:
    return Column("id", String, primary_key=True)


def parent(name: str, target: str, *, nullable: bool = False) -> Column[str]:
    """A row goes with the one it hangs on."""
    return Column(name, String, ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=nullable)


def text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String, nullable=nullable)


def number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def moment(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, Moment, nullable=nullable)


def lease() -> list[Column[Any]]:
    return [text("lease_token", nullable=True), moment("lease_expires_at", nullable=True), number("attempts")]


ESTIMATE = "estimate"
"""In ``info`` of an index, or of a table for its primary key: how many rows it has, then how many have the same first
column, the same first two, and so on. SQLite chooses between indexes by such numbers and assumes ten rows for a
project where it has none; for the log it then walked through a day to find one request (storage.migrate,
benchmarks/logs.py). ``sz=`` and the bytes of an entry may follow; for a table with a number for each row, that is all
there is to say of it. PostgreSQL counts by itself."""
