"""Groups of users, the groups that may use a client, and clients that skip consent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Create the tables, and add the columns."""
    op.create_table(
        "user_group",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_user_group")),
    )
    op.create_table(
        "membership",
        sa.Column("group_name", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_name"],
            ["user_group.name"],
            name=op.f("fk_membership_group_name_user_group"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_membership_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_name", "user_id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_user_id"), "membership", ["user_id"])
    with op.batch_alter_table("client") as table:
        table.add_column(sa.Column("allowed_groups", JSON, nullable=True))
        table.add_column(
            sa.Column("skip_consent", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("client") as table:
        table.alter_column("skip_consent", existing_type=sa.Boolean(), server_default=None)


def downgrade() -> None:
    """Drop the columns and the tables."""
    with op.batch_alter_table("client") as table:
        table.drop_column("skip_consent")
        table.drop_column("allowed_groups")
    op.drop_table("membership")
    op.drop_table("user_group")
