"""Validators of access tokens: in the provider's process, by introspection, and by signature."""

import logging
import threading
import time
from typing import Any, Protocol

from oidcserver import clock
from oidcserver.http.jwks_cache import RemoteJWKS
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.http.waiting import TooManyWaiting, WaitingPlaces
from oidcserver.interfaces.resources import is_same_resource
from oidcserver.keys.jwt import CLIENT_ALGORITHMS, InvalidJWT, read_header, verify_client_jwt
from oidcserver.oauth.bearer import BEARER, DPOP, invalid_token
from oidcserver.oauth.tokens import AccessToken, find_access_token
from oidcserver.resource.claims import read_access_token
from oidcserver.resource.client_authentication import Authenticate
from oidcserver.resource.remote_provider import (
    PublishedKeys,
    RemoteProvider,
    ValidatorUnavailable,
)
from oidcserver.types import OPERATOR, Request

log = logging.getLogger(__name__)

#: The token types of access tokens, in lower case (RFC 6749 section 7.1).
_TOKEN_TYPES = frozenset({BEARER.lower(), DPOP.lower()})


class TokenValidator(Protocol):
    """Validates the access tokens that a resource receives."""

    def validate(self, request: Request, text: str, audience: str = "") -> AccessToken | None:
        """Return the content of a live token for this resource, or None.

        :param audience: the URI of the resource; empty: the audience of the settings.
        :raises Rejection: ``invalid_token`` for a live token for another resource.
        :raises ValidatorUnavailable: if the provider does not answer.
        """
        ...


def require_audience(token: AccessToken, audience: str) -> AccessToken:
    """Return a token that names a resource in its audience (RFC 8707 section 2).

    :raises Rejection: ``invalid_token`` for any other. The log names both audiences.
    """
    if any(is_same_resource(named, audience) for named in token.audience):
        return token
    log.warning(
        "A token of the client %s is rejected: it is for %s, and this resource is %s.",
        ascii(token.client_id),
        ", ".join(map(ascii, token.audience)) or "no resource",
        ascii(audience),
    )
    raise invalid_token("The access token is for another resource.")


class LocalValidator:
    """Validates tokens in the provider's process, with one statement by primary key."""

    def validate(self, request: Request, text: str, audience: str = "") -> AccessToken | None:
        """Return the content of a live token for a resource or for the provider itself, or None."""
        token = find_access_token(request, text)
        if token is None:
            return None
        return require_audience(token, audience or request.oidc.provider.issuer)


class IntrospectionValidator:
    """Asks the provider (RFC 7662), and reuses its answer for ``max_staleness`` seconds.

    Its answer about a refresh token of the client is active, too (RFC 7662 section 2.2 lets the
    provider decide). So the answer has to have the ``token_type`` of an access token.
    """

    MAX_ENTRIES = 10000

    def __init__(
        self,
        endpoint: str,
        authenticate: Authenticate,
        *,
        max_staleness: int,
        audience: str,
        provider: RemoteProvider,
    ) -> None:
        self._endpoint = endpoint
        self._authenticate = authenticate
        self._max_staleness = max_staleness
        self._audience = audience
        self._provider = provider
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, AccessToken]] = {}

    def validate(self, request: Request, text: str, audience: str = "") -> AccessToken | None:
        """Return the content of a live token, or None."""
        token = self._find(text)
        if token is None or token.expires_at <= clock.now():
            return None
        return require_audience(token, audience or self._audience)

    def _find(self, text: str) -> AccessToken | None:
        """Return the content of a token that the provider said to be active, or None."""
        now = time.monotonic()
        with self._lock:
            asked_at, token = self._known.get(text, (-1e9, None))
        if token is not None and now - asked_at < self._max_staleness:
            return token
        headers, credentials = self._authenticate()
        fields = {"token": text, "token_type_hint": "access_token", **credentials}
        status, response = self._provider.fetch(
            "POST", self._endpoint, fields=fields, encode_multipart=False, headers=headers
        )
        if status != 200:
            raise ValidatorUnavailable(f"introspection answers with status {status}")
        token = self._read(response)
        if token is not None and self._max_staleness:
            with self._lock:
                if len(self._known) >= self.MAX_ENTRIES:
                    self._known.clear()
                self._known[text] = (now, token)
        return token

    def _read(self, response: dict[str, Any]) -> AccessToken | None:
        if response.get("active") is not True:
            return None
        if str(response.get("token_type")).lower() not in _TOKEN_TYPES:
            log.warning(
                "A token is rejected because the token_type of its introspection, %a, is not that "
                "of an access token.",
                response.get("token_type"),
            )
            return None
        try:
            return read_access_token(response)
        except ValueError as problem:
            log.error("A token is rejected because its introspection is malformed: %s", problem)
            return None


class JWKSValidator:
    """Verifies the signature of RFC 9068 tokens. A revoked token stays valid until it expires.

    The keys are fetched again after five minutes, and when a token names an unknown key. While the
    provider does not answer, known keys are used for up to an hour.
    """

    def __init__(
        self, issuer: str, jwks_uri: str, audience: str, *, provider: RemoteProvider, places: int
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = RemoteJWKS(PublishedKeys(provider, issuer, jwks_uri), WaitingPlaces(places))

    def validate(self, request: Request, text: str, audience: str = "") -> AccessToken | None:
        """Return the content of a signed, unexpired token for this audience, or None."""
        try:
            kid = read_header(text).get("kid")
            try:
                header, claims = self._verify(text, kid)
            except InvalidJWT:
                if kid is not None:
                    raise
                # No key has the name "", so the keys are fetched again.
                header, claims = self._verify(text, "")
            return self._read(header, claims, audience or self._audience)
        except InvalidJWT:
            return None

    def _verify(self, text: str, kid: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            keys = self._keys.keys(self._issuer, kid, OPERATOR)
        except OutboundFetchError as problem:
            raise ValidatorUnavailable(problem.reason) from None
        except TooManyWaiting:
            raise ValidatorUnavailable("too many requests wait for its keys") from None
        return verify_client_jwt(text, keys, CLIENT_ALGORITHMS)

    def _read(
        self, header: dict[str, Any], claims: dict[str, Any], audience: str
    ) -> AccessToken | None:
        typ = str(header.get("typ", "")).lower().removeprefix("application/")
        if typ != "at+jwt" or claims.get("iss") != self._issuer or "exp" not in claims:
            return None
        try:
            token = read_access_token(claims)
        except ValueError:
            return None
        return require_audience(token, audience) if token.expires_at > clock.now() else None
