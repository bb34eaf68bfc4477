"""Runs that are studies, and what they measured.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("study", sa.JSON))
    op.create_table(
        "measurements",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("quantity", sa.String(80), nullable=False),
        sa.Column("series", sa.String(120), nullable=False),
        sa.Column("x", sa.Double, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "position", name="pk_measurements"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], "fk_measurements_run_id_runs", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
