"""The state of a browser's login (OpenID Connect Session Management 1.0 section 3).

The browser state is a random value in a cookie of its own. It belongs to the login sessions of the
browser, or to none: it changes when an account is added or signs out, and stays when the same user
signs in again, or switches to another account that is signed in. A relying party gets a hash of it
(``session_state``), and the page of the endpoint ``check_session`` compares that hash with the
cookie. If it changed, a silent request with ``id_token_hint`` tells whether the user of the relying
party is still signed in.

That page is in a frame of the relying party. Browsers that block or partition the cookies of other
sites (Safari and Firefox always, Chromium by choice) do not send the cookie there, so the page
answers ``error``. A relying party that must support them also needs front-channel or back-channel
logout.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable

from pyramid.response import Response

from oidcserver.credentials import digest, new_identifier
from oidcserver.http.cookies import read_cookie
from oidcserver.http.cors import origin_of
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.events import LoginSessionEvent
from oidcserver.sessions.browser_accounts import COOKIE as SESSION
from oidcserver.sessions.browser_accounts import OTHERS
from oidcserver.types import Configurator, Request

ENDPOINT = "check_session"
COOKIE = "browser_state"
_STATE = re.compile(r"[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{32}")


class BrowserState:
    """``request.oidc.browser_state``: the state of a browser, in a cookie that scripts can read.

    Its value is a random part and a digest that ties it to the login sessions of the browser.
    """

    def __init__(self, request: Request) -> None:
        self.cookie_name = request.oidc.provider.cookie_name(COOKIE)
        self._request = request
        self._value: str = request.cookies.get(self.cookie_name, "")
        self._sent = False

    def stands_for(self, *session_ids: str) -> bool:
        """Whether the browser has the state of these sessions."""
        unique = self._value.partition(".")[0]
        return bool(unique) and self._value == _tied(unique, session_ids)

    def of(self, *session_ids: str) -> str:
        """Return the state of these sessions; without any, no user is signed in.

        A browser with another state gets a new one. But it keeps its state if no session is known
        because their cookies are missing: in a frame of another site browsers send this cookie
        (``SameSite=None``) and not those of the sessions.
        """
        brings = any(read_cookie(self._request, name) is not None for name in (SESSION, OTHERS))
        unknown = not session_ids and not brings
        if unknown and _STATE.fullmatch(self._value):
            return self._value
        if not self.stands_for(*session_ids):
            self._value = _tied(secrets.token_urlsafe(32), session_ids)
            if not self._sent:
                self._request.add_response_callback(self._send)
                self._sent = True
        return self._value

    def _send(self, request: Request, response: Response) -> None:
        secure = request.oidc.provider.secure
        response.set_cookie(
            self.cookie_name,
            self._value,
            path="/",
            secure=secure,
            httponly=False,
            # A frame on other sites reads the cookie. Browsers accept None over https only.
            samesite="None" if secure else "Lax",
        )


def _tied(unique: str, session_ids: Iterable[str]) -> str:
    tie = digest(f"{unique} {' '.join(sorted(session_ids))}")[:32]
    return f"{unique}.{tie}"


def session_state(client_id: str, origin: str, browser_state: str, salt: str) -> str:
    """Return ``session_state``: a hash for one client at one origin, and its salt."""
    hashed = hashlib.sha256(f"{client_id} {origin} {browser_state} {salt}".encode())
    return f"{hashed.hexdigest()}.{salt}"


def add_session_state(authorization_request: AuthorizationRequest) -> None:
    """Add ``session_state`` to OpenID Connect responses, including errors (section 3).

    A client without an origin, such as a native application, cannot use it.
    """
    if ENDPOINT not in authorization_request.provider.endpoints:
        return
    origin = origin_of(authorization_request.redirect_uri or "")
    scope = authorization_request.scope or authorization_request.data.get("scope", "")
    if origin is None or authorization_request.client is None or "openid" not in scope.split():
        return
    request = authorization_request.request
    state = request.oidc.browser_state.of(*(it.id for it in request.oidc.accounts.all()))
    authorization_request.parameters["session_state"] = session_state(
        authorization_request.client.client_id, origin, state, new_identifier()
    )


def follow_login(event: LoginSessionEvent) -> None:
    """Change the state of a browser when a user signs in or the session ends."""
    request, session_id = event.request, event.details["session_id"]
    if ENDPOINT not in request.oidc.provider.endpoints:
        return
    state = request.oidc.browser_state
    sessions = {it.id for it in request.oidc.accounts.all()}
    # The session that ended may be one of another browser.
    if event.name in ("signed_in", "stepped_up") or state.stands_for(*sessions, session_id):
        state.of(*sessions)


def includeme(config: Configurator) -> None:
    """Add ``request.oidc.browser_state``, which follows sign-in and sign-out."""
    config.add_oidc_attribute("browser_state", BrowserState)
    config.add_subscriber(follow_login, LoginSessionEvent)
