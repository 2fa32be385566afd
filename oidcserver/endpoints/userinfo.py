"""The UserInfo endpoint (OpenID Connect Core section 5.3)."""

from typing import Any

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.http.cors import allow_registered_origin
from oidcserver.oauth.bearer import insufficient_scope, invalid_token, read_bearer_token
from oidcserver.oauth.errors import as_rejection
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.responses import error_response, json_response, jwt_response
from oidcserver.oauth.tokens import AccessToken, find_access_token
from oidcserver.oidc.claims import userinfo_claims
from oidcserver.oidc.client_jwt import make_client_jwt, signing_algorithms
from oidcserver.oidc.encryption import encryption_algorithms, encryption_encodings
from oidcserver.types import Configurator, Request


def userinfo(request: Request) -> Response:
    """Return the claims that the token's scopes stand for."""
    token = None
    try:
        token = find_access_token(request, read_bearer_token(request))
        if token is None:
            raise invalid_token("The access token is not valid, has expired or was revoked.")
        response = _protect(request, token, _claims(request, token))
    except OAuth2Error as error:
        rejection = as_rejection(error)
        if token is not None:  # what strangers send is not worth a row
            record_rejection(request, rejection, token.client_id)
        response = error_response(rejection)
    return _readable_by_client(request, response, token)


def _claims(request: Request, token: AccessToken) -> dict[str, Any]:
    if "openid" not in token.scopes:
        raise insufficient_scope("openid")
    if token.confirmation is not None:
        raise invalid_token("The access token is bound to a key and was sent as Bearer.")
    bearer = token.bearer
    assert bearer is not None
    if bearer.authorization is None or bearer.user is None:
        raise insufficient_scope("openid")  # the client's own token, about nobody
    claims = userinfo_claims(request, bearer.authorization, bearer.user, token.scopes)
    return {**claims, "sub": token.subject}


def _protect(request: Request, token: AccessToken, claims: dict[str, Any]) -> Response:
    """Return the claims as JSON, or as the client registered: signed, encrypted (section 5.3.2)."""
    assert token.bearer is not None
    client = token.bearer.client
    signed = client.member("userinfo_signed_response_alg") is not None
    if not signed and client.member("userinfo_encrypted_response_alg") is None:
        return json_response(200, claims)
    if signed:
        claims = {**claims, "iss": request.oidc.provider.issuer, "aud": client.client_id}
    return jwt_response(make_client_jwt(request, client, "userinfo", claims))


def _readable_by_client(
    request: Request, response: Response, token: AccessToken | None
) -> Response:
    bearer = token.bearer if token is not None else None
    uris = bearer.client.redirect_uris if bearer is not None else ()
    return allow_registered_origin(request, response, uris)


def includeme(config: Configurator) -> None:
    """Offer the endpoint."""
    config.add_oauth_endpoint(
        "userinfo",
        "/oauth/userinfo",
        userinfo,
        methods=("GET", "POST"),
        cors=True,
        transaction=False,
        metadata={
            "userinfo_signing_alg_values_supported": signing_algorithms,
            "userinfo_encryption_alg_values_supported": encryption_algorithms,
            "userinfo_encryption_enc_values_supported": encryption_encodings,
        },
    )
