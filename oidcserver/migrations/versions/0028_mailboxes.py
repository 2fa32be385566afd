"""Compute the keys of verified addresses without case folding, which made different ones equal."""

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

USERS = sa.table(
    "user_account", sa.column("id"), sa.column("claims", sa.JSON()), sa.column("address_key")
)


def upgrade() -> None:
    """Compute the key of each verified address anew."""
    _write_keys(verified_address_key)


def downgrade() -> None:
    """Fold the case of each address."""
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
    known = sa.select(USERS).where(USERS.c.address_key.is_not(None))
    for row in connection.execute(known).all():
        key = key_of(row.claims)
        if key != row.address_key:
            connection.execute(USERS.update().where(USERS.c.id == row.id).values(address_key=key))
