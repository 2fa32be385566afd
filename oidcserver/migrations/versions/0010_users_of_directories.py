"""Accounts of users whom another directory knows, by their identifier there."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

USERS = sa.table("user_account", sa.column("id"), sa.column("external_id"))


def upgrade() -> None:
    """Add the columns. The users that are there are known here alone."""
    with op.batch_alter_table("user_account") as table:
        table.add_column(
            sa.Column("realm", sa.String(length=255), nullable=False, server_default="local")
        )
        table.add_column(sa.Column("external_id", sa.String(length=255), nullable=True))
    op.execute(USERS.update().values(external_id=USERS.c.id))
    with op.batch_alter_table("user_account") as table:
        table.alter_column("realm", existing_type=sa.String(length=255), server_default=None)
        table.alter_column("external_id", existing_type=sa.String(length=255), nullable=False)
        table.create_unique_constraint(op.f("uq_user_account_realm"), ["realm", "external_id"])


def downgrade() -> None:
    """Drop the columns."""
    with op.batch_alter_table("user_account") as table:
        table.drop_constraint(op.f("uq_user_account_realm"), type_="unique")
        table.drop_column("external_id")
        table.drop_column("realm")
