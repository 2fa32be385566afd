"""Bring the keys of user names into the form of RFC 8265."""

import logging
import unicodedata
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op
from precis_i18n import get_profile

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

log = logging.getLogger("oidcserver.migrations")
MAX_USERNAME_KEY = 255
PROFILE = get_profile("UsernameCaseMapped")
USERS = sa.table(
    "user_account",
    sa.column("id", sa.String()),
    sa.column("username", sa.String()),
    sa.column("username_key", sa.String()),
    sa.column("created_at", sa.BigInteger()),
)


def upgrade() -> None:
    """Normalise each name anew. Of two names that are now equal the older one keeps it."""
    _write_keys(lambda name: " ".join(map(_normalise_part, name.split())))


def downgrade() -> None:
    """Fold the case of each name."""
    _write_keys(lambda name: unicodedata.normalize("NFC", name.strip().casefold()))


def _normalise_part(part: str) -> str:
    """Return the form of RFC 8265 section 3.3, also of what that section excludes."""
    try:
        return str(PROFILE.enforce(part))
    except UnicodeEncodeError:
        mapped = "".join(
            unicodedata.normalize("NFKC", character)
            if unicodedata.decomposition(character).startswith(("<wide>", "<narrow>"))
            else character
            for character in part
        )
        return unicodedata.normalize("NFC", mapped.lower())


def _write_keys(key_of: Callable[[str], str]) -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.select(USERS).order_by(USERS.c.created_at, USERS.c.id)).all()
    taken = {row.username_key for row in rows}
    for row in rows:
        key = key_of(row.username)
        if key == row.username_key:
            continue
        if key in taken or len(key) > MAX_USERNAME_KEY:
            log.warning("The user name of %s is that of another user: it cannot sign in.", row.id)
            continue
        taken.add(key)
        connection.execute(USERS.update().where(USERS.c.id == row.id).values(username_key=key))
