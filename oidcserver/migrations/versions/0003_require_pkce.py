"""An exemption from PKCE becomes the member require_pkce of a client's metadata."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CLIENT = sa.table(
    "client",
    sa.column("client_id", sa.String),
    sa.column("client_metadata", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
    sa.column("pkce_optional", sa.Boolean),
)


def upgrade() -> None:
    """Let a confidential client keep its exemption; a public one has none."""
    connection = op.get_bind()
    exempt = sa.select(_CLIENT.c.client_id, _CLIENT.c.client_metadata).where(
        _CLIENT.c.pkce_optional.is_(sa.true())
    )
    for client_id, metadata in connection.execute(exempt).all():
        if metadata.get("token_endpoint_auth_method") != "none":
            changed = {**metadata, "require_pkce": False}
            _update(client_id, client_metadata=changed)
    with op.batch_alter_table("client") as table:
        table.drop_column("pkce_optional")


def downgrade() -> None:
    """Bring the column back."""
    with op.batch_alter_table("client") as table:
        table.add_column(
            sa.Column("pkce_optional", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("client") as table:
        table.alter_column("pkce_optional", existing_type=sa.Boolean(), server_default=None)
    connection = op.get_bind()
    clients = sa.select(_CLIENT.c.client_id, _CLIENT.c.client_metadata)
    for client_id, metadata in connection.execute(clients).all():
        if "require_pkce" in metadata:
            rest = {name: value for name, value in metadata.items() if name != "require_pkce"}
            exempt = metadata["require_pkce"] is False
            _update(client_id, client_metadata=rest, pkce_optional=exempt)


def _update(client_id: str, **values: object) -> None:
    op.get_bind().execute(
        sa.update(_CLIENT).where(_CLIENT.c.client_id == client_id).values(**values)
    )
