"""The ends of sessions at upstreams, of which the upstreams told us."""

from sqlalchemy import case
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver import clock
from oidcserver.credentials import digest
from oidcserver.models.base import Base, Digest, Time

#: Seconds that a row stays: longer than a sign-in takes after the upstream has issued its ID token.
LIFETIME = 900


class UpstreamEnd(Base):
    """The last end of one session at an upstream, or of all sessions of a user there."""

    __tablename__ = "upstream_end"

    key_digest: Mapped[str] = mapped_column(Digest, primary_key=True)
    #: When the upstream issued the logout token, by its own clock; 0: it has told us of no end.
    issued_at: Mapped[int] = mapped_column(Time)
    expires_at: Mapped[int] = mapped_column(Time, index=True)


def latest_end(
    dbsession: Session, upstream: str, issuer: str, kind: str, name: str, issued_at: int = 0
) -> int:
    """Return when the upstream issued its latest logout token for a user or a session; 0: never.

    This locks the row, also where there was none. Of a sign-in and an end at the same time, the
    later one thus finds what the earlier one wrote.

    :param kind: ``sub`` or ``sid``.
    :param name: the user or the session there.
    :param issued_at: of a logout token that has come now.
    """
    dialect = dbsession.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    row = insert(UpstreamEnd).values(
        key_digest=digest("\n".join((upstream, issuer, kind, name))),
        issued_at=issued_at,
        expires_at=clock.now() + LIFETIME,
    )
    latest = case(
        (UpstreamEnd.issued_at < row.excluded.issued_at, row.excluded.issued_at),
        else_=UpstreamEnd.issued_at,
    )
    statement = row.on_conflict_do_update(
        index_elements=[UpstreamEnd.key_digest],
        set_={"issued_at": latest, "expires_at": row.excluded.expires_at},
    ).returning(UpstreamEnd.issued_at)
    found: int = dbsession.execute(statement).scalar_one()
    return found
