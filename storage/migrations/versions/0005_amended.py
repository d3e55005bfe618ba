"""Whether the plan of a run was amended: who looks for the runs that wait for something must look into those."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run", sa.Column("amended", sa.Boolean(), nullable=False, server_default=sa.false()))
    run, event = (
        sa.table("run", sa.column("id"), sa.column("amended", sa.Boolean())),
        sa.table("event", sa.column("run_id"), sa.column("type")),
    )
    were = sa.select(event.c.run_id).where(event.c.type == "plan_amended")
    op.execute(sa.update(run).where(run.c.id.in_(were)).values(amended=sa.true()))
