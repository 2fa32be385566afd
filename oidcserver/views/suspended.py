"""The authorization request that a page asks about: the page's ``request_uri`` names it."""

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.models import SuspendedRequest
from oidcserver.models.suspended_request import key_of
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import as_rejection
from oidcserver.oauth.flow import run_steps
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.requests import OAuthRequest, read_query
from oidcserver.oauth.responses import error_page, see_other
from oidcserver.oauth.resuming import find_request, resume
from oidcserver.oidc.acr import decline_acr, lacks_essential_acr, wanted_acr
from oidcserver.types import LoginSession, Request
from oidcserver.views.access import home_url, local_url


def read_request(request: Request) -> AuthorizationRequest | None:
    """Return the validated request that the page's ``request_uri`` names; None if it is not known.

    :raises OAuth2Error: if another browser started it, or if it is not valid any more.
    """
    if find_request(request, request_uri(request)) is None:
        return None
    asking = AuthorizationRequest(OAuthRequest(request, read_query(request)))
    resume(asking)
    run_steps("authorization_request", asking)
    return asking


def request_uri(request: Request) -> str:
    """Return the ``request_uri`` of the page's query, or an empty text."""
    values = request.GET.getall("request_uri")
    return values[0] if len(values) == 1 else ""


def reject(request: Request, error: OAuth2Error) -> Response:
    """Answer a request that a page cannot continue.

    A request that another browser started gets an error page. All other errors are left to the
    authorization endpoint, which knows whether to redirect them to the client.
    """
    rejection = as_rejection(error)
    if rejection.status_code != 403:
        return go_on(request)
    reference = record_rejection(request, rejection, request.GET.get("client_id"))
    return error_page(request, rejection, reference)


def go_on(request: Request, reference: str | None = None) -> Response:
    """Redirect to the authorization endpoint with a ``request_uri``, by default the page's.

    A page that another page of ours sent the user to has ``next`` instead, and redirects there.
    """
    target = local_url(request, request.GET.get("next"))
    if target is not None and not (reference or request_uri(request)):
        return see_other(target)
    query = {
        "client_id": request.GET.get("client_id", ""),
        "request_uri": reference or request_uri(request),
    }
    return see_other(request.oidc.url("oidc.authorization_endpoint", _query=query))


def go_on_signed_in(
    request: Request, asking: AuthorizationRequest | None, session: LoginSession | None
) -> Response:
    """Go on to the application or to the page that the user came for, after a sign-in.

    :param asking: the authorization request, read before the sign-in.
    :param session: the session of the sign-in; None where a second factor has raised a session,
        which does not answer a request for a new sign-in.
    """
    if asking is not None:
        reference, row = open_row(asking, counted=False)
        if session is not None:
            if row.authenticated_session_id == session.id:
                _decline_class_of_login_page(asking, row, session)
            row.authenticated_session_id = session.id
        return go_on(request, reference)
    if request_uri(request):
        return see_other(home_url(request, notice="restart"))
    return see_other(local_url(request, request.GET.get("next")) or home_url(request))


def _decline_class_of_login_page(
    asking: AuthorizationRequest, row: SuspendedRequest, session: LoginSession
) -> None:
    """Go on without a voluntary class that the second sign-in at the login page does not reach.

    The user has no way to reach it, or does not want to.
    """
    provider = asking.provider
    wanted = wanted_acr(asking, session.acr)
    if wanted is None or provider.acr_pages[wanted] != "oidc.login":
        return
    if not lacks_essential_acr(provider, session.acr, asking.claims_request):
        decline_acr(row, wanted)


def needs(authorization_request: AuthorizationRequest, route_name: str) -> bool:
    """Whether an interaction of that page is needed for the request."""
    interactions = authorization_request.provider.interactions
    return any(
        interaction.needed(authorization_request) is not None
        for interaction in interactions
        if interaction.route_name == route_name
    )


def open_row(
    authorization_request: AuthorizationRequest, *, counted: bool = True
) -> tuple[str, SuspendedRequest]:
    """Return the ``request_uri`` and the row that stores the user's answers.

    A new row is made if there is none yet, because no user has signed in, if the request expired
    while the page was open, or if the user returned by the back button after answering it.

    :param counted: whether a new row counts for the account; the row of a sign-in does not.
    :raises Rejection: if the account has too many of them.
    """
    request = authorization_request.request
    stored, reference = authorization_request.suspended, authorization_request.request_uri
    window = request.oidc.provider.settings["oidc.repeat_window"]
    if stored is None or (
        stored.used_at is not None and request.oidc.now >= stored.used_at + window
    ):
        reference = authorization_request.store(counted=counted)
    return reference, request.oidc.dbsession.get_one(SuspendedRequest, key_of(reference))
