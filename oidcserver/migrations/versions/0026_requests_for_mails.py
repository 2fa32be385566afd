"""The generation of the user in mailed links, and the request that they came of."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

LINKS = sa.table("mailed_link", sa.column("id"), sa.column("request_id"))
IDENTIFIER = sa.String(length=64)


def upgrade() -> None:
    """Add the columns. Links of users that were mailed before are void: they have no generation."""
    with op.batch_alter_table("mailed_link") as table:
        table.add_column(sa.Column("generation", sa.Integer(), nullable=True))
        table.add_column(sa.Column("request_id", IDENTIFIER, nullable=True))
    op.execute(LINKS.update().values(request_id=LINKS.c.id))
    with op.batch_alter_table("mailed_link") as table:
        table.alter_column("request_id", existing_type=IDENTIFIER, nullable=False)
        table.create_index(op.f("ix_mailed_link_request_id"), ["request_id"])


def downgrade() -> None:
    """Drop the columns."""
    with op.batch_alter_table("mailed_link") as table:
        table.drop_index(op.f("ix_mailed_link_request_id"))
        table.drop_column("request_id")
        table.drop_column("generation")
