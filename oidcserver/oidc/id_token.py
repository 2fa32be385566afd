"""ID tokens (OpenID Connect Core sections 2, 3.1.3.6, 3.2.2.10 and 3.3.2.11)."""

from typing import Any

from oidcserver.clients.client_jwt import UNSIGNED, make_client_jwt, signing_algorithms
from oidcserver.clients.values import ID_TOKEN_CLAIMS
from oidcserver.keys.jwt import half_hash
from oidcserver.models import AuthorizationRecord, RegisteredClient
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import invalid_request
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.subjects import sid_of
from oidcserver.oidc.acr import acr_claim
from oidcserver.oidc.claims import claims_of_id_token
from oidcserver.settings import boolean, seconds, text
from oidcserver.types import Configurator, Provider, Request

ALGORITHM = "id_token_signed_response_alg"
#: The member of a client that overrides ``oidc.id_token_claims``.
CLAIMS_MEMBER = "id_token_claims"


def make_id_token(
    request: Request,
    client: RegisteredClient,
    authorization: AuthorizationRecord,
    claims: dict[str, Any],
) -> str:
    """Return a signed ID token for a client.

    :param claims: further claims, such as ``at_hash``; those that are None are left out.
    """
    content = {**id_token_claims(request, client, authorization), **claims}
    present = {name: value for name, value in content.items() if value is not None}
    return make_client_jwt(request, client, "id_token", present)


def id_token_claims(
    request: Request, client: RegisteredClient, authorization: AuthorizationRecord
) -> dict[str, Any]:
    """Return the claims of every ID token of an authorization (section 2)."""
    provider, session_id = request.oidc.provider, authorization.session_id
    if not _registered_for_logout(request, client):
        session_id = None
    claims = {
        "iss": provider.issuer,
        "sub": authorization.subject,
        "aud": client.client_id,
        "iat": request.oidc.now,
        "exp": request.oidc.now + provider.settings["oidc.id_token_lifetime"],
        "auth_time": authorization.auth_time,
        "acr": acr_claim(provider, authorization),
        "amr": authorization.amr,
        "sid": sid_of(client.client_id, session_id) if session_id is not None else None,
    }
    return {name: value for name, value in claims.items() if value is not None}


def _registered_for_logout(request: Request, client: RegisteredClient) -> bool:
    """Whether a client can end a login session, or is told of its end: it needs the ``sid``."""
    channels = request.registry.oidc.logout_channels.values()
    members = ("post_logout_redirect_uris", *(channel.uri_member for channel in channels))
    return any(client.member(member) for member in members)


def add_to_authorization_response(authorization_request: AuthorizationRequest) -> None:
    """Add the ID token of the implicit and hybrid flows, with the hashes of code and token."""
    if (
        "id_token" not in authorization_request.response_type.split()
        or authorization_request.authorization is None
    ):
        return
    assert authorization_request.client is not None
    algorithm = authorization_request.client.member(ALGORITHM)
    parameters = authorization_request.parameters
    code, token = parameters.get("code"), parameters.get("access_token")
    request, authorization = authorization_request.request, authorization_request.authorization
    # Without an access token, only the ID token can have the claims of scopes (section 5.4).
    alone = authorization_request.response_type == "id_token"
    claims: dict[str, Any] = {
        **claims_of_id_token(
            request,
            authorization,
            authorization_request.login_session.user,
            authorization.scope.split() if alone else (),
            of_scopes=alone,
            alone=alone,
        ),
        "nonce": authorization.nonce,
        "c_hash": half_hash(code, algorithm) if code else None,
        "at_hash": half_hash(token, algorithm) if token else None,
    }
    parameters["id_token"] = make_id_token(
        request, authorization_request.client, authorization, claims
    )


def add_to_token_response(token_request: OAuthRequest) -> None:
    """Add the ID token; that for a refresh token has no nonce (section 12.2)."""
    authorization, response = token_request.authorization, token_request.answer
    if authorization is None or "openid" not in response.get("scope", "").split():
        return
    request, client = token_request.request, token_request.client
    algorithm, token = client.member(ALGORITHM), response["access_token"]
    claims = {
        **claims_of_id_token(
            request,
            authorization,
            token_request.user,
            response["scope"].split(),
            of_scopes=has_claims_of_scopes(request.oidc.provider, client),
        ),
        "nonce": authorization.nonce if token_request.refresh_token is None else None,
        "at_hash": half_hash(token, algorithm) if algorithm != UNSIGNED else None,
        **token_request.id_token_claims,
    }
    response["id_token"] = make_id_token(request, client, authorization, claims)


def has_claims_of_scopes(provider: Provider, client: RegisteredClient) -> bool:
    """Whether ID tokens from the token endpoint have the claims of scopes for a client.

    Section 5.4 leaves these claims to UserInfo, but many relying parties read only ID tokens.
    """
    mode = client.member(CLAIMS_MEMBER) or provider.settings["oidc.id_token_claims"]
    return bool(mode == "scopes")


def require_openid_and_nonce(authorization_request: AuthorizationRequest) -> None:
    """Require the scope openid and a nonce for an ID token in the response (section 3.2.2.1)."""
    if "id_token" not in authorization_request.response_type.split():
        return
    if "openid" not in authorization_request.scope.split():
        raise invalid_request(
            "An id_token requires the scope openid.", "OpenID Connect Core section 3.2.2.1"
        )
    if "nonce" not in authorization_request.data:
        raise invalid_request("The request has no nonce.", "OpenID Connect Core section 3.2.2.1")


def includeme(config: Configurator) -> None:
    """Add the settings and the metadata."""
    config.add_oauth_setting(
        "oidc.id_token_lifetime", seconds, 600, "How long an ID token is valid."
    )
    config.add_oauth_setting(
        "oidc.unsigned_id_tokens",
        boolean,
        False,
        "Whether a client of the code flow may register for unsigned ID tokens.",
    )
    config.add_oauth_setting(
        "oidc.id_token_claims",
        text,
        "requested",
        "Which claims the ID tokens of the token endpoint have: those that the claims parameter "
        "requests (requested), or also those of the scopes (scopes). A client's id_token_claims "
        "decides for that client.",
        allowed=ID_TOKEN_CLAIMS,
    )
    config.add_server_metadata("id_token_signing_alg_values_supported", _algorithms)


def _algorithms(provider: Provider) -> list[str]:
    """Return the signing algorithms, and ``none`` if unsigned ID tokens are allowed (section 2)."""
    unsigned = [UNSIGNED] if provider.settings["oidc.unsigned_id_tokens"] else []
    return signing_algorithms(provider) + unsigned
