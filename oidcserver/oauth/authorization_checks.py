"""The checks that every authorization request passes (RFC 6749 section 4.1.2.1)."""

from typing import Any

from oidcserver.models import RegisteredClient
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.issuing import may_be_redirected_to
from oidcserver.oauth.scopes import default_scope, ignored_because, scope_words
from oidcserver.texts import _

PROMPTS = frozenset({"none", "login", "consent", "select_account"})
#: The route of the page where a user makes an account; ``prompt=create`` exists with it.
REGISTER = "oidc.register"


def find_client(authorization_request: AuthorizationRequest) -> None:
    """Find the client. Without a client, nothing is sent to a redirect URI."""
    identifiers = authorization_request.payload.datalist.get("client_id", [])
    if len(identifiers) != 1:
        raise invalid_request(
            _("The request has no client_id.") if not identifiers else _("client_id is repeated."),
            "RFC 6749 section 4.1.1",
        )
    server = authorization_request.request.oidc.server
    client = server.query_client(identifiers[0])
    authorization_request.client = authorization_request.oauth_request.client = client
    if client is None:
        raise invalid_request(
            _("The application that sent you here is not known."),
            "RFC 6749 section 4.1.2.1",
            client_id=identifiers[0],
        )


def match_redirect_uri(authorization_request: AuthorizationRequest) -> None:
    """Match the redirect URI as a string (RFC 9700 section 4.1)."""
    asked = authorization_request.payload.datalist.get("redirect_uri", [])
    client = authorization_request.client
    assert client is not None
    if len(asked) > 1:
        raise invalid_request(_("redirect_uri is repeated."), "RFC 6749 section 3.1")
    if not asked:
        redirect_uri = client.get_default_redirect_uri()
        # OpenID Connect Core section 3.1.2.1 requires the parameter.
        if redirect_uri is None or "openid" in authorization_request.data.get("scope", "").split():
            raise invalid_request(_("The request has no redirect_uri."), "RFC 6749 section 3.1.2.3")
    else:
        redirect_uri = asked[0]
        if not may_be_redirected_to(authorization_request.request, client, redirect_uri):
            received: dict[str, Any] = {
                "redirect_uri": redirect_uri,
                "registered": list(client.redirect_uris),
            }
            if client.check_redirect_uri(redirect_uri, localhost_any_port=True):
                received["allowed_by"] = "oauth.localhost_any_port = true"
            raise invalid_request(
                _("The redirect_uri is not one that the application registered."),
                "RFC 9700 section 4.1",
                **received,
            )
    authorization_request.redirect_uri = redirect_uri


def reject_duplicates(authorization_request: AuthorizationRequest) -> None:
    """Reject a repeated parameter (RFC 6749 section 3.1)."""
    authorization_request.payload.reject_duplicates()


def check_response_type(authorization_request: AuthorizationRequest) -> None:
    """Accept a response type that is selected and that the client registered."""
    response_type = authorization_request.payload.response_type
    if not response_type:
        raise invalid_request("The request has no response_type.", "RFC 6749 section 3.1.1")
    if response_type not in authorization_request.provider.response_types:
        raise Rejection(
            "unsupported_response_type",
            "This response_type is not supported.",
            rule="RFC 6749 section 4.1.2.1",
            received={"response_type": response_type},
        )
    assert authorization_request.client is not None
    authorization_request.response_type = response_type
    if not authorization_request.client.check_response_type(response_type):
        raise Rejection(
            "unauthorized_client",
            "The client did not register this response_type.",
            rule="RFC 6749 section 4.1.2.1",
            received={"response_type": response_type},
        )


def check_response_mode(authorization_request: AuthorizationRequest) -> None:
    """Accept a selected response mode that can carry this response."""
    asked, default = (
        authorization_request.data.get("response_mode"),
        authorization_request.default_response_mode,
    )
    if asked is None and default not in authorization_request.provider.response_modes:
        raise invalid_request(
            f"The request has no response_mode, and its default, {default}, is not supported."
        )
    mode = asked or default
    problem = authorization_request.mode_problem(mode)
    if problem:
        raise invalid_request(problem, received_mode=mode)
    authorization_request.response_mode = mode


def narrow_scope(authorization_request: AuthorizationRequest) -> None:
    """Keep what exists and what the client registered; ignore the rest (OpenID Core 3.1.2.1).

    A scope that is ignored is logged once.
    """
    client, provider = authorization_request.client, authorization_request.provider
    assert client is not None
    asked = scope_words(authorization_request.data.get("scope"))
    if asked:
        granted = [scope for scope in asked if _grants(authorization_request, client, scope)]
        if not granted:
            raise Rejection(
                "invalid_scope",
                "None of the scopes is one that the client may request in this way.",
                rule="RFC 6749 section 3.3",
                received={"scope": asked},
            )
        authorization_request.scope = " ".join(granted)
    else:
        authorization_request.scope = default_scope(provider, client)
    authorization_request.oauth_request.scope = authorization_request.scope


def _grants(
    authorization_request: AuthorizationRequest, client: RegisteredClient, scope: str
) -> bool:
    """Say whether a scope is granted, and log why one is not."""
    reason = ignored_because(
        authorization_request.provider, client, scope, authorization_request.response_type
    )
    if reason is not None:
        registry = authorization_request.request.registry
        registry.oidc.ignored_scopes.note(client.client_id, scope, reason)
    return reason is None


def read_prompt(authorization_request: AuthorizationRequest) -> None:
    """Read prompt and max_age (OpenID Connect Core section 3.1.2.1).

    The client's registered ``default_max_age`` stands in for max_age (Registration section 2).
    """
    prompt = frozenset(authorization_request.data.get("prompt", "").split())
    if "none" in prompt and len(prompt) > 1:
        raise invalid_request(
            "prompt=none cannot be combined with another value.",
            "OpenID Connect Core section 3.1.2.1",
        )
    provider = authorization_request.provider
    # OpenID Connect Initiating User Registration section 4
    known = PROMPTS | {"create"} if REGISTER in provider.route_names else PROMPTS
    if not prompt <= known:
        raise invalid_request("The prompt holds an unknown value.", prompt=sorted(prompt))
    authorization_request.prompt = prompt
    max_age = authorization_request.data.get("max_age")
    if max_age is not None:
        if not (max_age.isascii() and max_age.isdigit() and len(max_age) < 10):
            raise invalid_request("max_age is not a number of seconds.", max_age=max_age)
        authorization_request.max_age = int(max_age)
    elif authorization_request.client is not None:
        authorization_request.max_age = authorization_request.client.member("default_max_age")
