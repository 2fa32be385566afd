"""The clients that took part in a login session, which are told of its end."""

from collections.abc import Sequence

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from oidcserver.database.statements import insert_once
from oidcserver.models.base import Base
from oidcserver.models.client import Client
from oidcserver.models.login_session import LoginSession


class LoginSessionClient(Base):
    """A client that got an answer in a login session, and the subject that it knows."""

    __tablename__ = "login_session_client"

    session_id: Mapped[str] = mapped_column(
        ForeignKey("login_session.id", ondelete="CASCADE"), primary_key=True
    )
    client_id: Mapped[str] = mapped_column(
        ForeignKey("client.client_id", ondelete="CASCADE"), primary_key=True, index=True
    )
    subject: Mapped[str] = mapped_column(String(255))


def join_login_session(dbsession: Session, session_id: str, client_id: str, subject: str) -> bool:
    """Record that a client takes part in a session; return False if the session has ended.

    The session's row is locked until the transaction ends: a client is either noted before the
    session ends, and is notified, or it is not added.
    """
    alive = (
        select(LoginSession.id)
        .where(LoginSession.id == session_id, LoginSession.ended_at.is_(None))
        .with_for_update(read=True)
    )
    if dbsession.scalar(alive) is None:
        return False
    insert_once(
        dbsession, LoginSessionClient, session_id=session_id, client_id=client_id, subject=subject
    )
    return True


def clients_of_login_session(dbsession: Session, session_id: str) -> Sequence[tuple[Client, str]]:
    """Return the clients that took part in a session, each with the subject that it knows."""
    statement = (
        select(Client, LoginSessionClient.subject)
        .join(LoginSessionClient, LoginSessionClient.client_id == Client.client_id)
        .where(LoginSessionClient.session_id == session_id)
        .order_by(Client.client_id)
    )
    return [(row[0], row[1]) for row in dbsession.execute(statement)]
