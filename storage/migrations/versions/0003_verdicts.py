"""What validators said in all runs, and the counts by day; made anew from the log of the runs there are.

Both tables are projections: a later revision that changes them drops them and makes them again, and then
takes `rebuild` out of this one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.verdicts import rebuild

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")
NOTED = sa.text("verdict = 'feedback'")


def texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "verdict",
        sa.Column("run_id", NAME, primary_key=True),
        sa.Column("seq", sa.Integer(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("saga", NAME, nullable=False),
        *texts("saga_hash"),
        sa.Column("step", NAME, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("validator", NAME, nullable=False),
        *texts("kind", "check", "tier", "edge", "verdict", "by"),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("latency_s", sa.Float(), nullable=False),
        sa.Column("overruled", sa.Boolean(), nullable=False),
    )
    op.create_index(
        "verdict_noted",
        "verdict",
        ["saga", "step", "at", "run_id", "seq"],
        sqlite_where=NOTED,
        postgresql_where=NOTED,
    )
    op.create_table(
        "verdict_day",
        *(sa.Column(name, NAME, primary_key=True) for name in ("saga", "step", "validator")),
        sa.Column("day", sa.Integer(), primary_key=True),
        *texts("kind", "check", "tier", "edge"),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("ran", "accepted", "caught", "augmented", "fed_back", "no_verdict", "overruled")
        ),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("latency_s", sa.Float(), nullable=False),
        sa.Column("worst_latency_s", sa.Float(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
    )
    rebuild(op.get_bind())
