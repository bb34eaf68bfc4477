"""Tags, notes, archived and deleted runs, and the columns that lists of runs are searched by.

What follows from a run's document and records is filled in by `outline.fill`, once all migrations
are through.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("tags", sa.String(1000), nullable=False, server_default=""))
        runs.add_column(sa.Column("note", sa.String(1000), nullable=False, server_default=""))
        archived = sa.Column("archived", sa.Boolean, nullable=False, server_default=sa.false())
        runs.add_column(archived)
        runs.add_column(sa.Column("deleted_at", sa.DateTime(timezone=True)))
        runs.add_column(sa.Column("edited_at", sa.DateTime(timezone=True)))
        runs.create_index("ix_runs_edited_at", ["edited_at"])
        runs.add_column(sa.Column("dataset", sa.String(40)))
        runs.add_column(sa.Column("network", sa.String(80)))
        runs.add_column(sa.Column("norms", sa.String(1000), nullable=False, server_default=""))
        runs.add_column(sa.Column("lr", sa.Double))
        runs.add_column(sa.Column("seed_count", sa.Integer))
        for name in ("last_accuracy", "best_accuracy", "ratio", "duration"):
            runs.add_column(sa.Column(name, sa.Double))
