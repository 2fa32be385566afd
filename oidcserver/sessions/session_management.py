"""What a relying party can watch of a login (OpenID Connect Session Management 1.0 section 3).

The state of a browser is a random value in a cookie of its own, which stands for the login session
that is there, or for none: it changes when somebody signs in or out, and stays when the same
person signs in again. A relying party gets a hash of it (``session_state``), and the page of the
endpoint ``check_session`` compares that with the cookie.

That page is in a frame of the relying party's, so a browser that blocks or partitions the cookies
of other sites (Safari and Firefox always, Chromium by choice) shows it none, and what it says is
``error``: the relying party hears of no change by this way, and needs front-channel or
back-channel logout besides.
"""

import hashlib
import re
import secrets
from typing import Any

from oidcserver.credentials import digest, new_identifier
from oidcserver.http.cookies import read_cookie
from oidcserver.http.cors import origin_of
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.events import LoginSessionEvent
from oidcserver.sessions.login import COOKIE as SESSION
from oidcserver.types import Configurator, Request

ENDPOINT = "check_session"
COOKIE = "browser_state"
_STATE = re.compile(r"[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{32}")


class BrowserState:
    """``request.oidc.browser_state``: the state of a browser, in a cookie that scripts can read.

    Its value is a random part and a digest that ties it to one login session, or to none.
    """

    def __init__(self, request: Request) -> None:
        self.cookie_name = request.oidc.provider.cookie_name(COOKIE)
        self._request = request
        self._value: str = request.cookies.get(self.cookie_name, "")
        self._sent = False

    def stands_for(self, session_id: str | None) -> bool:
        """Whether the browser has the state of this session (None: that of nobody)."""
        unique = self._value.partition(".")[0]
        return bool(unique) and self._value == _tied(unique, session_id)

    def of(self, session_id: str | None) -> str:
        """Return the state that stands for a session (None: nobody is signed in).

        Where the browser has that of another session, or none, it gets a new one. It keeps the one
        it has if no session is known only because the session's cookie did not come along, as in a
        frame of another site, where this cookie does (``SameSite=None``).
        """
        unknown = session_id is None and read_cookie(self._request, SESSION) is None
        if unknown and _STATE.fullmatch(self._value):
            return self._value
        if not self.stands_for(session_id):
            self._value = _tied(secrets.token_urlsafe(32), session_id)
            if not self._sent:
                self._request.add_response_callback(self._send)
                self._sent = True
        return self._value

    def _send(self, request: Request, response: Any) -> None:
        secure = request.oidc.provider.secure
        response.set_cookie(
            self.cookie_name,
            self._value,
            path="/",
            secure=secure,
            httponly=False,
            # It is read in a frame on other sites; but browsers take None over https only.
            samesite="None" if secure else "Lax",
        )


def _tied(unique: str, session_id: str | None) -> str:
    tie = digest(f"{unique} {session_id or ''}")[:32]
    return f"{unique}.{tie}"


def session_state(client_id: str, origin: str, browser_state: str, salt: str) -> str:
    """Return ``session_state``: a hash that holds for one client at one origin, and its salt."""
    hashed = hashlib.sha256(f"{client_id} {origin} {browser_state} {salt}".encode())
    return f"{hashed.hexdigest()}.{salt}"


def add_session_state(authorization_request: AuthorizationRequest) -> None:
    """Add ``session_state`` to OpenID Connect's responses, refusals too (section 3).

    An application without an origin, such as a native one, has no page that could ask.
    """
    if ENDPOINT not in authorization_request.provider.endpoints:
        return
    origin = origin_of(authorization_request.redirect_uri or "")
    scope = authorization_request.scope or authorization_request.data.get("scope", "")
    if origin is None or authorization_request.client is None or "openid" not in scope.split():
        return
    request = authorization_request.request
    session = request.oidc.login_session
    state = request.oidc.browser_state.of(session.id if session is not None else None)
    authorization_request.parameters["session_state"] = session_state(
        authorization_request.client.client_id, origin, state, new_identifier()
    )


def follow_login(event: LoginSessionEvent) -> None:
    """Change the state of a browser in which somebody signs in, or whose session ends."""
    request, session_id = event.request, event.details["session_id"]
    if ENDPOINT not in request.oidc.provider.endpoints:
        return
    if event.name == "signed_in":
        request.oidc.browser_state.of(session_id)
    elif request.oidc.browser_state.stands_for(session_id):  # it may be another browser's
        request.oidc.browser_state.of(None)


def includeme(config: Configurator) -> None:
    """Add ``request.oidc.browser_state``, which follows sign-in and sign-out."""
    config.add_oidc_attribute("browser_state", BrowserState)
    config.add_subscriber(follow_login, LoginSessionEvent)
