"""Facts that outlive their runs. No older version left any, so there is nothing to take from the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "memory",
        *(sa.Column(name, NAME, primary_key=True) for name in ("saga", "key", "name")),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("run_id", NAME, nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
