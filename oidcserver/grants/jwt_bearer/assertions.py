"""The checks of assertions of trusted issuers, by their kind (RFC 7523 section 3).

The ``typ`` of the header decides the kind: a plain assertion, or an Identity Assertion JWT
Authorization Grant (ID-JAG, draft-ietf-oauth-identity-assertion-authz-grant). Every other JWT of
the issuer is neither.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from oidcserver.client_auth.assertion_checks import (
    Assertion,
    check_audience,
    check_identifier,
    check_times,
)
from oidcserver.grants.id_jag import MAX_LIFETIME, TYP
from oidcserver.grants.jwt_bearer.issuers import ID_JAG, JWT, SETTING, TrustedIssuer
from oidcserver.keys.jwt import CLAIMS, InvalidJWT, read_header, read_unverified, verify_client_jwt
from oidcserver.oauth.errors import Rejection, invalid_grant
from oidcserver.oauth.requests import OAuthRequest

RULE = "RFC 7523 section 3"
ID_JAG_RULE = "draft-ietf-oauth-identity-assertion-authz-grant section 4.4.1"
_TYPES = {"jwt": JWT, "authorization-grant+jwt": JWT, TYP: ID_JAG}


@dataclass(frozen=True, slots=True)
class Accepted:
    """An assertion whose signature and claims are valid."""

    kind: str
    issuer: TrustedIssuer
    claims: dict[str, Any]

    @property
    def subject(self) -> str:
        """The identifier of the user at the issuer."""
        subject: str = self.claims["sub"]
        return subject

    @property
    def resources(self) -> tuple[str, ...]:
        """The resources that an ID-JAG is for; empty: none in particular."""
        value = self.claims.get("resource", []) if self.kind == ID_JAG else []
        return tuple(value) if isinstance(value, list) else (value,)

    @property
    def scope(self) -> str | None:
        """The scope that an ID-JAG allows; None if it does not say."""
        return self.claims.get("scope") if self.kind == ID_JAG else None


def accept(token_request: OAuthRequest, text: str) -> Accepted:
    """Return an assertion, once all of it is checked. Its identifier is not used up yet.

    The keys of its issuer may be fetched: the transaction ends.

    :raises Rejection: ``invalid_grant``; nothing is fetched for an issuer that is not trusted.
    """
    kind, issuer, header, claims = _verified(token_request, text)
    request = token_request.request
    assertion = Assertion(
        header, claims, token_request.client.client_id, token_request, request.oidc.provider,
        request.oidc.provider.settings_for(token_request.client), request.oidc.now,
    )  # fmt: skip
    for check in _CHECKS[kind]:
        reason = check(assertion)
        if reason is not None:
            raise _rejection("The assertion is not accepted.", kind, reason=reason)
    return Accepted(kind, issuer, claims)


def names_client(token_request: OAuthRequest, text: str, client_id: str) -> bool:
    """Whether a trusted issuer signed an ID-JAG for a client; its other claims are not checked.

    The keys of its issuer may be fetched: the transaction ends.
    """
    try:
        kind, _, _, claims = _verified(token_request, text)
    except Rejection:
        return False
    return kind == ID_JAG and claims.get("client_id") == client_id


def _verified(
    token_request: OAuthRequest, text: str
) -> tuple[str, TrustedIssuer, dict[str, Any], dict[str, Any]]:
    """Return the kind of an assertion, its issuer, its header and its claims, which are signed."""
    try:
        header = read_header(text)
        claimed = read_unverified(text, CLAIMS).get("iss")
    except (InvalidJWT, ValueError) as problem:
        raise _rejection("The assertion cannot be read.", reason=str(problem)) from None
    kind = _TYPES.get(header.get("typ", "jwt").lower().removeprefix("application/"))
    issuers = token_request.provider.settings[SETTING]
    issuer = next((each for each in issuers if each.issuer == claimed), None)
    if issuer is None or kind is None or kind not in issuer.accepts:
        raise _rejection(
            "The assertion is not of a kind and an issuer that are trusted here.",
            issuer=claimed,
            typ=header.get("typ"),
        )
    try:
        keys = issuer.find_keys(token_request.request, header.get("kid"))
        header, claims = verify_client_jwt(text, keys, issuer.algorithms)
    except InvalidJWT as problem:
        raise _rejection("The assertion is not accepted.", kind, reason=str(problem)) from None
    return kind, issuer, header, claims


def _rejection(description: str, kind: str = JWT, **received: Any) -> Rejection:
    return invalid_grant(description, ID_JAG_RULE if kind == ID_JAG else RULE, **received)


def check_subject(assertion: Assertion) -> str | None:
    """``sub`` is text."""
    subject = assertion.claims.get("sub")
    return None if isinstance(subject, str) and subject else "sub is missing or not text."


def check_issuer_as_audience(assertion: Assertion) -> str | None:
    """``aud`` is this provider's issuer, as a string."""
    if assertion.claims.get("aud") == assertion.provider.issuer:
        return None
    return "aud is not exactly the issuer of this provider, as a string."


def check_client(assertion: Assertion) -> str | None:
    """``client_id`` is the authenticated client."""
    if assertion.claims.get("client_id") == assertion.client_id:
        return None
    return "client_id is not the client that sent it."


def check_short_life(assertion: Assertion) -> str | None:
    """``iat`` is there, and ``exp`` is soon after it."""
    issued_at = assertion.claims.get("iat")
    if issued_at is None:
        return "iat is missing."
    lifetime = assertion.claims["exp"] - issued_at
    if lifetime > MAX_LIFETIME:
        return f"It lives for {int(lifetime)} s, and {MAX_LIFETIME} s are allowed."
    return None


def check_text_or_list(name: str, assertion: Assertion) -> str | None:
    """A claim is text, or a list of texts; or it is not there."""
    value = assertion.claims.get(name, "")
    texts = value if isinstance(value, list) else [value]
    return None if all(isinstance(text, str) for text in texts) else f"{name} is not text."


def check_scope(assertion: Assertion) -> str | None:
    """``scope`` is text, or is not there."""
    return None if isinstance(assertion.claims.get("scope", ""), str) else "scope is not text."


_CHECKS = {
    JWT: (check_subject, check_audience, check_times, check_identifier),
    ID_JAG: (
        check_subject,
        check_issuer_as_audience,
        check_client,
        check_times,
        check_short_life,
        check_identifier,
        partial(check_text_or_list, "resource"),
        check_scope,
    ),
}
