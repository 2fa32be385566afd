"""Clients that registered themselves, for whom nobody vouches."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Of the clients that are there nobody knows, so they count as vouched for."""
    with op.batch_alter_table("client") as table:
        table.add_column(
            sa.Column("self_registered", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("client") as table:
        table.alter_column("self_registered", existing_type=sa.Boolean(), server_default=None)


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("client") as table:
        table.drop_column("self_registered")
