"""The first tables: the log, runs, versions, drafts, posted commands, drivers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "event",
        sa.Column("run_id", NAME, primary_key=True),
        sa.Column("seq", sa.Integer(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
    )
    _run()
    op.create_table(
        "saga_version",
        sa.Column("hash", NAME, primary_key=True),
        sa.Column("saga", NAME, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("saga", "version", name="saga_version_number"),
    )
    op.create_table(
        "draft",
        sa.Column("saga", NAME, primary_key=True),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "posted",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("id", NAME, nullable=False),
        sa.Column("run_id", NAME, nullable=False),
        sa.Column("command", sa.JSON(), nullable=False),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.UniqueConstraint("id", name="posted_id"),
    )
    op.create_index("posted_by_answer", "posted", ["answered", "number"])
    op.create_table(
        "driver",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.BigInteger(), nullable=False),
    )


def _run() -> None:
    op.create_table(
        "run",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("driver", sa.String(), nullable=False),
        sa.Column("saga", NAME, nullable=False),
        sa.Column("saga_hash", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("planned", sa.Integer(), nullable=False),
        sa.Column("undone", sa.Integer(), nullable=False),
        sa.Column("attention", sa.Integer(), nullable=False),
        sa.Column("direction_asked", sa.Boolean(), nullable=False),
        sa.Column("approvals", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("disruptions", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("wake_at", sa.BigInteger()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
    )
    op.create_index("run_by_start", "run", ["started_at", "id"])
    op.create_index("run_by_status", "run", ["status", "started_at", "id"])
    op.create_index("run_by_saga", "run", ["saga", "started_at", "id"])
    op.create_index("run_by_waiting", "run", ["waiting", "started_at", "id"])
