"""A plugin whose step ends the login session before the commit, when a test says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from oidcserver.oauth.authorization_request import AuthorizationRequest

#: Not empty while sessions are to end.
SIGNING_OUT: list[bool] = []


@contextmanager
def signing_out() -> Iterator[None]:
    """End the session of each authorization request within the ``with`` statement."""
    SIGNING_OUT.append(True)
    try:
        yield
    finally:
        SIGNING_OUT.pop()


def end_session(authorization_request: AuthorizationRequest) -> None:
    """End the session as another request does: this one does not notice."""
    if SIGNING_OUT:
        oidc = authorization_request.request.oidc
        assert oidc.end_login_session(authorization_request.login_session)


def includeme(config: Any) -> None:
    """Insert the step."""
    config.add_oauth_step("authorization", "ends_session", end_session, before="commit")
