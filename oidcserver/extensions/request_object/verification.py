"""Verifies a request object before its parameters are used (RFC 9101 section 6)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from oidcserver.clients.keys import read_client_keys
from oidcserver.keys.jwe import ENCODINGS, decrypt
from oidcserver.keys.jwt import InvalidJWT, read_header, read_unsecured_jwt, verify_client_jwt
from oidcserver.keys.jwt_times import problem_of_times
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.grant_types import CIBA

#: The type of RFC 9101 section 10.8; an object without it may be one of OpenID Connect Core.
JAR = "oauth-authz-req+jwt"
CLAIMS = "oauth.request_object_claims"
MAX_LIFETIME = "oauth.request_object_max_lifetime"
#: Any other type is a JWT that the client signed for another purpose.
_TYPES = frozenset({"jwt", JAR})
#: Parameters of backchannel requests (CIBA section 7.1), which no authorization request has.
_OF_OTHER_ENDPOINTS = frozenset(
    {
        "binding_message", "client_notification_token", "login_hint_token", "requested_expiry",
        "user_code",
    }
)  # fmt: skip

#: Parameters that no backchannel request has: an object of a client that sends both kinds has one.
_OF_THIS_ENDPOINT = frozenset({"client_id", "response_type"})


@dataclass(frozen=True, slots=True)
class RequestObject:
    """A request object that is accepted."""

    claims: Mapping[str, Any]
    #: Whether the client signed it.
    signed: bool
    #: The ``typ`` of its header in lower case, ``jwt`` if there is none.
    typ: str


def invalid_request_object(description: str, rule: str, **received: Any) -> Rejection:
    """Return the rejection of a request object (OpenID Connect Core section 3.1.2.6)."""
    return Rejection("invalid_request_object", description, rule=rule, received=received)


def signature_required(authorization_request: AuthorizationRequest) -> bool:
    """Whether all clients, or this client, have to sign requests (RFC 9101 section 10.5)."""
    assert authorization_request.client is not None
    everyone: bool = authorization_request.provider.settings["oauth.require_signed_request_object"]
    return everyone or authorization_request.client.member("require_signed_request_object") is True


def accepted_algorithms(authorization_request: AuthorizationRequest) -> list[str]:
    """Return the algorithms by which the client may sign: the registered one, or all selected."""
    assert authorization_request.client is not None
    registered = authorization_request.client.member("request_object_signing_alg")
    rejected = "none" if signature_required(authorization_request) else None
    return [
        alg
        for alg in settings_of(authorization_request)["oauth.request_object_signing_algs"]
        if registered in (None, alg) and alg != rejected
    ]


def settings_of(authorization_request: AuthorizationRequest) -> Mapping[str, Any]:
    """Return the settings for the client of a request."""
    return authorization_request.provider.settings_for(authorization_request.client)


def verify_request_object(authorization_request: AuthorizationRequest, token: str) -> RequestObject:
    """Decrypt a request object, verify its signature and check its claims.

    Waiting for a client's keys ends the transaction: see ``read_client_keys``.

    :raises Rejection: ``invalid_request_object``.
    """
    try:
        if token.count(".") == 4:  # RFC 7516 section 9: a JWE has five parts
            algs = authorization_request.provider.settings["oidc.decryption_algs"]
            token = decrypt(authorization_request.provider.keys, token, algs, ENCODINGS)
        header, claims = _verify(authorization_request, token)
    except InvalidJWT as problem:
        raise invalid_request_object(
            f"The request object is not accepted: {problem}.", "RFC 9101 section 6"
        ) from None
    typ = header.get("typ", "JWT").lower().removeprefix("application/")
    checked = RequestObject(claims, header["alg"] != "none", typ)
    for check, rule in CHECKS:
        if wrong := check(checked, authorization_request):
            raise invalid_request_object(f"The request object {wrong}.", rule)
    return checked


def _verify(
    authorization_request: AuthorizationRequest, token: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    algorithms = accepted_algorithms(authorization_request)
    if token.endswith("."):
        if "none" not in algorithms:
            raise InvalidJWT("it is not signed")
        return read_unsecured_jwt(token)
    header = read_header(token)
    # Before keys are fetched, so that nothing is sent for an object that is rejected anyway.
    if header["alg"] not in algorithms:
        raise InvalidJWT("the algorithm is not allowed")
    assert authorization_request.client is not None
    keys = read_client_keys(
        authorization_request.request, authorization_request.client, header.get("kid")
    )
    return verify_client_jwt(token, keys, algorithms)


def check_type(
    request_object: RequestObject, authorization_request: AuthorizationRequest
) -> str | None:
    """The ``typ``, if there is one, is that of a request object, and so are the claims."""
    if request_object.typ not in _TYPES:
        return "has the typ of another kind of JWT"
    client = authorization_request.client
    assert client is not None
    if not _OF_OTHER_ENDPOINTS.isdisjoint(request_object.claims):
        return "holds a parameter of a backchannel authentication request"
    # Neither has a typ of its own, and no parameter tells each backchannel request.
    if client.check_grant_type(CIBA) and _OF_THIS_ENDPOINT.isdisjoint(request_object.claims):
        return "has neither client_id nor response_type, as a backchannel request has not"
    return None


def check_issuer(
    request_object: RequestObject, authorization_request: AuthorizationRequest
) -> str | None:
    """``iss``, if there is one, is the client."""
    issuer = request_object.claims.get("iss")
    return (
        None
        if issuer in (None, authorization_request.data["client_id"])
        else "has an iss that is not the client"
    )


def check_subject(
    request_object: RequestObject, authorization_request: AuthorizationRequest
) -> str | None:
    """``sub`` is not the client, as it is in a client assertion."""
    same = request_object.claims.get("sub") == authorization_request.data["client_id"]
    return "has the client as its sub, as a client assertion has" if same else None


def check_claims(
    request_object: RequestObject, authorization_request: AuthorizationRequest
) -> str | None:
    """The object has the claims that the settings require."""
    required = settings_of(authorization_request)[CLAIMS]
    missing = [name for name in required if name not in request_object.claims]
    return f"has no {missing[0]}" if missing else None


def check_audience(
    request_object: RequestObject, authorization_request: AuthorizationRequest
) -> str | None:
    """``aud``, if there is one, includes this provider."""
    audience = request_object.claims.get("aud", authorization_request.provider.issuer)
    audiences = audience if isinstance(audience, list) else [audience]
    if authorization_request.provider.issuer in audiences:
        return None
    return "has an aud that is not this provider"


def check_times(
    request_object: RequestObject, authorization_request: AuthorizationRequest
) -> str | None:
    """The object is valid now."""
    skew = settings_of(authorization_request)["oauth.clock_skew"]
    now = authorization_request.request.oidc.now
    problem = problem_of_times(request_object.claims, now=now, skew=skew)
    return None if problem is None else f"is not valid now: {problem}"


def check_lifetime(
    request_object: RequestObject, authorization_request: AuthorizationRequest
) -> str | None:
    """The object is valid for no longer than the settings allow, and was not made long ago."""
    now, claims = authorization_request.request.oidc.now, request_object.claims
    settings = settings_of(authorization_request)
    longest, skew = settings[MAX_LIFETIME], settings["oauth.clock_skew"]
    if not longest:
        return None
    began = claims.get("nbf", now)
    if claims.get("exp", began) > began + longest:
        return f"is valid for longer than {longest} seconds"
    if began < now - longest - skew:
        return f"has an nbf that is more than {longest} seconds past"
    return None


def check_nesting(
    request_object: RequestObject, authorization_request: AuthorizationRequest
) -> str | None:
    """The object refers to no other request object."""
    nested = request_object.claims.keys() & {"request", "request_uri"}
    return "holds another request or request_uri" if nested else None


Check = Callable[[RequestObject, AuthorizationRequest], str | None]

#: In this order, each with its rule. A check returns the mistake as half a sentence, or None.
CHECKS: tuple[tuple[Check, str], ...] = (
    (check_type, "RFC 9101 section 10.8"),
    (check_issuer, "OpenID Connect Core section 6.1"),
    (check_subject, "RFC 9101 section 10.8"),
    (check_claims, "FAPI 2.0 Message Signing section 5.3.1"),
    (check_audience, "OpenID Connect Core section 6.1"),
    (check_times, "RFC 7519 section 4.1"),
    (check_lifetime, "FAPI 2.0 Message Signing section 5.3.1"),
    (check_nesting, "OpenID Connect Core section 6.1"),
)
