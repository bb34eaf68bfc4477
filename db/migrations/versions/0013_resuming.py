"""What resuming a run needs: its starts, interruptions and newest checkpoint.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("starts", sa.Integer, nullable=False, server_default="0"))
        runs.add_column(sa.Column("interruptions", sa.Integer, nullable=False, server_default="0"))
        runs.add_column(sa.Column("checkpoint_step", sa.Integer))
        runs.add_column(sa.Column("checkpoint_place", sa.String(36)))
