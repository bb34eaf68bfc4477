"""Levels: minima and maxima of long series, kept beside the records.

Revision ID: 0010
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "levels",
        sa.Column("network_id", sa.Integer, nullable=False),
        sa.Column("layer_id", sa.Integer, nullable=False),
        sa.Column("table_name", sa.String(40), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("statistic", sa.String(80), nullable=False),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("low", sa.LargeBinary, nullable=False),
        sa.Column("high", sa.LargeBinary, nullable=False),
        sa.Column("flags", sa.LargeBinary),
        sa.PrimaryKeyConstraint(
            *("network_id", "layer_id", "table_name", "width", "statistic", "start"),
            name="pk_levels",
        ),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], "fk_levels_network_id_networks", ondelete="CASCADE"
        ),
    )
