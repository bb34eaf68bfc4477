"""Gradient shift and loss landscape, as Santurkar et al. (2018) define them, and what they cost.

Revision ID: 0006
Revises: 0005
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NETWORK = {"network_id": "networks"}
LAYER = NETWORK | {"layer_id": "layers"}


def upgrade() -> None:
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("measured", sa.Double))
    _create_table("gradient_shift_records", LAYER, ("shift_l2", "shift_relative", "shift_cosine"))
    _create_table(
        "landscape_records", NETWORK, ("loss", "loss_range", "gradient_change", "smoothness")
    )


def _create_table(name: str, owners: Mapping[str, str], statistics: Sequence[str]) -> None:
    """A table of records, whose key is (owners …, step)."""
    op.create_table(
        name,
        *(sa.Column(owner, sa.Integer, nullable=False) for owner in owners),
        sa.Column("step", sa.Integer, nullable=False),
        *(sa.Column(statistic, sa.Double) for statistic in statistics),
        sa.PrimaryKeyConstraint(*owners, "step", name=f"pk_{name}"),
        *(
            sa.ForeignKeyConstraint(
                [owner], [f"{table}.id"], f"fk_{name}_{owner}_{table}", ondelete="CASCADE"
            )
            for owner, table in owners.items()
        ),
        sqlite_with_rowid=False,
    )
