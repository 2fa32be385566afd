"""Clients that publish their metadata: longer identifiers, and the times of their documents."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SHORT, LONG = sa.String(length=64), sa.String(length=255)
#: Tables that have a client_id without a foreign key.
OTHERS = ("authorization_code", "refresh_token")
CLIENTS = sa.table("client", sa.column("client_id"), sa.column("document_expires_at"))


def dependents() -> Iterator[tuple[str, str]]:
    """Yield table and column of each foreign key to a client."""
    inspector = sa.inspect(op.get_bind())
    for table in sorted(inspector.get_table_names()):
        for key in inspector.get_foreign_keys(table):
            if key["referred_table"] == "client":
                yield table, key["constrained_columns"][0]


def resize(present: sa.String, wanted: sa.String) -> None:
    """Change the length of all identifiers of clients."""
    columns = [("client", "client_id"), *((table, "client_id") for table in OTHERS), *dependents()]
    for table_name, column in columns:
        with op.batch_alter_table(table_name) as table:
            table.alter_column(column, existing_type=present, type_=wanted)


def upgrade() -> None:
    """Add the columns, and let a client_id be a URL."""
    resize(SHORT, LONG)
    with op.batch_alter_table("client") as table:
        table.add_column(sa.Column("document_expires_at", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("document_usable_until", sa.BigInteger(), nullable=True))
        table.create_index(op.f("ix_client_document_expires_at"), ["document_expires_at"])


def downgrade() -> None:
    """Remove the clients that publish their metadata, and drop the columns."""
    # In a migration, SQLite does not delete the rows that depend on others.
    publishing = CLIENTS.c.document_expires_at.is_not(None)
    owned = sa.select(CLIENTS.c.client_id).where(publishing)
    for name, column in [*((table, "client_id") for table in OTHERS), *dependents()]:
        table = sa.table(name, sa.column(column))
        op.execute(table.delete().where(table.c[column].in_(owned)))
    op.execute(CLIENTS.delete().where(publishing))
    with op.batch_alter_table("client") as client:
        client.drop_index(op.f("ix_client_document_expires_at"))
        client.drop_column("document_usable_until")
        client.drop_column("document_expires_at")
    resize(LONG, SHORT)
