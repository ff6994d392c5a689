"""Groups, data records, sign-ins of devices, and keys that a sign-in answers again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
NAMES = ("name", "uuid", "is_public", "group_bits", "folded_name")
TEXTS = ("description", "folded_description", "location", "folded_location")
INDEXES = (
    ("group_members", "user_id"),
    ("pending_members", "user_id"),
    ("data_records", "created_by"),
    ("record_groups", "group_id", "record_id"),
    ("record_targets", "project_id"),
    ("record_targets", "target_id"),
    ("device_grants", "user_id"),
    ("device_grants", "expires_at"),
)


def upgrade() -> None:
    op.add_column("api_keys", _text("sealed", nullable=True))
    op.add_column("repositories", sa.Column("is_going", sa.Boolean(), nullable=False, server_default=sa.false()))
    _create_groups()
    _create_records()
    op.create_table(
        "device_grants",
        _id(),
        *map(_text, ("digest", "user_code", "session", "client_name", "status")),
        _parent("user_id", "users", nullable=True),
        _moment("created_at"),
        _moment("expires_at"),
        *map(sa.UniqueConstraint, ("digest", "user_code", "session")),
    )
    for table, *names in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(names)}", table, names)
    op.create_index("ix_data_records_names", "data_records", list(NAMES))
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("ix_data_records_texts", "data_records", [*NAMES, *TEXTS])
        op.create_index("ix_data_records_descriptions", "data_records", ["description", "name", "uuid"])


def _create_groups() -> None:
    op.create_table("numbers", sa.Column("name", sa.String(), primary_key=True), _number("last"))
    op.create_table(
        "groups",
        _id(),
        _number("number"),
        _text("name"),
        _moment("created_at"),
        sa.UniqueConstraint("number"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "group_members",
        _id(),
        _parent("group_id", "groups"),
        _parent("user_id", "users"),
        _text("level"),
        sa.UniqueConstraint("group_id", "user_id"),
    )
    op.create_table(
        "pending_members",
        _id(),
        _parent("group_id", "groups"),
        _parent("user_id", "users"),
        _text("kind"),
        _text("level"),
        _moment("created_at"),
        sa.UniqueConstraint("group_id", "user_id"),
    )


def _create_records() -> None:
    op.create_table(
        "data_records",
        _id(),
        *map(_by_code_point, ("uuid", "name", "folded_name", "description", "folded_description")),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        _by_code_point("organization", nullable=True),
        _by_code_point("protocols", nullable=True),
        _by_code_point("location"),
        _by_code_point("folded_location"),
        _number("group_bits"),
        sa.Column("created_by", sa.String(), sa.ForeignKey("users.id", ondelete="SET NULL"), nullable=True),
        _moment("created_at"),
        _moment("updated_at"),
        sa.UniqueConstraint("uuid"),
    )
    op.create_table(
        "record_groups",
        _id(),
        _parent("record_id", "data_records"),
        sa.Column("group_id", sa.String(), sa.ForeignKey("groups.id"), nullable=False),
        sa.UniqueConstraint("record_id", "group_id"),
    )
    op.create_table(
        "record_targets",
        _id(),
        _parent("record_id", "data_records"),
        *map(_text, ("project_id", "kind", "target_id", "path")),
        _number("size"),
        _text("checksum"),
        _moment("changed_at"),
        sa.UniqueConstraint("record_id", "path"),
    )


def downgrade() -> None:
    for table in (
        "device_grants",
        "record_targets",
        "record_groups",
        "data_records",
        "pending_members",
        "group_members",
        "groups",
        "numbers",
    ):
        op.drop_table(table)
    op.drop_column("repositories", "is_going")
    op.drop_column("api_keys", "sealed")


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(), primary_key=True)


def _parent(name: str, target: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(f"{target}.id", ondelete="CASCADE"), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _by_code_point(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, MOMENT, nullable=nullable)
