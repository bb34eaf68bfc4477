"""What happened to a run, and what it took of the machine.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SHARES = ("cpu", "memory", "machine_cpu", "machine_memory", "gpu", "gpu_memory")


def upgrade() -> None:
    op.create_table(
        "log_entries",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("level", sa.String(10), nullable=False),
        sa.Column("message", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_entries"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], "fk_log_entries_run_id_runs", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_log_entries_run_id", "log_entries", ["run_id"])
    op.create_table(
        "system_records",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("sample", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Double) for name in SHARES),
        sa.PrimaryKeyConstraint("run_id", "sample", name="pk_system_records"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], "fk_system_records_run_id_runs", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
