"""Groups, data records, and the sign-ins of devices."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, UniqueConstraint

from quinta.storage.columns import flag, identity, metadata, moment, number, parent, text

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


NAMES = ("name", "uuid", "is_public", "group_bits", "folded_name")
TEXTS = ("description", "folded_description", "location", "folded_location")
"""A search reads an index with what it looks at, in the order of most answers, and not the rows with their JSON."""

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
    Index("ix_data_records_names", *NAMES),
    # PostgreSQL takes no entry of more than 2,704 bytes, and has no need of one (decision 0026).
    Index("ix_data_records_texts", *NAMES, *TEXTS, info={"only": "sqlite"}),
    Index("ix_data_records_descriptions", "description", "name", "uuid", info={"only": "sqlite"}),
    Index(None, "created_by"),
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
