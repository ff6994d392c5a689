"""Groups, data records, and the sign-ins of devices."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, UniqueConstraint

from quinta.storage.columns import ESTIMATE, flag, identity, metadata, moment, number, parent, text

numbers = Table(
    "numbers",
    metadata,
    Column("name", String, primary_key=True),
    Column("last", BigInteger, nullable=False),
)
"""The last small integer given to a row of each kind: they are never given again, not even after a deletion."""

groups = Table(
    "groups",
    metadata,
    identity(),
    number("number"),
    text("name"),
    moment("created_at"),
    UniqueConstraint("number"),
    UniqueConstraint("name"),
)

group_members = Table(
    "group_members",
    metadata,
    identity(),
    parent("group_id", "groups"),
    parent("user_id", "users"),
    text("level"),
    UniqueConstraint("group_id", "user_id"),
    Index(None, "user_id"),
)

pending_members = Table(
    "pending_members",
    metadata,
    identity(),
    parent("group_id", "groups"),
    parent("user_id", "users"),
    text("kind"),
    text("level"),
    moment("created_at"),
    UniqueConstraint("group_id", "user_id"),
    Index(None, "user_id"),
)


def _by_code_point(name: str, *, nullable: bool = False) -> Column[str]:
    """Text that is compared and sorted alike on both databases, whatever language PostgreSQL was set up for."""
    return Column(name, String().with_variant(String(collation="C"), "postgresql"), nullable=nullable)


WHO = ("is_public", "group_bits")
"""What decides who may see a record: a search reads an index that has this and what it looks at, and no rows."""
NAMES = ("name", "uuid", *WHO, "folded_name")
SEARCHES = {
    "texts": ((*NAMES, "folded_description"), "100000 2 1 1 1 1 1 sz=210"),
    "folded_descriptions": (("folded_description", *WHO), "100000 2 2 2 sz=120"),
    "descriptions": (("description", *NAMES), "100000 2 1 1 1 1 1 sz=210"),
    "locations": (("location", *NAMES, "folded_location"), "100000 100 2 1 1 1 1 1 sz=130"),
    "json": ((*WHO, "organization", "protocols", "name", "uuid"), "100000 100000 20 10 2 1 1 sz=300"),
}
"""Indexes that only SQLite has: of PostgreSQL's no entry may have more than 2,704 bytes, and it needs none (decision
0026). With the rows that share the first column, the first two and so on, of 100,000, and the bytes of an entry, for
SQLite chooses the smallest index that has all it looks at, and would take all texts to be equally long."""

data_records = Table(
    "data_records",
    metadata,
    identity(),
    _by_code_point("uuid"),
    _by_code_point("name"),
    _by_code_point("folded_name"),
    _by_code_point("description"),
    _by_code_point("folded_description"),
    flag("is_public"),
    _by_code_point("organization", nullable=True),
    _by_code_point("protocols", nullable=True),
    _by_code_point("location"),
    _by_code_point("folded_location"),
    number("group_bits"),
    Column("created_by", String, ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
    moment("created_at"),
    moment("updated_at"),
    UniqueConstraint("uuid"),
    Index("ix_data_records_names", *NAMES, info={ESTIMATE: "100000 2 1 1 1 1 sz=110"}),
    *(
        Index(f"ix_data_records_{_name}", *_columns, info={"only": "sqlite", ESTIMATE: _estimate})
        for _name, (_columns, _estimate) in SEARCHES.items()
    ),
    Index(None, "created_by"),
    info={ESTIMATE: "100000 sz=600"},
)

record_groups = Table(
    "record_groups",
    metadata,
    identity(),
    parent("record_id", "data_records"),
    # A group stays while a record lists it: the record could not be reached any more.
    Column("group_id", String, ForeignKey("groups.id"), nullable=False),
    UniqueConstraint("record_id", "group_id"),
    Index(None, "group_id", "record_id"),
)

record_targets = Table(
    "record_targets",
    metadata,
    identity(),
    parent("record_id", "data_records"),
    text("project_id"),  # no foreign key: records stand outside of projects, which cannot go while one points into them
    text("kind"),
    text("target_id"),  # nor here: it is a blob or a repository
    text("path"),
    number("size"),
    text("checksum"),
    moment("changed_at"),
    UniqueConstraint("record_id", "path"),
    Index(None, "project_id"),
    Index(None, "target_id"),
)

device_grants = Table(
    "device_grants",
    metadata,
    identity(),
    text("digest"),
    text("user_code"),
    text("session"),
    text("client_name"),
    text("status"),
    parent("user_id", "users", nullable=True),
    moment("created_at"),
    moment("expires_at"),
    UniqueConstraint("digest"),
    UniqueConstraint("user_code"),
    UniqueConstraint("session"),
    Index(None, "user_id"),
    Index(None, "expires_at"),
)
