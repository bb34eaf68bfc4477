"""First tables: workers, runs, networks, layers and their records.

Revision ID: 0001
Revises: none
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LAYER_STATISTICS = (
    *("mean", "std", "min", "p01", "p05", "p15", "p25", "p50", "p75", "p85", "p95", "p99", "max"),
    *("saturated", "dead", "shift_w1", "shift_from_start"),
    *("activation_grad_norm", "weight_grad_norm", "weight_norm", "update_ratio"),
    *("mean_drift", "var_drift"),
    *("gamma_mean", "gamma_min", "gamma_max", "beta_mean", "beta_std"),
)
EVALUATED = (
    *("test_loss", "test_accuracy"),
    *("test_loss_batch_statistics", "test_accuracy_batch_statistics"),
)


def upgrade() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("devices", sa.JSON),
        sa.Column("datasets", sa.JSON),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("catalog_entry", sa.String(80)),
        sa.Column("experiment", sa.JSON, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("steps_per_second", sa.Double),
        sa.Column("summary", sa.JSON, nullable=False),
        sa.Column("device", sa.String(20)),
        sa.Column("versions", sa.JSON),
        sa.Column("worker_id", sa.Integer),
        sa.Column("phase", sa.String(200)),
        sa.Column("error", sa.String),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("stop_asked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.ForeignKeyConstraint(
            ["worker_id"], ["workers.id"], "fk_runs_worker_id_workers", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_runs_status", "runs", ["status"])
    op.create_table(
        "networks",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("arm", sa.String(80), nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("parameters", sa.Integer, nullable=False),
        sa.Column("weights_hash", sa.String(64), nullable=False),
        sa.Column("diverged_step", sa.Integer),
        sa.Column("frozen_step", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_networks"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], "fk_networks_run_id_runs", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("run_id", "arm", "seed", name="uq_networks_run_id"),
    )
    op.create_table(
        "layers",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("network_id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("norm", sa.String(40), nullable=False),
        sa.Column("activation", sa.String(40), nullable=False),
        sa.Column("units", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_layers"),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], "fk_layers_network_id_networks", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("network_id", "name", name="uq_layers_network_id"),
    )
    _create_record_table("layer_records", LAYER_STATISTICS, of_layers=True)
    _create_record_table("network_records", ("loss", "accuracy", "grad_norm", "lr", "seconds"))
    _create_record_table("evaluations", EVALUATED)


def _create_record_table(
    name: str, statistics: tuple[str, ...], *, of_layers: bool = False
) -> None:
    """A table clustered by its key: (network, layer, step) or (network, step)."""
    owners = {"network_id": "networks"} | ({"layer_id": "layers"} if of_layers else {})
    op.create_table(
        name,
        *(sa.Column(owner, sa.Integer, nullable=False) for owner in owners),
        sa.Column("step", sa.Integer, nullable=False),
        *(sa.Column(statistic, sa.Double) for statistic in statistics),
        *([sa.Column("nonfinite", sa.Integer)] if of_layers else []),
        sa.PrimaryKeyConstraint(*owners, "step", name=f"pk_{name}"),
        *(
            sa.ForeignKeyConstraint(
                [owner], [f"{table}.id"], f"fk_{name}_{owner}_{table}", ondelete="CASCADE"
            )
            for owner, table in owners.items()
        ),
        sqlite_with_rowid=False,
    )
