"""Remembered devices, the methods of sign-ins, and passkeys of which there may be a copy."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
#: Tables whose rows say by which methods a user signed in. Of older rows it is not known.
WITH_METHODS = ("login_session", "pending_sign_in")


def upgrade() -> None:
    """Create the table, and add the columns."""
    op.create_table(
        "remembered_device",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("remote_address", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_remembered_device_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remembered_device")),
        sa.UniqueConstraint(
            "token_digest", "user_id", name=op.f("uq_remembered_device_token_digest")
        ),
    )
    for column in ("user_id", "expires_at"):
        op.create_index(op.f(f"ix_remembered_device_{column}"), "remembered_device", [column])
    for name in WITH_METHODS:
        with op.batch_alter_table(name) as table:
            table.add_column(sa.Column("methods", JSON, nullable=False, server_default="[]"))
        with op.batch_alter_table(name) as table:
            table.alter_column("methods", existing_type=JSON, server_default=None)
    with op.batch_alter_table("passkey") as table:
        table.add_column(sa.Column("refused_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Drop the columns and the table."""
    with op.batch_alter_table("passkey") as table:
        table.drop_column("refused_at")
    for name in reversed(WITH_METHODS):
        with op.batch_alter_table(name) as table:
            table.drop_column("methods")
    op.drop_table("remembered_device")
