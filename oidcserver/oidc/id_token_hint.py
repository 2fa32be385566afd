"""``id_token_hint``: an ID token of this provider that names a user.

The keys of ID tokens sign other JWTs too. None of those is accepted as an ID token (RFC 8725
section 3.12): access tokens, logout tokens, authorization responses and introspection responses
have a ``typ``, and UserInfo responses have no ``exp``.
"""

import json
from dataclasses import astuple, dataclass
from typing import Any

from joserfc.jwk import OctKey

from oidcserver.clients.registration import read_client_secrets
from oidcserver.keys.jwt import (
    CLAIMS,
    HEADER,
    MAX_OWN_TOKEN_BYTES,
    SECRET_ALGORITHMS,
    InvalidJWT,
    read_unverified,
    verify_client_jwt,
    verify_own,
)
from oidcserver.keys.strict_json import compact
from oidcserver.models import RegisteredClient
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import invalid_request
from oidcserver.types import Provider, Request

PARAMETER = "id_token_hint"
#: The key of the subject in ``AuthorizationRequest.extra``.
HINTED = PARAMETER
#: The purposes of the seal on a hint that was verified: in a URL of ours, and in the database,
#: whose contents are not accepted from anybody.
PURPOSE, STORED_PURPOSE = "id_token_hint", "stored id_token_hint"


@dataclass(frozen=True, slots=True)
class IdTokenHint:
    """The claims of an ID token that is used as a hint."""

    client_id: str
    subject: str
    #: The ``sid``; None if the ID token has no login session.
    sid: str | None
    #: Whether only this server can have signed it. With HS256 the client can sign it too.
    proven: bool


def read_id_token_hint(request: Request, hint: str) -> IdTokenHint | None:
    """Return the claims of an ID token that this provider issued; None for any other text.

    The ID token may have expired.

    :param hint: an ID token, or what :func:`seal_hint` returned.
    """
    sealed = _unseal_hint(request, hint, PURPOSE)
    if sealed is not None:
        return sealed
    claims, proven = verify_id_token(request.oidc.provider, hint), True
    if claims is None:
        claims, proven = _verify_by_secret(request, hint), False
    if claims is None or not _is_id_token(claims, request.oidc.provider.issuer):
        return None
    return IdTokenHint(claims["aud"], claims["sub"], claims.get("sid"), proven)


def verify_id_token(provider: Provider, text: str) -> dict[str, Any] | None:
    """Return the claims of an ID token that only this provider can have signed, or None.

    Times are not checked.
    """
    claims = verify_own(provider.keys, text)
    return claims if claims is not None and _is_id_token(claims, provider.issuer) else None


def seal_hint(request: Request, hint: IdTokenHint, purpose: str = PURPOSE) -> str:
    """Return a short text that replaces the ID token in a URL or in the database."""
    sealed: str = request.oidc.provider.sealer(purpose).seal(compact(astuple(hint)).encode())
    return sealed


def _unseal_hint(request: Request, text: str, purpose: str) -> IdTokenHint | None:
    unsealed = request.oidc.provider.sealer(purpose).unseal(text)
    return None if unsealed is None else IdTokenHint(*json.loads(unsealed))


def hinted_client(request: Request, hint: str) -> RegisteredClient | None:
    """Return the client that a hint names, if the hint can be an ID token of that client.

    The signature is not verified here, so the client is not proven. The hint was changed, and names
    no client, if its algorithm is not that of the client's ID tokens, or if its key is one that
    this provider still has, which did not verify it.
    """
    try:
        header = read_unverified(hint, HEADER, MAX_OWN_TOKEN_BYTES)
        client_id = read_unverified(hint, CLAIMS, MAX_OWN_TOKEN_BYTES).get("aud")
    except ValueError:
        return None
    kid = header.get("kid", "")
    if not isinstance(client_id, str) or not isinstance(kid, str):
        return None
    if request.oidc.provider.keys.find(kid) is not None:
        return None
    client: RegisteredClient | None = request.oidc.server.query_client(client_id, renew=False)
    if client is None or header.get("alg") != client.member("id_token_signed_response_alg"):
        return None
    return client


def _verify_by_secret(request: Request, hint: str) -> dict[str, Any] | None:
    """Verify a hint with the secret of its client, if the client's ID tokens are signed with it."""
    client = hinted_client(request, hint)
    algorithm = client.member("id_token_signed_response_alg") if client is not None else None
    if client is None or algorithm not in SECRET_ALGORITHMS:
        return None
    for secret in read_client_secrets(request.oidc.provider, client):
        try:
            key = OctKey.import_key(secret)
            header, claims = verify_client_jwt(hint, key, [algorithm], MAX_OWN_TOKEN_BYTES)
        except InvalidJWT:
            continue
        return claims if "typ" not in header else None
    return None


def _is_id_token(claims: dict[str, Any], issuer: str) -> bool:
    """Whether these are the claims of an ID token (OpenID Connect Core section 2)."""
    return (
        claims.get("iss") == issuer
        and all(isinstance(claims.get(name), str) for name in ("sub", "aud"))
        and all(isinstance(claims.get(name), int) for name in ("exp", "iat"))
        and isinstance(claims.get("sid", ""), str)
        and "events" not in claims
    )


def read_hint(authorization_request: AuthorizationRequest) -> None:
    """Require a hint to be an ID token for this client (OpenID Connect Core section 3.1.2.1)."""
    text = authorization_request.data.get(PARAMETER)
    if text is None:
        return
    assert authorization_request.client is not None
    request, hint = authorization_request.request, None
    if authorization_request.stored:
        hint = _unseal_hint(request, text, STORED_PURPOSE)
    hint = hint or read_id_token_hint(request, text)
    if hint is None or hint.client_id != authorization_request.client.client_id:
        raise invalid_request(
            "The id_token_hint is not an ID token that was issued to this client.",
            "OpenID Connect Core section 3.1.2.1",
        )
    authorization_request.extra[HINTED] = hint.subject
    # The request may be stored until the user answers; an ID token is long and has personal data.
    authorization_request.payload.replace(PARAMETER, seal_hint(request, hint, STORED_PURPOSE))
