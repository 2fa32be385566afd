"""Software statements: client metadata that a trusted issuer signed (RFC 7591 section 2.3)."""

from collections.abc import Mapping
from typing import Any

from oidcserver.clients.certificate_subjects import SUBJECTS
from oidcserver.clients.cross_rules import REDIRECTED
from oidcserver.clients.needed_secret import SECRETLESS_METHODS
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.keys.jwt import (
    CLAIMS,
    CLIENT_ALGORITHMS,
    REGISTERED_CLAIMS,
    InvalidJWT,
    read_header,
    read_unverified,
    verify_client_jwt,
)
from oidcserver.keys.jwt_times import problem_of_times
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.waiting import waiting_for_a_host
from oidcserver.settings import Settings
from oidcserver.types import OPERATOR, Registry, Request

MEMBER = "software_statement"
_TYPES = frozenset({"jwt", "software-statement+jwt"})
#: The members that decide who receives what users allow, and who can authenticate.
_RECEIVING = ("redirect_uris", "post_logout_redirect_uris", "jwks", "jwks_uri", *SUBJECTS)


def apply_software_statement(
    request: Request, metadata: dict[str, Any], *, required: bool
) -> dict[str, Any]:
    """Return the metadata with those of the statement, which take precedence, and the statement.

    The keys of its issuer may be fetched: the transaction ends (see :func:`waiting_for_a_host`).

    :param required: whether there has to be a statement.
    :raises Rejection: ``invalid_software_statement`` or ``unapproved_software_statement``.
    """
    rest = {name: value for name, value in metadata.items() if name != MEMBER}
    statement = metadata.get(MEMBER)
    if statement is None:
        if required:
            raise _unapproved("The registration needs a software_statement.")
        return rest
    if not isinstance(statement, str):
        raise _invalid("it is not text")
    try:
        claims = _verify(request, statement)
    except InvalidJWT as problem:
        raise _invalid(str(problem)) from None
    stated = {name: value for name, value in claims.items() if name not in REGISTERED_CLAIMS}
    return {**rest, **stated, MEMBER: statement}


def is_vouched_for(metadata: Mapping[str, Any]) -> bool:
    """Whether the statement of a registration names the receivers of what users allow.

    A statement is in every copy of an application, so anybody may register with it. It identifies
    the client only if the statement itself has all registered members of :data:`_RECEIVING`. The
    sender of the registration gets the secret, so all grants of a client with a secret have to
    answer to redirect URIs.

    :param metadata: those that were checked, with their statement.
    """
    if MEMBER not in metadata:
        return False
    stated = read_unverified(metadata[MEMBER], CLAIMS)
    if any(metadata.get(name) and name not in stated for name in _RECEIVING):
        return False
    secretless = metadata["token_endpoint_auth_method"] in SECRETLESS_METHODS
    return secretless or REDIRECTED.issuperset(metadata["grant_types"])


def issuers(settings: Settings) -> dict[str, str]:
    """Return the ``jwks_uri`` of each trusted issuer."""
    pairs = (tuple(line.split()) for line in settings["oauth.software_statement_issuers"])
    return dict(pairs)


def reject_malformed_issuers(registry: Registry) -> str | None:
    """Require an issuer and the https URI of its keys in each line."""
    name = "oauth.software_statement_issuers"
    for line in registry.oidc.provider.settings[name]:
        if len(line.split()) != 2 or not line.split()[1].startswith("https://"):
            return f"{name} takes lines of an issuer and the https URI of its JWK Set."
    return None


def _verify(request: Request, statement: str) -> dict[str, Any]:
    header = read_header(statement)
    try:
        issuer = read_unverified(statement, CLAIMS).get("iss")
    except ValueError as problem:
        raise InvalidJWT(f"its claims are malformed: {problem}") from None
    jwks_uri = issuers(request.oidc.provider.settings).get(str(issuer))
    if jwks_uri is None:
        raise _unapproved("The issuer of the software_statement is not trusted here.")
    try:
        with waiting_for_a_host(request):
            keys = request.registry.oidc.remote_jwks.keys(jwks_uri, header.get("kid"), OPERATOR)
    except OutboundFetchError as problem:
        raise InvalidJWT(f"the keys of its issuer cannot be fetched ({problem})") from None
    header, claims = verify_client_jwt(statement, keys, CLIENT_ALGORITHMS)
    _reject_other_kinds(request, header, claims)
    now, skew = request.oidc.now, request.oidc.provider.settings["oauth.clock_skew"]
    wrong = problem_of_times(claims, now=now, skew=skew)
    if wrong is not None:
        raise InvalidJWT(f"it is not valid now: {wrong}")
    return claims


def _reject_other_kinds(request: Request, header: dict[str, Any], claims: dict[str, Any]) -> None:
    """Reject a JWT that the issuer signed for another purpose (RFC 8725 section 3.12).

    The standard names no ``typ`` for a statement. An issuer that is also an OpenID Provider signs
    ID tokens and access tokens too, and users may control some of their claims.
    """
    typ = header.get("typ", "JWT").lower().removeprefix("application/")
    if typ not in _TYPES:
        raise InvalidJWT("its typ is that of another kind of JWT")
    audience = claims.get("aud", request.oidc.provider.issuer)
    audiences = audience if isinstance(audience, list) else [audience]
    endpoint = request.oidc.provider.url(request.oidc.provider.endpoints["registration"])
    if not {request.oidc.provider.issuer, endpoint}.intersection(filter(_is_text, audiences)):
        raise InvalidJWT("its aud does not name this server")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _invalid(reason: str) -> Rejection:
    return Rejection(
        "invalid_software_statement",
        "The software_statement is not accepted.",
        rule="RFC 7591 section 3.2.2",
        received={"reason": reason},
    )


def _unapproved(description: str) -> Rejection:
    return Rejection("unapproved_software_statement", description, rule="RFC 7591 section 3.2.2")
