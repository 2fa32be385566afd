"""Note which self-registered clients are in use."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column. Clients that manage their own registration count as used now."""
    with op.batch_alter_table("client") as table:
        table.add_column(sa.Column("last_used_at", sa.BigInteger(), nullable=True))
        table.create_index(op.f("ix_client_last_used_at"), ["last_used_at"])
    client = sa.table(
        "client",
        sa.column("last_used_at", sa.BigInteger()),
        sa.column("registration_token_digest", sa.String()),
    )
    op.execute(
        client.update()
        .where(client.c.registration_token_digest.is_not(None))
        .values(last_used_at=int(time.time()))
    )


def downgrade() -> None:
    """Drop the column."""
    with op.batch_alter_table("client") as table:
        table.drop_index(op.f("ix_client_last_used_at"))
        table.drop_column("last_used_at")
