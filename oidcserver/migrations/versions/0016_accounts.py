"""Links and codes that were mailed, and users by their verified address."""

import sqlalchemy as sa
from alembic import op

from oidcserver.mailboxes import verified_address_key

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

USERS = sa.table(
    "user_account", sa.column("id"), sa.column("claims", sa.JSON()), sa.column("address_key")
)


def upgrade() -> None:
    """Add the table, and the verified address of each user."""
    op.create_table(
        "mailed_link",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=True),
        sa.Column("data_sealed", sa.Text(), nullable=False),
        sa.Column("browser_digest", sa.String(length=64), nullable=False),
        sa.Column("onward", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("proven_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailed_link")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_mailed_link_token_digest")),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_mailed_link_user_id_user_account"),
            ondelete="CASCADE",
        ),
    )
    for column in ("user_id", "expires_at"):
        op.create_index(op.f(f"ix_mailed_link_{column}"), "mailed_link", [column])
    with op.batch_alter_table("user_account") as table:
        table.add_column(sa.Column("address_key", sa.String(length=320), nullable=True))
        table.create_index(op.f("ix_user_account_address_key"), ["address_key"])
    connection = op.get_bind()
    for row in connection.execute(sa.select(USERS.c.id, USERS.c.claims)).all():
        key = verified_address_key(row.claims or {})
        if key is not None:
            connection.execute(USERS.update().where(USERS.c.id == row.id).values(address_key=key))


def downgrade() -> None:
    """Drop the table and the column."""
    with op.batch_alter_table("user_account") as table:
        table.drop_index(op.f("ix_user_account_address_key"))
        table.drop_column("address_key")
    op.drop_table("mailed_link")
