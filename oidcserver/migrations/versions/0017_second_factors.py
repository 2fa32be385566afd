"""Second factors, and sign-ins that wait for one."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INDEXES = {"pending_sign_in": ("user_id", "expires_at"), "recovery_code": ("user_id",)}


def create(name: str, *columns: sa.Column[object], unique: Sequence[str] = ()) -> None:
    """Create a table of rows of users."""
    op.create_table(
        name,
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f(f"fk_{name}_user_id_user_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "id" if any(it.name == "id" for it in columns) else "user_id", name=op.f(f"pk_{name}")
        ),
        *(sa.UniqueConstraint(it, name=op.f(f"uq_{name}_{it}")) for it in unique),
    )
    for column in INDEXES.get(name, ()):
        op.create_index(op.f(f"ix_{name}_{column}"), name, [column])


def upgrade() -> None:
    """Add the tables."""
    create(
        "pending_sign_in",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("amr", JSON, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        unique=("token_digest",),
    )
    create(
        "authenticator_app",
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
    )
    create(
        "recovery_code",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        unique=("code_digest",),
    )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("recovery_code", "authenticator_app", "pending_sign_in"):
        op.drop_table(name)
