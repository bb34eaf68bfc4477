"""Watched runs, whose loop is a person's own, and what observing cost.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("workers") as workers:
        workers.add_column(
            sa.Column("kind", sa.String(10), nullable=False, server_default="worker")
        )
    with op.batch_alter_table("runs") as runs:
        runs.add_column(
            sa.Column("source", sa.String(10), nullable=False, server_default="experiment")
        )
        runs.add_column(sa.Column("watched", sa.JSON))
        runs.add_column(sa.Column("overhead", sa.Double))
        runs.add_column(sa.Column("waited", sa.Double))
        runs.add_column(sa.Column("looked", sa.Integer))
        runs.alter_column("experiment", existing_type=sa.JSON(), nullable=True)
        runs.alter_column("steps", existing_type=sa.Integer(), nullable=True)
    with op.batch_alter_table("networks") as networks:
        networks.alter_column(
            "parameters", existing_type=sa.Integer(), type_=sa.BigInteger(), existing_nullable=False
        )
    with op.batch_alter_table("layers") as layers:
        layers.add_column(sa.Column("elements", sa.BigInteger))
        layers.add_column(sa.Column("sampled", sa.Integer))
        layers.alter_column(
            "name",
            existing_type=sa.String(120),
            type_=sa.String(255),
            existing_nullable=False,
        )
