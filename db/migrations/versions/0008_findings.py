"""Findings: what diagnosis rules noticed in a run.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("diagnosed", sa.Integer))
    op.create_table(
        "findings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("rule", sa.String(40), nullable=False),
        sa.Column("network_id", sa.Integer),
        sa.Column("layer_id", sa.Integer),
        sa.Column("first_step", sa.Integer, nullable=False),
        sa.Column("last_step", sa.Integer, nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("evidence_table", sa.String(40), nullable=False),
        sa.Column("statistic", sa.String(80), nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("threshold", sa.Double, nullable=False),
        sa.Column("evidence_first", sa.Integer, nullable=False),
        sa.Column("evidence_last", sa.Integer, nullable=False),
        *(sa.Column(words, sa.String, nullable=False) for words in ("sentence", "why", "advice")),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], f"fk_findings_{column}_{table}", ondelete="CASCADE"
            )
            for column, table in (
                ("run_id", "runs"),
                ("network_id", "networks"),
                ("layer_id", "layers"),
            )
        ),
    )
    op.create_index("ix_findings_run_id", "findings", ["run_id"])
