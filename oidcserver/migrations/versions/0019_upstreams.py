"""Sign-ins at other OpenID Providers."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "upstream_request",
        sa.Column("state_digest", sa.String(length=64), nullable=False),
        sa.Column("upstream", sa.String(length=64), nullable=False),
        sa.Column("browser_digest", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=True),
        sa.Column("secrets_sealed", sa.Text(), nullable=False),
        sa.Column("onward", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["login_session.id"],
            name=op.f("fk_upstream_request_session_id_login_session"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("state_digest", name=op.f("pk_upstream_request")),
    )
    for column in ("session_id", "expires_at"):
        op.create_index(op.f(f"ix_upstream_request_{column}"), "upstream_request", [column])
    op.create_table(
        "upstream_link",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("upstream", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("shown_as", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_upstream_link_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upstream_link")),
        sa.UniqueConstraint(
            "upstream", "issuer", "subject", name=op.f("uq_upstream_link_upstream")
        ),
        sa.UniqueConstraint(
            "user_id",
            "upstream",
            "issuer",
            name=op.f("uq_upstream_link_user_id_upstream_issuer"),
        ),
    )
    op.create_index(op.f("ix_upstream_link_user_id"), "upstream_link", ["user_id"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("upstream_link")
    op.drop_table("upstream_request")
