"""Narrower indexes for searches among data records, on SQLite."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

NAMES = ("name", "uuid", "is_public", "group_bits", "folded_name")
OLD = {
    "texts": (*NAMES, "description", "folded_description", "location", "folded_location"),
    "descriptions": ("description", "name", "uuid"),
}
NEW = {
    "texts": (*NAMES, "folded_description"),
    "folded_descriptions": ("folded_description", "is_public", "group_bits"),
    "descriptions": ("description", *NAMES),
    "locations": ("location", *NAMES, "folded_location"),
    "json": ("is_public", "group_bits", "organization", "protocols", "name", "uuid"),
}


def upgrade() -> None:
    _exchange(OLD, NEW)


def downgrade() -> None:
    _exchange(NEW, OLD)


def _exchange(gone: dict[str, tuple[str, ...]], made: dict[str, tuple[str, ...]]) -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for name in gone:
        op.drop_index(f"ix_data_records_{name}", "data_records")
    for name, columns in made.items():
        op.create_index(f"ix_data_records_{name}", "data_records", list(columns))
