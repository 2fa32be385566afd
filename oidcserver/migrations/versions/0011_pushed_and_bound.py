"""Pushed requests, authorization details, resources, bound tokens, generations of accounts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Add the columns."""
    with op.batch_alter_table("suspended_request") as table:
        table.add_column(
            sa.Column("pushed", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("suspended_request") as table:
        table.alter_column("pushed", existing_type=sa.Boolean(), server_default=None)
    with op.batch_alter_table("user_account") as table:
        table.add_column(sa.Column("generation", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("user_account") as table:
        table.alter_column("generation", existing_type=sa.Integer(), server_default=None)
    with op.batch_alter_table("authorization") as table:
        table.add_column(sa.Column("authorization_details", JSON, nullable=True))
    with op.batch_alter_table("consent") as table:
        table.add_column(sa.Column("remembered_resources", JSON, nullable=True))
    with op.batch_alter_table("refresh_token") as table:
        table.add_column(sa.Column("confirmation", JSON, nullable=True))


def downgrade() -> None:
    """Drop the columns."""
    with op.batch_alter_table("user_account") as table:
        table.drop_column("generation")
    with op.batch_alter_table("refresh_token") as table:
        table.drop_column("confirmation")
    with op.batch_alter_table("consent") as table:
        table.drop_column("remembered_resources")
    with op.batch_alter_table("authorization") as table:
        table.drop_column("authorization_details")
    with op.batch_alter_table("suspended_request") as table:
        table.drop_column("pushed")
