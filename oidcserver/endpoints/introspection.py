"""The introspection endpoint (RFC 7662)."""

from collections.abc import Collection
from typing import Any

from pyramid.response import Response

from oidcserver.clients.client_jwt import (
    encryption_algorithms,
    encryption_encodings,
    signing_algorithms,
)
from oidcserver.extensions import signed_introspection
from oidcserver.extensions.authorization_details import for_audience
from oidcserver.interfaces import Step
from oidcserver.models import RegisteredClient, UserRecord
from oidcserver.models.refresh_token import find_refresh_token
from oidcserver.oauth.errors import invalid_client
from oidcserver.oauth.flow import run
from oidcserver.oauth.issuing import still_allowed
from oidcserver.oauth.refreshing import end_of, reason_of_end
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.responses import json_response, jwt_response
from oidcserver.oauth.steps import authenticate_client, read_parameters, reject, require_client
from oidcserver.oauth.tokens import find_access_token
from oidcserver.types import Configurator, Request

INACTIVE: dict[str, Any] = {"active": False}


def introspection(request: Request) -> Response:
    """Return the properties of a token, to its client and its resource servers."""
    return run("introspection", OAuthRequest(request), reject)


def require_confidential_client(introspection_request: OAuthRequest) -> None:
    """Require that the caller is authenticated (section 2.1)."""
    require_client(introspection_request)
    if introspection_request.auth_method == "none":
        raise invalid_client("RFC 7662 section 2.1", reason="The client is public.")


def read_token(introspection_request: OAuthRequest) -> None:
    """Read the token, its client, its authorization and its user."""
    request, client = introspection_request.request, introspection_request.client
    text = introspection_request.parameter("token", "RFC 7662 section 2.1")
    first, second = _access_token, _refresh_token
    if introspection_request.payload.data.get("token_type_hint") == "refresh_token":
        first, second = second, first  # a wrong hint hides no token
    answer = first(request, client, text) or second(request, client, text)
    introspection_request.answer = answer or INACTIVE


def respond(introspection_request: OAuthRequest) -> Response:
    """Return the properties of the token: as JSON, or signed if the caller asks (RFC 9701)."""
    request, answer = introspection_request.request, introspection_request.answer
    if not signed_introspection.is_asked_for(request):
        return json_response(200, answer)
    token = signed_introspection.sign_introspection(request, introspection_request.client, answer)
    return jwt_response(token, signed_introspection.MEDIA_TYPE)


def _access_token(request: Request, client: RegisteredClient, text: str) -> dict[str, Any] | None:
    token = find_access_token(request, text)
    if token is None:
        return None
    provider = request.oidc.provider
    served = provider.served_resources(client.client_id, token.audience)
    is_resource = bool(served) or client.client_id in token.audience or client.resource_server
    if client.client_id != token.client_id and not is_resource:
        return INACTIVE  # section 4: no more than that
    details = for_audience(token.authorization_details or (), served)
    user = token.bearer.user if token.bearer else None
    members: dict[str, Any] = {
        "active": True,
        "token_type": token.token_type,
        "client_id": token.client_id,
        "sub": token.subject,
        "scope": token.scope or None,
        "aud": token.audience[0] if len(token.audience) == 1 else list(token.audience),
        "iss": provider.issuer,
        "iat": token.issued_at,
        "exp": token.expires_at,
        "jti": token.token_id,
        "username": _username(user, token.scopes, is_resource=is_resource),
        "cnf": token.confirmation,
        "act": token.actor,  # RFC 8693 section 4.1
        "acr": token.acr,  # RFC 9470 section 6.2
        "auth_time": token.auth_time,
        "authorization_details": details or None,  # RFC 9396 section 9.2
        **(token.claims or {}),
    }
    return {name: value for name, value in members.items() if value is not None}


def _refresh_token(request: Request, client: RegisteredClient, text: str) -> dict[str, Any] | None:
    found = find_refresh_token(request.oidc.database, text)
    if found is None:
        return None
    if found.token.client_id != client.client_id:
        return INACTIVE
    row, authorization, user, _, _ = found
    scope = still_allowed(request, client, row.scope)
    if row.used_at is not None or reason_of_end(request, client, found, scope) is not None:
        return INACTIVE
    members: dict[str, Any] = {
        "active": True,
        # RFC 8693 section 2.2.1: it is no access token, and no resource may take it for one.
        "token_type": "N_A",
        "client_id": row.client_id,
        "sub": authorization.subject,
        "username": _username(user, scope.split(), is_resource=client.resource_server),
        "scope": scope or None,
        "iss": request.oidc.provider.issuer,
        "iat": row.issued_at,
        "exp": end_of(request, row, authorization),
    }
    return {name: value for name, value in members.items() if value is not None}


def _username(user: UserRecord | None, scopes: Collection[str], *, is_resource: bool) -> str | None:
    """Return the user name for a resource server, or for a client that may read the profile.

    Any other client could use it to find out which users it shares with others, which pairwise
    subjects prevent (OpenID Connect Core section 8.1).
    """
    if user is None or not (is_resource or "profile" in scopes):
        return None
    return user.username


STEPS: tuple[Step[OAuthRequest], ...] = (
    Step(read_parameters),
    Step(authenticate_client),
    Step(require_confidential_client),  # RFC 7662 section 2.1
    Step(read_token),
    Step(respond),
)


def includeme(config: Configurator) -> None:
    """Offer the endpoint."""
    config.add_oauth_flow("introspection", STEPS)
    config.add_oauth_endpoint(
        "introspection",
        "/oauth/introspect",
        introspection,
        transaction=False,
        metadata={
            "introspection_signing_alg_values_supported": signing_algorithms,
            "introspection_encryption_alg_values_supported": encryption_algorithms,
            "introspection_encryption_enc_values_supported": encryption_encodings,
        },
    )
