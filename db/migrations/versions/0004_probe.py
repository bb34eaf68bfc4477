"""The fixed probe: how far layers moved on it, and what their units were.

Revision ID: 0004
Revises: 0003
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DISTANCES = ("w1", "ks", "psi", "js", "mean_shift", "scale_shift", "median_shift")
STATISTICS = (
    *(
        f"{distance}_from_{since}_{over_units}"
        for since in ("start", "previous")
        for distance in DISTANCES
        for over_units in ("median", "mean", "max")
    ),
    *(f"{distance}_floor" for distance in DISTANCES),
    "spread_mean",
    "effective_rank",
)
ARRAYS = ("mean", "std", "p15", "p50", "p85", "running_mean", "running_var")


def upgrade() -> None:
    _create_table(
        "probe_records",
        [sa.Column(statistic, sa.Double) for statistic in STATISTICS]
        + [sa.Column("nonfinite", sa.Integer)],
        sqlite_with_rowid=False,
    )
    _create_table("unit_records", [sa.Column(array, sa.LargeBinary) for array in ARRAYS])


def _create_table(name: str, columns: list[sa.Column[Any]], **options: bool) -> None:
    """A table of layers, whose key is (network, layer, step)."""
    owners = {"network_id": "networks", "layer_id": "layers"}
    op.create_table(
        name,
        *(sa.Column(owner, sa.Integer, nullable=False) for owner in owners),
        sa.Column("step", sa.Integer, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint(*owners, "step", name=f"pk_{name}"),
        *(
            sa.ForeignKeyConstraint(
                [owner], [f"{table}.id"], f"fk_{name}_{owner}_{table}", ondelete="CASCADE"
            )
            for owner, table in owners.items()
        ),
        **options,
    )
