"""The authorization endpoint (RFC 6749 section 3.1)."""

from pyramid.response import Response

from oidcserver.clients import metadata_documents, use
from oidcserver.extensions import (
    authorization_details,
    claims,
    issuer,
    jarm,
    pkce,
    resource_indicators,
    sender_constraints,
)
from oidcserver.extensions.dpop.authorization_request import check_dpop_jkt
from oidcserver.extensions.pushed_request import require_pushed_request
from oidcserver.extensions.request_object.step import read_request_object
from oidcserver.extensions.sender_constraints import selects
from oidcserver.interfaces import Step
from oidcserver.models.suspended_request import ANY_BROWSER, REQUEST_URI_PREFIX
from oidcserver.oauth.authorization_answer import (
    commit,
    prepare_answer,
    prepare_authorization,
    repeat_answer,
    seal_answer,
    write_response,
)
from oidcserver.oauth.authorization_checks import (
    check_response_mode,
    check_response_type,
    find_client,
    match_redirect_uri,
    narrow_scope,
    read_prompt,
    reject_duplicates,
)
from oidcserver.oauth.authorization_errors import reject
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.flow import run, run_steps
from oidcserver.oauth.requests import OAuthRequest, Payload, read_form, read_query
from oidcserver.oauth.responses import see_other
from oidcserver.oauth.resuming import resume
from oidcserver.oauth.steps import announce, respond
from oidcserver.oidc import acr, encryption, id_token, id_token_hint, languages
from oidcserver.oidc.allowed_groups import check_signed_in_user
from oidcserver.oidc.choice_of_account import select_account
from oidcserver.oidc.interactions import narrow_to_decision
from oidcserver.sessions import logout_channels, session_management
from oidcserver.types import Configurator, Request

ROUTE = "oidc.authorization_endpoint"
#: Servers and proxies take a request line of 8,000 bytes (RFC 9110 section 4.1).
MAX_URL = 8000


def authorization(request: Request) -> Response:
    """Send the user to a page, or the client its answer. GET and POST are alike."""
    return run("authorization", AuthorizationRequest(OAuthRequest(request)), reject)


def read_parameters(authorization_request: AuthorizationRequest) -> None:
    """Read the parameters of the query, or of the form of a POST.

    Beside a ``request_uri`` of ours only ``client_id`` is one (RFC 9101 section 5).
    """
    request = authorization_request.request
    pairs = read_form(request) if request.method == "POST" else read_query(request)
    payload = Payload(pairs)
    if payload.data.get("request_uri", "").startswith(REQUEST_URI_PREFIX):
        payload = Payload(pair for pair in pairs if pair[0] in {"client_id", "request_uri"})
    authorization_request.oauth_request.payload = payload


def continue_by_get(authorization_request: AuthorizationRequest) -> Response | None:
    """Redirect a form that came without our cookies to a GET, with which they come.

    From a form of the client's own site the browser keeps our cookies, since they are SameSite,
    but not from the GET that it leads to. Without them nobody seems to be signed in, and to set
    new ones would replace those that the browser has.
    """
    url = _url_of_get(authorization_request)
    return see_other(url) if url is not None and len(url) <= MAX_URL else None


def check_request(authorization_request: AuthorizationRequest) -> Response | None:
    """Pass the checks of the flow ``authorization_request``, which pages repeat."""
    return run_steps("authorization_request", authorization_request)


def store_long_form(authorization_request: AuthorizationRequest) -> Response | None:
    """Store a form that came without our cookies and is too long for a URL; go on by a GET."""
    if _url_of_get(authorization_request) is None:
        return None
    reference = authorization_request.store(ANY_BROWSER)
    return see_other(_page_url(authorization_request, ROUTE, reference))


def ask_user(authorization_request: AuthorizationRequest) -> Response | None:
    """Send the user to the first page that is due.

    Pages are about the present account. If the request names another one, the page is that where
    the user switches to it: a link of another site must not change which account is the present
    one.

    :raises Rejection: where ``prompt=none`` forbids it.
    """
    for interaction in authorization_request.provider.interactions:
        error = interaction.needed(authorization_request)
        if error is None:
            continue
        if "none" in authorization_request.prompt:
            raise Rejection(
                error,
                "End-User interaction is required, but prompt=none was requested.",
                rule="OpenID Connect Core section 3.1.2.6",
            )
        oidc = authorization_request.request.oidc
        switches = oidc.login_session != oidc.accounts.present
        route_name = "oidc.login" if switches else interaction.route_name
        reference = authorization_request.request_uri or authorization_request.suspend()
        return see_other(_page_url(authorization_request, route_name, reference))
    return None


def complete_parameters(authorization_request: AuthorizationRequest) -> Response | None:
    """Add what every response has, by the flow ``authorization_response``."""
    return run_steps("authorization_response", authorization_request)


