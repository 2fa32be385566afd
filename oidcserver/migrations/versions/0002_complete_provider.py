"""Pairwise subjects, request objects and claims, dynamic registration and the logout channels."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; give each authorization the subject that its client knows."""
    with op.batch_alter_table("authorization") as table:
        table.add_column(sa.Column("subject", sa.String(length=255), nullable=True))
    op.execute('UPDATE "authorization" SET subject = user_id')
    with op.batch_alter_table("authorization") as table:
        table.alter_column("subject", existing_type=sa.String(length=255), nullable=False)
    with op.batch_alter_table("client") as table:
        table.add_column(
            sa.Column("registration_token_digest", sa.String(length=64), nullable=True)
        )
    with op.batch_alter_table("suspended_request") as table:
        table.add_column(
            sa.Column("signed", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        table.add_column(sa.Column("selected_session_id", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("declined_acr", sa.Text(), nullable=True))
        table.add_column(sa.Column("allowed_claims", sa.Text(), nullable=True))
    with op.batch_alter_table("suspended_request") as table:
        table.alter_column("signed", existing_type=sa.Boolean(), server_default=None)
    with op.batch_alter_table("consent") as table:
        table.add_column(sa.Column("claims", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("consent") as table:
        table.alter_column("claims", existing_type=sa.Text(), server_default=None)
    op.create_table(
        "pairwise_subject",
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("sector", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_pairwise_subject_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_pairwise_subject")),
        sa.UniqueConstraint("user_id", "sector", name=op.f("uq_pairwise_subject_user_id")),
    )
    op.create_table(
        "initial_access_token",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_initial_access_token")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_initial_access_token_token_digest")),
    )
    op.create_index(
        op.f("ix_initial_access_token_expires_at"), "initial_access_token", ["expires_at"]
    )
    op.create_table(
        "login_session_client",
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["login_session.id"],
            name=op.f("fk_login_session_client_session_id_login_session"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["client.client_id"],
            name=op.f("fk_login_session_client_client_id_client"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("session_id", "client_id", name=op.f("pk_login_session_client")),
    )
    op.create_index(
        op.f("ix_login_session_client_client_id"), "login_session_client", ["client_id"]
    )
    op.create_table(
        "logout_delivery",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["client.client_id"],
            name=op.f("fk_logout_delivery_client_id_client"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logout_delivery")),
    )
    for column in ("client_id", "expires_at", "next_attempt_at"):
        op.create_index(op.f(f"ix_logout_delivery_{column}"), "logout_delivery", [column])


def downgrade() -> None:
    """Drop what ``upgrade`` made."""
    for name in (
        "logout_delivery",
        "login_session_client",
        "initial_access_token",
        "pairwise_subject",
    ):
        op.drop_table(name)
    with op.batch_alter_table("consent") as table:
        table.drop_column("claims")
    with op.batch_alter_table("suspended_request") as table:
        for column in ("allowed_claims", "declined_acr", "selected_session_id", "signed"):
            table.drop_column(column)
    with op.batch_alter_table("client") as table:
        table.drop_column("registration_token_digest")
    with op.batch_alter_table("authorization") as table:
        table.drop_column("subject")
