"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "client",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("client_metadata", JSON, nullable=False),
        sa.Column("owner_id", sa.String(length=64), nullable=True),
        sa.Column("secret_digest", sa.String(length=64), nullable=True),
        sa.Column("secret_sealed", sa.Text(), nullable=True),
        sa.Column("secret_expires_at", sa.BigInteger(), nullable=False),
        sa.Column("previous_secret_digest", sa.String(length=64), nullable=True),
        sa.Column("previous_secret_sealed", sa.Text(), nullable=True),
        sa.Column("previous_secret_expires_at", sa.BigInteger(), nullable=False),
        sa.Column("client_id_issued_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("pkce_optional", sa.Boolean(), nullable=False),
        sa.Column("resource_server", sa.Boolean(), nullable=False),
        sa.Column("access_token_format", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_client")),
    )
    op.create_index(op.f("ix_client_owner_id"), "client", ["owner_id"], unique=False)
    op.create_table(
        "rejection",
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("endpoint", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("error", sa.String(length=64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("received", JSON, nullable=False),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_rejection")),
    )
    op.create_index(op.f("ix_rejection_created_at"), "rejection", ["created_at"], unique=False)
    op.create_table(
        "revoked_access_token",
        sa.Column("token_id", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_revoked_access_token")),
    )
    op.create_index(
        op.f("ix_revoked_access_token_expires_at"),
        "revoked_access_token",
        ["expires_at"],
        unique=False,
    )
    op.create_table(
        "throttle",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("window_started_at", sa.BigInteger(), nullable=False),
        sa.Column("blocked_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttle")),
    )
    op.create_index(
        op.f("ix_throttle_window_started_at"), "throttle", ["window_started_at"], unique=False
    )
    op.create_table(
        "used_identifier",
        sa.Column("identifier_digest", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("identifier_digest", name=op.f("pk_used_identifier")),
    )
    op.create_index(
        op.f("ix_used_identifier_expires_at"), "used_identifier", ["expires_at"], unique=False
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("username_key", sa.String(length=255), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("claims", JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("username_key", name=op.f("uq_user_account_username_key")),
    )
    op.create_table(
        "authorization",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("claims_request", JSON, nullable=True),
        sa.Column("resources", JSON, nullable=True),
        sa.Column("confirmation", JSON, nullable=True),
        sa.Column("nonce", sa.Text(), nullable=True),
        sa.Column("auth_time", sa.BigInteger(), nullable=True),
        sa.Column("acr", sa.Text(), nullable=True),
        sa.Column("amr", JSON, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["client.client_id"],
            name=op.f("fk_authorization_client_id_client"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_authorization_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authorization")),
    )
    op.create_index(
        op.f("ix_authorization_client_id"), "authorization", ["client_id"], unique=False
    )
    op.create_index(
        op.f("ix_authorization_expires_at"), "authorization", ["expires_at"], unique=False
    )
    op.create_index(
        op.f("ix_authorization_session_id"), "authorization", ["session_id"], unique=False
    )
    op.create_index(op.f("ix_authorization_user_id"), "authorization", ["user_id"], unique=False)
    op.create_table(
        "consent",
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("remembered", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["client.client_id"],
            name=op.f("fk_consent_client_id_client"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_consent_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "client_id", name=op.f("pk_consent")),
    )
    op.create_table(
        "login_session",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("auth_time", sa.BigInteger(), nullable=False),
        sa.Column("acr", sa.String(length=255), nullable=False),
        sa.Column("amr", JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("remote_address", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f("fk_login_session_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_login_session_token_digest")),
    )
    op.create_index(
        op.f("ix_login_session_expires_at"), "login_session", ["expires_at"], unique=False
    )
    op.create_index(op.f("ix_login_session_user_id"), "login_session", ["user_id"], unique=False)
    op.create_table(
        "suspended_request",
        sa.Column("reference_digest", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("parameters", JSON, nullable=False),
        sa.Column("browser_digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("authenticated_session_id", sa.String(length=64), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("allowed_scope", sa.Text(), nullable=True),
        sa.Column("denied", sa.Boolean(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("response_sealed", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["client.client_id"],
            name=op.f("fk_suspended_request_client_id_client"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("reference_digest", name=op.f("pk_suspended_request")),
    )
    op.create_index(
        op.f("ix_suspended_request_expires_at"), "suspended_request", ["expires_at"], unique=False
    )
    op.create_table(
        "authorization_code",
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("authorization_id", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=True),
        sa.Column("code_challenge", sa.String(length=128), nullable=True),
        sa.Column("code_challenge_method", sa.String(length=16), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["authorization_id"],
            ["authorization.id"],
            name=op.f("fk_authorization_code_authorization_id_authorization"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("code_digest", name=op.f("pk_authorization_code")),
    )
    op.create_index(
        op.f("ix_authorization_code_authorization_id"),
        "authorization_code",
        ["authorization_id"],
        unique=False,
    )
    op.create_table(
        "refresh_token",
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("authorization_id", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("family_expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("successor_sealed", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["authorization_id"],
            ["authorization.id"],
            name=op.f("fk_refresh_token_authorization_id_authorization"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_refresh_token")),
    )
    op.create_index(
        op.f("ix_refresh_token_authorization_id"),
        "refresh_token",
        ["authorization_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_refresh_token_expires_at"), "refresh_token", ["expires_at"], unique=False
    )


def downgrade() -> None:
    """Drop every table."""
    op.drop_index(op.f("ix_refresh_token_expires_at"), table_name="refresh_token")
    op.drop_index(op.f("ix_refresh_token_authorization_id"), table_name="refresh_token")
    op.drop_table("refresh_token")
    op.drop_index(op.f("ix_authorization_code_authorization_id"), table_name="authorization_code")
    op.drop_table("authorization_code")
    op.drop_index(op.f("ix_suspended_request_expires_at"), table_name="suspended_request")
    op.drop_table("suspended_request")
    op.drop_index(op.f("ix_login_session_user_id"), table_name="login_session")
    op.drop_index(op.f("ix_login_session_expires_at"), table_name="login_session")
    op.drop_table("login_session")
    op.drop_table("consent")
    op.drop_index(op.f("ix_authorization_user_id"), table_name="authorization")
    op.drop_index(op.f("ix_authorization_session_id"), table_name="authorization")
    op.drop_index(op.f("ix_authorization_expires_at"), table_name="authorization")
    op.drop_index(op.f("ix_authorization_client_id"), table_name="authorization")
    op.drop_table("authorization")
    op.drop_table("user_account")
    op.drop_index(op.f("ix_used_identifier_expires_at"), table_name="used_identifier")
    op.drop_table("used_identifier")
    op.drop_index(op.f("ix_throttle_window_started_at"), table_name="throttle")
    op.drop_table("throttle")
    op.drop_index(op.f("ix_revoked_access_token_expires_at"), table_name="revoked_access_token")
    op.drop_table("revoked_access_token")
    op.drop_index(op.f("ix_rejection_created_at"), table_name="rejection")
    op.drop_table("rejection")
    op.drop_index(op.f("ix_client_owner_id"), table_name="client")
    op.drop_table("client")
