"""Let the counters of a user name be found, so that an operator can clear them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Counters of before are of no name: they end with their window."""
    with op.batch_alter_table("throttle") as table:
        table.add_column(sa.Column("whose", sa.String(length=64), nullable=True))
        table.create_index(op.f("ix_throttle_whose"), ["whose"])


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("throttle") as table:
        table.drop_index(op.f("ix_throttle_whose"))
        table.drop_column("whose")
