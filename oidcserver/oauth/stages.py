"""The stages that every authorization request passes (RFC 6749 section 4.1.2.1), in order."""

from typing import Any

from oidcserver.models import Client
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.issuing import may_be_redirected_to
from oidcserver.oauth.scopes import default_scope, ignored_because, scope_words

PROMPTS = frozenset({"none", "login", "consent", "select_account"})


def find_client(request: AuthorizationRequest) -> None:
    """Find the client; without one nothing is ever sent anywhere."""
    identifiers = request.payload.datalist.get("client_id", [])
    if len(identifiers) != 1:
        raise invalid_request(
            "The request has no client_id." if not identifiers else "client_id is repeated.",
            "RFC 6749 section 4.1.1",
        )
    server = request.http_request.authorization_server
    client = server.query_client(identifiers[0])
    request.client = request.oauth_request.client = client
    if client is None:
        raise invalid_request(
            "The application that sent you here is not known.",
            "RFC 6749 section 4.1.2.1",
            client_id=identifiers[0],
        )


def match_redirect_uri(request: AuthorizationRequest) -> None:
    """Match the redirect URI as a string (RFC 9700 section 4.1)."""
    asked = request.payload.datalist.get("redirect_uri", [])
    client = request.client
    assert client is not None
    if len(asked) > 1:
        raise invalid_request("redirect_uri is repeated.", "RFC 6749 section 3.1")
    if not asked:
        redirect_uri = client.get_default_redirect_uri()
        # OpenID Connect Core section 3.1.2.1 demands the parameter of its own requests.
        if redirect_uri is None or "openid" in request.data.get("scope", "").split():
            raise invalid_request("The request has no redirect_uri.", "RFC 6749 section 3.1.2.3")
    else:
        redirect_uri = asked[0]
        if not may_be_redirected_to(request, client, redirect_uri):
            received: dict[str, Any] = {
                "redirect_uri": redirect_uri,
                "registered": list(client.redirect_uris),
            }
            if client.check_redirect_uri(redirect_uri, localhost_any_port=True):
                received["allowed_by"] = "oauth.localhost_any_port = true"
            raise invalid_request(
                "The redirect_uri is not one that the application registered.",
                "RFC 9700 section 4.1",
                **received,
            )
    request.redirect_uri = redirect_uri


def refuse_duplicates(request: AuthorizationRequest) -> None:
    """Refuse a repeated parameter (RFC 6749 section 3.1)."""
    request.payload.refuse_duplicates()


def check_response_type(request: AuthorizationRequest) -> None:
    """Accept a response type that is selected and that the client registered."""
    response_type = request.payload.response_type
    if not response_type:
        raise invalid_request("The request has no response_type.", "RFC 6749 section 3.1.1")
    if response_type not in request.provider.response_types:
        raise Rejection(
            "unsupported_response_type",
            "This response_type is not supported.",
            rule="RFC 6749 section 4.1.2.1",
            received={"response_type": response_type},
        )
    assert request.client is not None
    request.response_type = response_type
    if not request.client.check_response_type(response_type):
        raise Rejection(
            "unauthorized_client",
            "The client did not register this response_type.",
            rule="RFC 6749 section 4.1.2.1",
            received={"response_type": response_type},
        )


def check_response_mode(request: AuthorizationRequest) -> None:
    """Accept a selected response mode that can carry this response."""
    asked = request.data.get("response_mode", request.default_response_mode)
    problem = request.mode_problem(asked)
    if problem:
        raise invalid_request(problem, received_mode=asked)
    request.response_mode = asked


def narrow_scope(request: AuthorizationRequest) -> None:
    """Keep what exists and what the client registered; ignore the rest (OpenID Core 3.1.2.1).

    A scope that is ignored is logged once.
    """
    client, provider = request.client, request.provider
    assert client is not None
    asked = scope_words(request.data.get("scope"))
    if asked:
        granted = [scope for scope in asked if _grants(request, client, scope)]
        if not granted:
            raise Rejection(
                "invalid_scope",
                "None of the scopes is one that the client may request in this way.",
                rule="RFC 6749 section 3.3",
                received={"scope": asked},
            )
        request.scope = " ".join(granted)
    else:
        request.scope = default_scope(provider, client)
    request.oauth_request.scope = request.scope


def _grants(request: AuthorizationRequest, client: Client, scope: str) -> bool:
    """Say whether a scope is granted, and log why one is not."""
    reason = ignored_because(request.provider, client, scope, request.response_type)
    if reason is not None:
        registry = request.http_request.registry
        registry.ignored_scopes.note(client.client_id, scope, reason)
    return reason is None


def read_prompt(request: AuthorizationRequest) -> None:
    """Read prompt and max_age (OpenID Connect Core section 3.1.2.1).

    The client's registered ``default_max_age`` stands in for max_age (Registration section 2).
    """
    prompt = frozenset(request.data.get("prompt", "").split())
    if "none" in prompt and len(prompt) > 1:
        raise invalid_request("prompt=none stands alone.", "OpenID Connect Core section 3.1.2.1")
    if not prompt <= PROMPTS:
        raise invalid_request("The prompt holds an unknown value.", prompt=sorted(prompt))
    request.prompt = prompt
    max_age = request.data.get("max_age")
    if max_age is not None:
        if not (max_age.isascii() and max_age.isdigit() and len(max_age) < 10):
            raise invalid_request("max_age is not a number of seconds.", max_age=max_age)
        request.max_age = int(max_age)
    elif request.client is not None:
        request.max_age = request.client.member("default_max_age")


STAGES = (
    ("client", find_client),
    ("redirect_uri", match_redirect_uri),
    ("duplicates", refuse_duplicates),
    ("response_type", check_response_type),
    ("response_mode", check_response_mode),
    ("scope", narrow_scope),
    ("prompt", read_prompt),
)