def add_state(authorization_request: AuthorizationRequest) -> None:
    """Return the ``state`` of the request (RFC 6749 section 4.1.2), and write all as text."""
    states = authorization_request.payload.datalist.get("state", [])
    if len(states) == 1:
        authorization_request.parameters["state"] = states[0]
    authorization_request.parameters = {
        name: str(value) for name, value in authorization_request.parameters.items()
    }


def _url_of_get(authorization_request: AuthorizationRequest) -> str | None:
    """Return where a form that came without any cookie of ours goes on; None for others."""
    request = authorization_request.request
    if request.method != "POST" or request.oidc.browser_is_known:
        return None
    return request.oidc.url(ROUTE, _query=authorization_request.payload.datalist)


def _page_url(authorization_request: AuthorizationRequest, route_name: str, reference: str) -> str:
    query = {"client_id": authorization_request.data["client_id"], "request_uri": reference}
    return authorization_request.request.oidc.url(route_name, _query=query)


#: The flow ``authorization``: from the request to the page or the answer.
STEPS: tuple[Step[AuthorizationRequest], ...] = (
    Step(read_parameters),
    Step(continue_by_get),  # OpenID Connect Core section 3.1.2.1: POST is allowed
    Step(resume),  # one that waited (RFC 9126 section 4) is bound to the first browser that resumes
    Step(check_request),  # the steps below
    Step(store_long_form),
    Step(select_account),  # OpenID Connect Core section 3.1.2.1: the one that the request names
    Step(repeat_answer),  # a double click gets the same answer
    Step(check_signed_in_user),  # the user is in a group that may use the client
    Step(ask_user),  # a page: sign in, step up, consent, or another reason that a plugin adds
    Step(narrow_to_decision),  # to the scope and the claims that the user allowed
    Step(prepare_authorization),  # the root of a new family; a pairwise subject is stored here
    Step(prepare_answer),  # the grant's code or tokens
    Step(id_token.add_to_authorization_response),  # OpenID Connect Core section 3.3.2.11
    Step(logout_channels.take_part),  # the client is notified of the end of the login session
    Step(use.note_authorization),  # a client that registered itself is in use
    Step(complete_parameters),  # the steps at the end
    Step(seal_answer),  # for a double click
    Step(write_response),  # by the response mode
    Step(commit),  # the decision and all that follows; or starts again at repeat_answer
    Step(announce),  # events; a subscriber that fails is logged
    Step(respond),
)

#: The flow ``authorization_request``: the checks, which are repeated when a page is shown.
REQUEST_STEPS: tuple[Step[AuthorizationRequest], ...] = (
    Step(metadata_documents.fetch_document, when=metadata_documents.is_selected),
    Step(find_client),  # RFC 6749 section 4.1.2.1: without a client no answer leaves the server
    Step(require_pushed_request),  # RFC 9126 section 5
    Step(read_request_object),  # RFC 9101
    Step(languages.read_ui_locales),  # OpenID Connect Core section 3.1.2.1, for pages from here on
    Step(match_redirect_uri),  # RFC 9700 section 4.1
    Step(reject_duplicates),  # RFC 6749 section 3.1
    Step(check_response_type),
    Step(check_response_mode),  # OAuth 2.0 Multiple Response Types section 2.1
    Step(narrow_scope),  # RFC 6749 section 3.3
    # RFC 8707 section 2.1
    Step(resource_indicators.read_resources, when=resource_indicators.are_declared),
    Step(resource_indicators.note_ignored_resources, when=resource_indicators.are_ignored),
    Step(authorization_details.read_authorization_details),  # RFC 9396 section 5
    Step(pkce.check_code_challenge),  # RFC 7636 section 4.3
    Step(check_dpop_jkt, when=selects("dpop")),  # RFC 9449 section 10
    Step(sender_constraints.reject_front_channel),  # RFC 9700 section 2.1.2
    Step(id_token.require_openid_and_nonce),  # OpenID Connect Core section 3.2.2.1
    Step(read_prompt),  # section 3.1.2.1
    Step(id_token_hint.read_hint),
    Step(claims.read_claims),  # section 5.5
    Step(languages.read_claims_locales),  # section 5.2
    Step(acr.read_acr_values),  # sections 3.1.2.1 and 5.5.1.1
    Step(encryption.require_encryption_key),  # of a client that has its ID tokens encrypted
    Step(jarm.require_response_key, when=jarm.is_selected),  # or the whole response
)

#: The flow ``authorization_response``: the parameters of every response, errors included.
RESPONSE_STEPS: tuple[Step[AuthorizationRequest], ...] = (
    Step(issuer.add_issuer),  # RFC 9207
    Step(session_management.add_session_state),  # OpenID Connect Session Management section 3
    Step(add_state),  # RFC 6749 section 4.1.2
)


def includeme(config: Configurator) -> None:
    """Offer the endpoint and its flows."""
    config.add_oauth_flow("authorization", STEPS)
    config.add_oauth_flow("authorization_request", REQUEST_STEPS)
    config.add_oauth_flow("authorization_response", RESPONSE_STEPS)
    config.add_oauth_endpoint(
        "authorization", "/oauth/authorize", authorization, methods=("GET", "POST")
    )
