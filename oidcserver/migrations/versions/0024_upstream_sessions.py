"""Sign-ins at upstreams that login sessions came of, and the groups that upstreams name."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and add the column."""
    op.create_table(
        "upstream_group",
        sa.Column("link_id", sa.String(length=64), nullable=False),
        sa.Column("group_name", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["link_id"],
            ["upstream_link.id"],
            name=op.f("fk_upstream_group_link_id_upstream_link"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("link_id", "group_name", name=op.f("pk_upstream_group")),
    )
    op.create_table(
        "upstream_session",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=True),
        sa.Column("upstream", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("sid", sa.String(length=255), nullable=False),
        sa.Column("id_token_sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["login_session.id"],
            name=op.f("fk_upstream_session_session_id_login_session"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upstream_session")),
    )
    for column in ("session_id", "subject", "created_at"):
        op.create_index(op.f(f"ix_upstream_session_{column}"), "upstream_session", [column])
    with op.batch_alter_table("pending_sign_in") as table:
        table.add_column(sa.Column("upstream_session_id", sa.String(length=64), nullable=True))
        table.create_foreign_key(
            op.f("fk_pending_sign_in_upstream_session_id_upstream_session"),
            "upstream_session",
            ["upstream_session_id"],
            ["id"],
            ondelete="CASCADE",
        )
        table.create_index(op.f("ix_pending_sign_in_upstream_session_id"), ["upstream_session_id"])


def downgrade() -> None:
    """Drop the column and the tables."""
    with op.batch_alter_table("pending_sign_in") as table:
        table.drop_index(op.f("ix_pending_sign_in_upstream_session_id"))
        table.drop_constraint(
            op.f("fk_pending_sign_in_upstream_session_id_upstream_session"), type_="foreignkey"
        )
        table.drop_column("upstream_session_id")
    op.drop_table("upstream_session")
    op.drop_table("upstream_group")
