"""Signed authentication requests (CIBA section 7.1.1): all parameters as a JWT of the client.

The errors of request objects are not among those of CIBA, so every mistake is an
``invalid_request`` (section 13).
"""

from collections.abc import Callable
from math import ceil
from typing import Any

from oidcserver.clients.keys import read_client_keys
from oidcserver.endpoints.backchannel_authentication.request import (
    BackchannelAuthenticationRequest,
    malformed,
)
from oidcserver.extensions.request_object.merging import as_text
from oidcserver.http.request_guard import MAX_PARAMETER_BYTES
from oidcserver.keys.jwt import REGISTERED_CLAIMS, InvalidJWT, read_header, verify_client_jwt
from oidcserver.keys.jwt_times import TIMES, problem_of_times
from oidcserver.models.replay import use_identifier
from oidcserver.oauth.requests import MAX_PARAMETERS, Payload
from oidcserver.oidc.ciba import SIGNED, SIGNED_LIFETIME, SIGNING

MEMBER = "backchannel_authentication_request_signing_alg"
RULE = "CIBA section 7.1.1"
#: Claims about the JWT (RFC 7519 section 4.1); every other member is a parameter.
#: The parameters of section 7.1, RFC 8707 and RFC 9396: none may be beside a signed request.
_PARAMETERS = frozenset(
    {
        "scope", "client_notification_token", "acr_values", "login_hint_token", "id_token_hint",
        "login_hint", "binding_message", "user_code", "requested_expiry", "resource",
        "authorization_details",
    }
)  # fmt: skip
#: The type of RFC 9101 section 10.8, or none: any other is a JWT for another purpose.
_TYPES = frozenset({"jwt", "oauth-authz-req+jwt"})
#: Parameters of authorization requests, which no backchannel request has.
_OF_OTHER_ENDPOINTS = frozenset({"response_type", "redirect_uri", "request", "request_uri"})


def read_signed_request(asking: BackchannelAuthenticationRequest) -> None:
    """Replace the parameters by those of a signed request; require one of clients that sign."""
    token = asking.payload.data.get("request")
    if token is None:
        registered = asking.client.member(MEMBER) is not None
        if registered or asking.provider.settings_for(asking.client)[SIGNED]:
            raise malformed("The request has to be signed.", RULE)
        return
    if "request_uri" in asking.payload.data:
        raise malformed("request and request_uri exclude each other.", RULE)
    beside = _PARAMETERS.intersection(asking.payload.data)
    if beside:
        raise malformed(
            "The request has a parameter outside of its signed request object.",
            RULE,
            parameters=sorted(beside),
        )
    header, claims = _verify(asking, token)
    for check in CHECKS:
        if wrong := check(asking, header, claims):
            raise malformed(f"The signed request {wrong}.", RULE)
    asking.payload = Payload(_parameters(claims))
    asking.signed_claims = claims


def use_signed_request(asking: BackchannelAuthenticationRequest) -> None:
    """Use the ``jti`` of a signed request up, also if the request fails later."""
    claims = asking.signed_claims
    if claims is None:
        return
    skew = asking.provider.settings_for(asking.client)["oauth.clock_skew"]
    expires_at = ceil(claims["exp"]) + skew
    database, client_id = asking.request.oidc.database, asking.client.client_id
    if not use_identifier(database, "backchannel request", client_id, claims["jti"], expires_at):
        raise malformed("The signed request was used before.", RULE)


def _verify(
    asking: BackchannelAuthenticationRequest, token: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    registered = asking.client.member(MEMBER)
    selected = asking.provider.settings_for(asking.client)[SIGNING]
    algorithms = [it for it in selected if registered in (None, it)]
    try:
        header = read_header(token)
        # Before keys are fetched, so that nothing is sent for a request that is rejected anyway.
        if header["alg"] not in algorithms:
            raise InvalidJWT("the algorithm is not allowed")
        keys = read_client_keys(asking.request, asking.client, header.get("kid"))
        return verify_client_jwt(token, keys, algorithms)
    except InvalidJWT as problem:
        raise malformed(f"The signed request is not accepted: {problem}.", RULE) from None


def _parameters(claims: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the parameters of a signed request; a number may also be text (section 7.1.1)."""
    pairs = []
    for name, value in claims.items():
        if name in REGISTERED_CLAIMS:
            continue
        several = name == "resource" and isinstance(value, list)
        pairs += [(name, as_text(item)) for item in (value if several else [value])]
    too_long = any(len(text.encode()) > MAX_PARAMETER_BYTES for pair in pairs for text in pair)
    if len(pairs) > MAX_PARAMETERS or too_long or any("\0" in text for _, text in pairs):
        raise malformed("The signed request holds too much, or the character NUL.", RULE)
    return pairs


Check = Callable[[BackchannelAuthenticationRequest, dict[str, Any], dict[str, Any]], str | None]


def check_type(
    asking: BackchannelAuthenticationRequest, header: dict[str, Any], claims: dict[str, Any]
) -> str | None:
    """The JWT was made for a request of this kind (RFC 8725 section 3.12)."""
    typ = header.get("typ", "JWT").lower().removeprefix("application/")
    if typ not in _TYPES:
        return "has the typ of another kind of JWT"
    if claims.get("sub") == asking.client.client_id:
        return "has the client as its sub, as a client assertion has"
    if _OF_OTHER_ENDPOINTS.intersection(claims):
        return "holds a parameter of an authorization request"
    return None


def check_parties(
    asking: BackchannelAuthenticationRequest, header: dict[str, Any], claims: dict[str, Any]
) -> str | None:
    """``iss`` is the client, and ``aud`` has this provider."""
    if claims.get("iss") != asking.client.client_id:
        return "has an iss that is not the client"
    audience = claims.get("aud")
    if asking.provider.issuer not in (audience if isinstance(audience, list) else [audience]):
        return "has an aud that is not this provider"
    return None


def check_times(
    asking: BackchannelAuthenticationRequest, header: dict[str, Any], claims: dict[str, Any]
) -> str | None:
    """``exp``, ``nbf`` and ``iat`` are there, and the request is valid now, for a limited time."""
    now, settings = asking.request.oidc.now, asking.provider.settings_for(asking.client)
    skew, longest = settings["oauth.clock_skew"], settings[SIGNED_LIFETIME]
    problem = problem_of_times(claims, now=now, skew=skew, required=TIMES)
    if problem is not None:
        return f"is not valid now: {problem}"
    if claims["exp"] - claims["nbf"] > longest or claims["nbf"] < now - longest - skew:
        return f"is valid for more than {longest} s"
    return None


def check_identifier(
    asking: BackchannelAuthenticationRequest, header: dict[str, Any], claims: dict[str, Any]
) -> str | None:
    """``jti`` is there, so that the request can be used only once."""
    jti = claims.get("jti")
    return None if isinstance(jti, str) and jti else "has no jti"


#: In this order. A check returns the mistake as half a sentence, or None.
CHECKS: tuple[Check, ...] = (check_type, check_parties, check_times, check_identifier)
