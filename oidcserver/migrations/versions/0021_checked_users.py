"""When a user directory was last asked about a user."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and its index."""
    with op.batch_alter_table("user_account") as table:
        table.add_column(sa.Column("checked_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_user_account_realm_checked_at", "user_account", ["realm", "checked_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_user_account_realm_checked_at", "user_account")
    with op.batch_alter_table("user_account") as table:
        table.drop_column("checked_at")
