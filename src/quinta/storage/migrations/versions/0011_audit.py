"""The audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
INDEXES = (("project_id", "sequence"), ("subject_id", "sequence"))


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit_entries",
        sa.Column("sequence", number, primary_key=True, autoincrement=False),
        sa.Column("time", MOMENT, nullable=False),
        _text("actor_id", nullable=True),
        _text("actor"),
        _text("action"),
        _text("subject_id", nullable=True),
        _text("subject", nullable=True),
        _text("project_id", nullable=True),
        _text("organization_id", nullable=True),
        *map(_text, ("description", "previous", "digest")),
    )
    for names in INDEXES:
        op.create_index(f"ix_audit_entries_{'_'.join(names)}", "audit_entries", names)


def downgrade() -> None:
    op.drop_table("audit_entries")


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)
