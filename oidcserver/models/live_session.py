"""The login session and the consent that an authorization requires until it is written."""

from sqlalchemy import String, bindparam, or_, select
from sqlalchemy.orm import Session

from oidcserver.database import AtomicWrite
from oidcserver.models.consent import Consent
from oidcserver.models.login_session import LoginSession

_CLIENT = bindparam("live_client", type_=String)
_CONSENT = (
    select(Consent.client_id)
    .where(Consent.user_id == LoginSession.user_id, Consent.client_id == _CLIENT)
    .correlate(LoginSession)
    .with_for_update(read=True)
)
#: Selects the session ``live_session`` unless it has ended or its user has withdrawn the consent to
#: the client ``live_client``, which may be None, and locks both: their ends wait for the
#: transaction, and then find what the transaction wrote.
LIVE = (
    select(LoginSession.id)
    .where(
        LoginSession.id == bindparam("live_session"),
        LoginSession.ended_at.is_(None),
        or_(_CLIENT.is_(None), _CONSENT.exists()),
    )
    .with_for_update(read=True, of=LoginSession)
)
#: Decides whether session and consent go on.
STAY = AtomicWrite(LIVE)


def lock_live_session(dbsession: Session, session_id: str) -> bool:
    """Return whether a session has not ended; its end waits for the transaction."""
    values = {"live_session": session_id, "live_client": None}
    return dbsession.scalar(LIVE, values) is not None
