"""``request.oidc.login_session``, signing in and signing out."""

from pyramid.security import forget

from oidcserver import types
from oidcserver.accounts.account import account_of
from oidcserver.accounts.known_browser import remember_browser
from oidcserver.credentials import LOGIN_SESSION, digest, new_credential
from oidcserver.http.cookies import read_cookie, set_cookie
from oidcserver.interfaces import DirectoryUser, User
from oidcserver.models import LoginSession, LoginSessionRecord
from oidcserver.models.login_session import (
    find_login_session,
    renew_login_session,
    touch_login_session,
)
from oidcserver.models.user import lock_generation
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.events import LoginSessionEvent, announce
from oidcserver.sessions.ending import end_login_session
from oidcserver.types import Request

COOKIE = "session"
LOGIN_ROUTE = "oidc.login_route"
MAX_USER_AGENT = 300
#: The address from a proxy may be any text, so it is cut.
MAX_ADDRESS = 64

#: Authentication method of a password (RFC 8176 section 2).
PASSWORD_AMR = ("pwd",)


def read_login_session(request: Request) -> LoginSessionRecord | None:
    """Return the live session of this browser with its user, or None."""
    token = read_cookie(request, COOKIE)
    if not token:
        return None
    idle = request.oidc.provider.settings["oidc.session_idle_lifetime"]
    session = find_login_session(request.oidc.database, token, idle)
    if session is not None:
        touch_login_session(request.oidc.database, session.id, session.last_seen_at)
    return session


def sign_in(
    request: Request,
    user: User | DirectoryUser,
    *,
    amr: tuple[str, ...] = PASSWORD_AMR,
    acr: str | None = None,
) -> LoginSessionRecord | None:
    """Sign a user in and return the session; None if the account is disabled, or if all its
    sessions have just been ended.

    An application that embeds the provider calls this where its own users have signed in. The
    response of the request sets the cookie. It always gets a new value, so nobody who knew the one
    before is signed in. A user who signs in again keeps the session, hence its ``sid``; the session
    of another user ends.

    :param user: an account, or a user of the selected user directory. None is also returned if an
        account of another directory has the user name, which the log says.
    :param amr: how the user was authenticated (RFC 8176).
    :param acr: the authentication context class; by default that of a password.
    """
    if isinstance(user, DirectoryUser):
        account = _account_of(request, user)
        if account is None:
            return None
        user = account
    if not lock_generation(request.oidc.dbsession, user):
        return None
    settings = request.oidc.provider.settings
    token = new_credential(LOGIN_SESSION)
    columns = {
        "token_digest": digest(token),
        "auth_time": request.oidc.now,
        "acr": acr or settings["oidc.password_acr"],
        "amr": list(amr),
        "last_seen_at": request.oidc.now,
        "expires_at": request.oidc.now + settings["oidc.session_max_lifetime"],
        "user_agent": (request.user_agent or "")[:MAX_USER_AGENT],
        "remote_address": (request.remote_addr or "")[:MAX_ADDRESS],
    }
    current = request.oidc.login_session
    if current is not None and current.user_id != user.id:
        end_login_session(request, current, "signed_out")
        current = None
    if current is None or not renew_login_session(request.oidc.dbsession, current.id, **columns):
        request.oidc.dbsession.add(LoginSession(user_id=user.id, **columns))
        request.oidc.dbsession.flush()
    session = find_login_session(
        request.oidc.database, token, settings["oidc.session_idle_lifetime"]
    )
    request.oidc.login_session = session
    if session is not None:
        set_cookie(request, COOKIE, token)
        remember_browser(request, session.user.username_key)
        details = {"user_id": session.user_id, "session_id": session.id}
        event = LoginSessionEvent(request, "signed_in", details)
        request.oidc.database.after_commit(announce, event)
    return session


def _account_of(request: Request, user: DirectoryUser) -> User | None:
    try:
        return account_of(request, user)
    except Rejection:
        return None


def sign_out(request: Request) -> types.LoginSession | None:
    """End this browser's session and its tokens; return it, or None if there was none.

    Where users sign in at the application that embeds the provider, the application forgets them
    too (``pyramid.security.forget``).
    """
    session = request.oidc.login_session
    if session is not None:
        end_login_session(request, session, "signed_out")
        request.oidc.login_session = None
    if read_cookie(request, COOKIE) is not None:
        request.oidc.database.after_commit(set_cookie, request, COOKIE, None)
    if request.oidc.provider.settings[LOGIN_ROUTE]:
        headers = forget(request)
        request.add_response_callback(lambda _, response: response.headerlist.extend(headers))
    return session
