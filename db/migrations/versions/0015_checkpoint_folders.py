"""Whose checkpoints are whose: an identity of the database, and the place that a worker has.

Revision ID: 0015
Revises: 0014
"""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    identity = op.create_table(
        "identity",
        sa.Column("name", sa.String(12), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_identity"),
    )
    count = sa.text("SELECT count(*) FROM runs WHERE checkpoint_place IS NOT NULL")
    # runs that can be resumed: their folder keeps the name that it had without an identity
    has_folder = op.get_bind().execute(count).scalar_one() > 0
    op.bulk_insert(identity, [{"name": "" if has_folder else uuid4().hex[:12]}])
    op.add_column("workers", sa.Column("place", sa.String(36)))
