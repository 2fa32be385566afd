"""Compute the keys of verified addresses anew, and note whether the time of a sign-in is known.

The keys were made with case folding, which makes different mailboxes equal.
"""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op
from email_validator import EmailNotValidError, validate_email

from oidcserver.mailboxes import verified_address_key

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

#: Users who are read at once.
BATCH = 1000
USERS = sa.table(
    "user_account", sa.column("id"), sa.column("claims", sa.JSON()), sa.column("address_key")
)


def upgrade() -> None:
    """Compute the key of each verified address anew, and add the columns."""
    _write_keys(verified_address_key)
    with op.batch_alter_table("login_session") as table:
        table.add_column(
            sa.Column("auth_time_known", sa.Boolean(), nullable=False, server_default=sa.true())
        )
    with op.batch_alter_table("login_session") as table:
        table.alter_column("auth_time_known", existing_type=sa.Boolean(), server_default=None)
    with op.batch_alter_table("pending_sign_in") as table:
        table.add_column(sa.Column("auth_time", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Fold the case of each address, and drop the columns."""
    with op.batch_alter_table("pending_sign_in") as table:
        table.drop_column("auth_time")
    with op.batch_alter_table("login_session") as table:
        table.drop_column("auth_time_known")
    _write_keys(_folded)


def _folded(claims: Mapping[str, Any]) -> str | None:
    try:
        found = validate_email(
            str(claims.get("email")), check_deliverability=False, test_environment=True
        )
    except EmailNotValidError:
        return None
    return found.normalized.casefold()


def _write_keys(key_of: Callable[[Mapping[str, Any]], str | None]) -> None:
    connection = op.get_bind()
    known = sa.select(USERS).where(USERS.c.address_key.is_not(None)).order_by(USERS.c.id)
    rows = connection.execute(known.limit(BATCH)).all()
    while rows:
        for row in rows:
            key = key_of(row.claims)
            if key != row.address_key:
                write = USERS.update().where(USERS.c.id == row.id)
                connection.execute(write.values(address_key=key))
        rows = connection.execute(known.where(USERS.c.id > rows[-1].id).limit(BATCH)).all()
