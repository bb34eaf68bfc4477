"""Signal-to-noise ratio of each layer's gradient; NULL in what was recorded before.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("layer_records", sa.Column("grad_snr", sa.Double))
