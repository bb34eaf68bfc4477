"""Ensembles: the networks of a seed together on the test set, and the top-2 accuracy of each.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ensemble_records",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("members", sa.Integer),
        sa.Column("test_accuracy", sa.Double),
        sa.Column("test_top_2", sa.Double),
        sa.PrimaryKeyConstraint("run_id", "seed", "step", name="pk_ensemble_records"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], "fk_ensemble_records_run_id_runs", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.add_column("evaluations", sa.Column("test_top_2", sa.Double))
