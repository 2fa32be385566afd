"""``request.oidc.login_session``, signing in and signing out."""

from pyramid.security import forget

from oidcserver import types
from oidcserver.accounts.account import account_of
from oidcserver.accounts.known_browser import remember_browser
from oidcserver.accounts.second_factors import forget_pending
from oidcserver.credentials import LOGIN_SESSION, digest, new_credential
from oidcserver.http.senders import remote_address_of, user_agent_of
from oidcserver.interfaces import DirectoryUser, User
from oidcserver.interfaces.authentication import PASSWORD
from oidcserver.models import LoginSession, LoginSessionRecord
from oidcserver.models.login_session import find_login_session, renew_login_session
from oidcserver.models.user import lock_generation
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.events import LoginSessionEvent, announce
from oidcserver.sessions.browser_accounts import LOGIN_ROUTE
from oidcserver.sessions.ending import end_login_session
from oidcserver.types import Request

#: Authentication method of a password (RFC 8176 section 2).
PASSWORD_AMR = ("pwd",)


def read_login_session(request: Request) -> types.LoginSession | None:
    """Return the live session of the present account of this browser with its user, or None."""
    return request.oidc.accounts.present


def sign_in(
    request: Request,
    user: User | DirectoryUser,
    *,
    amr: tuple[str, ...] = PASSWORD_AMR,
    acr: str | None = None,
    methods: tuple[str, ...] = (PASSWORD,),
    auth_time: int | None = None,
    step_up_of: types.LoginSession | None = None,
) -> LoginSessionRecord | None:
    """Sign a user in and return the session; None if the account is disabled, or if all its
    sessions have just been ended.

    An application that embeds the provider calls this where its own users have signed in. The
    response of the request sets the cookie. It always gets a new value; the earlier value is not
    accepted any more. A user who signs in again keeps the session, hence its ``sid``.

    The sessions of other users stay in the browser, up to ``oidc.accounts_per_browser`` accounts;
    beyond that the session ends that was the present one least recently.

    :param user: an account, or a user of the selected user directory. None is also returned if an
        account of another directory has the user name, which the log says.
    :param amr: how the user was authenticated (RFC 8176).
    :param acr: the authentication context class; by default the one that the methods reach.
    :param methods: the names of the methods in the ini; the policies of classes judge by them.
    :param auth_time: when the user was authenticated, by default now; 0: not known, so that the
        session satisfies no request for a recent sign-in.
    :param step_up_of: the session of the user, where a further factor has just raised it. It keeps
        its ``auth_time`` and its end, for the first factor was not proven anew. None is also
        returned if it has ended meanwhile.
    """
    if isinstance(user, DirectoryUser):
        account = _account_of(request, user)
        if account is None:
            return None
        user = account
    if not lock_generation(request.oidc.dbsession, user):
        return None
    forget_pending(request)
    settings = request.oidc.provider.settings
    token = new_credential(LOGIN_SESSION)
    columns = {
        "token_digest": digest(token),
        "acr": acr or request.oidc.provider.acr_policy.class_of(methods),
        "amr": list(amr),
        "methods": list(methods),
        "last_seen_at": request.oidc.now,
        "user_agent": user_agent_of(request),
        "remote_address": remote_address_of(request),
    }
    accounts, dbsession = request.oidc.accounts, request.oidc.dbsession
    if step_up_of is None:
        columns["auth_time"] = auth_time or request.oidc.now
        columns["auth_time_known"] = auth_time != 0
        columns["expires_at"] = request.oidc.now + settings["oidc.session_max_lifetime"]
    current = step_up_of or accounts.of_user(user.id)
    for displaced in accounts.displaced_by(user.id):
        end_login_session(request, displaced, "signed_out")
    if current is None or not renew_login_session(dbsession, current.id, **columns):
        if step_up_of is not None:
            return None
        dbsession.add(LoginSession(user_id=user.id, **columns))
        dbsession.flush()
    session = find_login_session(
        request.oidc.database, token, settings["oidc.session_idle_lifetime"]
    )
    request.oidc.login_session = session
    if session is not None:
        request.oidc.database.after_commit(accounts.add, token, session)
        remember_browser(request, session.user.username_key)
        details = {
            "user_id": session.user_id,
            "session_id": session.id,
            "amr": list(amr),
            "methods": list(methods),
        }
        name = "signed_in" if step_up_of is None else "stepped_up"
        event = LoginSessionEvent(request, name, details)
        request.oidc.database.after_commit(announce, event)
    return session


def _account_of(request: Request, user: DirectoryUser) -> User | None:
    try:
        return account_of(request, user)
    except Rejection:
        return None


def sign_out(
    request: Request, session: types.LoginSession | None = None
) -> types.LoginSession | None:
    """End a session of this browser and its tokens; return it, or None if there was none.

    The other accounts of the browser stay signed in.

    Where users sign in at the application that embeds the provider, the application forgets them
    too (``pyramid.security.forget``).

    :param session: by default that of the present account.
    """
    present, accounts = request.oidc.login_session, request.oidc.accounts
    session = session or present
    forget_pending(request)
    if session is not None:
        end_login_session(request, session, "signed_out")
        request.oidc.database.after_commit(accounts.forget, session.id)
        if present is not None and present.id == session.id:
            request.oidc.login_session = None
    request.oidc.database.after_commit(accounts.send)
    if request.oidc.provider.settings[LOGIN_ROUTE]:
        headers = forget(request)
        request.add_response_callback(lambda _, response: response.headerlist.extend(headers))
    return session
