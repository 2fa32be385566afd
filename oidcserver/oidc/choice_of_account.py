"""The account of a browser for which a request is answered.

A request may name the account: by ``id_token_hint`` or a ``value`` of the claim ``sub``, which no
other account may answer, or by ``login_hint``, which the user may overrule. Otherwise the user
chooses among several (OpenID Connect Core section 3.1.2.1). In a browser with one account there is
nothing to choose, and ``login_hint`` only fills in the login page.
"""

from collections.abc import Sequence

from oidcserver.mailboxes import address_key, verified_address_key
from oidcserver.models.user import normalise_username
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.subjects import subject_of
from oidcserver.oidc.requested_subject import wanted_subjects
from oidcserver.types import LoginSession


def select_account(authorization_request: AuthorizationRequest) -> None:
    """Let the request be about the account that it names, if that is signed in in this browser.

    The present account stays. What the user chose for this request counts before a hint.
    """
    accounts = authorization_request.request.oidc.accounts
    if not accounts.others or _is_chosen(authorization_request, accounts.present):
        return
    named = _named(authorization_request)
    if named:
        accounts.use(named[0])


def choice_needed(authorization_request: AuthorizationRequest) -> str | None:
    """Return the error if the user has to choose an account, or None.

    :returns: ``login_required`` where the request names an account that is not signed in, else
        ``account_selection_required``.
    """
    oidc = authorization_request.request.oidc
    if _is_chosen(authorization_request, oidc.login_session):
        return None
    if "select_account" in authorization_request.prompt:
        return "account_selection_required"
    if not oidc.accounts.others:
        return None
    named = _named(authorization_request)
    if named and named[0] == oidc.login_session:
        return None
    if not named and wanted_subjects(authorization_request):
        return None  # no account of this browser may answer
    unknown = "login_hint" in authorization_request.data and not named
    return "login_required" if unknown else "account_selection_required"


def choices(authorization_request: AuthorizationRequest) -> Sequence[LoginSession]:
    """Return the accounts that the user may go on with, without signing in again.

    Those that the request names come first.
    """
    if must_sign_in(authorization_request):
        return ()
    sessions = authorization_request.request.oidc.accounts.all()
    if wanted_subjects(authorization_request):
        return [it for it in sessions if _answers(authorization_request, it)]
    named = _named(authorization_request)
    return sorted(sessions, key=lambda it: it not in named)


def must_sign_in(authorization_request: AuthorizationRequest) -> bool:
    """Whether the request asks for a sign-in, whatever account is signed in."""
    # max_age=0 means prompt=login, even within the same second as the last login.
    wishes = authorization_request.prompt & {"login", "create"}
    return bool(wishes) or authorization_request.max_age == 0


def _is_chosen(authorization_request: AuthorizationRequest, session: LoginSession | None) -> bool:
    """Whether the user chose the account of a session for this request, or signed in for it."""
    suspended = authorization_request.suspended
    return (
        suspended is not None
        and session is not None
        and session.id in {suspended.selected_session_id, suspended.authenticated_session_id}
    )


def _named(authorization_request: AuthorizationRequest) -> list[LoginSession]:
    """Return the sessions of this browser that the request names."""
    sessions = authorization_request.request.oidc.accounts.all()
    if wanted_subjects(authorization_request):
        return [it for it in sessions if _answers(authorization_request, it)]
    hint = authorization_request.data.get("login_hint")
    if not hint:
        return []
    name, address = normalise_username(hint), address_key(hint.strip())
    return [
        it
        for it in sessions
        if normalise_username(it.user.username) == name
        or (address is not None and verified_address_key(it.user.claims) == address)
    ]


def _answers(authorization_request: AuthorizationRequest, session: LoginSession) -> bool:
    client = authorization_request.client
    assert client is not None
    subject = subject_of(authorization_request.request, client, session.user)
    return all(subject in choice for choice in wanted_subjects(authorization_request))
