"""A plugin whose step ends the login session or the consent before the commit, on demand."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oidcserver.models.consent import withdraw_consent
from oidcserver.oauth.authorization_request import AuthorizationRequest

#: What ends now: ``session``, ``consent``.
ENDING: set[str] = set()


@contextmanager
def ending(what: str) -> Iterator[None]:
    """End it in each authorization request within the ``with`` statement."""
    ENDING.add(what)
    try:
        yield
    finally:
        ENDING.discard(what)


def signing_out() -> Any:
    """End the session of each authorization request within the ``with`` statement."""
    return ending("session")


def withdrawing() -> Any:
    """Withdraw the consent of each authorization request within the ``with`` statement."""
    return ending("consent")


def end(authorization_request: AuthorizationRequest) -> None:
    """End it as another request does: this one does not notice."""
    oidc, session = authorization_request.request.oidc, authorization_request.login_session
    if "session" in ENDING:
        assert oidc.end_login_session(session)
    if "consent" in ENDING:
        client_id = authorization_request.data["client_id"]
        assert withdraw_consent(oidc.dbsession, session.user_id, client_id)


def includeme(config: Any) -> None:
    """Insert the step."""
    config.add_oauth_step("authorization", "ends", end, before="commit")
