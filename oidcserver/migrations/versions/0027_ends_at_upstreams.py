"""The ends of sessions at upstreams, which a sign-in that is under way looks up."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "upstream_end",
        sa.Column("key_digest", sa.String(length=64), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_digest", name=op.f("pk_upstream_end")),
    )
    op.create_index(op.f("ix_upstream_end_expires_at"), "upstream_end", ["expires_at"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("upstream_end")
