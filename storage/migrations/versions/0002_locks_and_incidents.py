"""Locks that runs hold, incidents after the end, and an index for the runs to look at once more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TO_AUDIT = sa.text("ended_at IS NOT NULL AND wake_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "lock", sa.Column("key", NAME, primary_key=True), sa.Column("run_id", NAME, nullable=False)
    )
    op.create_table(
        "incident",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("run_id", NAME, nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_index("incident_by_run", "incident", ["run_id"])
    op.create_index("incident_by_end", "incident", ["closed_at", "at"])
    op.create_index("run_to_audit", "run", ["wake_at"], sqlite_where=TO_AUDIT, postgresql_where=TO_AUDIT)
