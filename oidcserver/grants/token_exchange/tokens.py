"""The tokens that a client presents for exchange (RFC 8693 section 2.1): those of this provider."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from oidcserver.models import AuthorizationRecord, UserRecord
from oidcserver.models.authorization_of_subject import find_authorization_of_subject
from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.tokens import find_access_token
from oidcserver.oidc.id_token_hint import verify_id_token

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
RULE = "RFC 8693 section 2.2.2"


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """The contents of a live token of this provider."""

    client_id: str
    subject: str
    audience: tuple[str, ...]
    scope: str
    #: Seconds since the epoch.
    expires_at: int
    #: None for a token of a client on its own behalf, as is the user.
    authorization: AuthorizationRecord | None
    user: UserRecord | None
    #: The claims ``act`` and ``may_act``, unchecked.
    act: Any = None
    may_act: Any = None
    #: Those of an access token (RFC 9396).
    authorization_details: Sequence[dict[str, Any]] = ()


def read_presented(token_request: OAuthRequest, parameter: str) -> PresentedToken:
    """Return the token of ``subject_token`` or ``actor_token``, by the type that it is called.

    :raises Rejection: ``invalid_request`` if it is missing, not live, or of another type.
    """
    text = token_request.parameter(parameter, "RFC 8693 section 2.1")
    name = token_request.parameter(f"{parameter}_type", "RFC 8693 section 2.1")
    readers = {ACCESS_TOKEN: _access_token, ID_TOKEN: _id_token}
    if name not in readers:
        raise invalid_request(
            f"The {parameter}_type is neither that of an access token nor of an ID token.",
            RULE,
            token_type=name,
        )
    found = readers[name](token_request, text)
    if found is None:
        raise invalid_token(parameter)
    return found


def invalid_token(parameter: str) -> Rejection:
    """Return the rejection of a token that is not live or not of its type."""
    return invalid_request(
        f"The {parameter} is not valid, has expired, or is not of its {parameter}_type.", RULE
    )


def invalid_target(description: str, target: str) -> Rejection:
    """Return the rejection of a request for an audience or resource."""
    return Rejection("invalid_target", description, rule=RULE, received={"target": target})


def _access_token(token_request: OAuthRequest, text: str) -> PresentedToken | None:
    token = find_access_token(token_request.request, text)
    if token is None or token.bearer is None:
        return None
    return PresentedToken(
        token.client_id,
        token.subject,
        token.audience,
        token.scope,
        token.expires_at,
        token.bearer.authorization,
        token.bearer.user,
        act=token.actor,
        authorization_details=token.authorization_details or (),
    )


def _id_token(token_request: OAuthRequest, text: str) -> PresentedToken | None:
    """Read an ID token, and the live authorization of the sign-in that it tells of."""
    request, provider = token_request.request, token_request.provider
    claims = verify_id_token(provider, text)
    if claims is None or claims["exp"] <= request.oidc.now or "auth_time" not in claims:
        return None
    found = find_authorization_of_subject(
        request.oidc.database,
        claims["aud"],
        claims["sub"],
        claims["auth_time"],
        claims["iat"],
        request.oidc.now,
    )
    if found is None:
        return None
    authorization, user = found
    return PresentedToken(
        claims["aud"],
        claims["sub"],
        (provider.issuer,),
        authorization.scope,
        claims["exp"],
        authorization,
        user,
        act=claims.get("act"),
        may_act=claims.get("may_act"),
    )
