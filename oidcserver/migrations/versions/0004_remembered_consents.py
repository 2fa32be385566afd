"""Keep what a user allowed for good apart from what was allowed once."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Remember what one decision said; what several said is asked once more."""
    with op.batch_alter_table("consent") as table:
        for name in ("remembered_scope", "remembered_claims"):
            table.add_column(sa.Column(name, sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("consent") as table:
        for name in ("remembered_scope", "remembered_claims"):
            table.alter_column(name, existing_type=sa.Text(), server_default=None)
    # Of a consent that was decided more than once nobody knows which of it was to be remembered.
    op.execute("UPDATE consent SET remembered = false WHERE updated_at > created_at + 1")
    op.execute(
        "UPDATE consent SET remembered_scope = scope, remembered_claims = claims WHERE remembered"
    )


def downgrade() -> None:
    """Remember a consent as a whole again, where all of it was remembered."""
    op.execute(
        "UPDATE consent SET remembered = false "
        "WHERE remembered_scope <> scope OR remembered_claims <> claims"
    )
    with op.batch_alter_table("consent") as table:
        for name in ("remembered_claims", "remembered_scope"):
            table.drop_column(name)
