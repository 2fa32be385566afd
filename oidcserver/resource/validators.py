"""Validators of access tokens: in the provider's process, by introspection, and by signature."""

import logging
import threading
import time
from typing import Any, Protocol
from urllib.parse import quote_plus

import urllib3

from oidcserver import clock
from oidcserver.http.jwks_cache import RemoteJWKS
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.http.waiting import TooManyWaiting, WaitingPlaces
from oidcserver.interfaces.resources import is_same_resource
from oidcserver.keys.jwt import CLIENT_ALGORITHMS, InvalidJWT, read_header, verify_client_jwt
from oidcserver.oauth.tokens import AccessToken, find_access_token
from oidcserver.resource.claims import read_access_token
from oidcserver.resource.remote_provider import (
    PublishedKeys,
    RemoteProvider,
    ValidatorUnavailable,
)
from oidcserver.types import OPERATOR, Request

log = logging.getLogger(__name__)


class TokenValidator(Protocol):
    """Validates the access tokens that a resource receives."""

    def validate(self, request: Request, text: str, audience: str = "") -> AccessToken | None:
        """Return the content of a live token for this resource, or None.

        :param audience: the URI of the resource; empty: the audience of the settings.
        :raises ValidatorUnavailable: if the provider does not answer.
        """
        ...


def is_for(token: AccessToken, audience: str) -> bool:
    """Whether a token names a resource in its audience (RFC 8707 section 2)."""
    return any(is_same_resource(named, audience) for named in token.audience)


class LocalValidator:
    """Validates tokens in the provider's process, with one statement by primary key."""

    def validate(self, request: Request, text: str, audience: str = "") -> AccessToken | None:
        """Return the content of a live token for a resource or for the provider itself, or None."""
        token = find_access_token(request, text)
        expected = audience or request.oidc.provider.issuer
        return token if token is not None and is_for(token, expected) else None


class IntrospectionValidator:
    """Asks the provider (RFC 7662), and reuses its answer for ``max_staleness`` seconds.

    :param places: how many requests may wait for the provider at once.
    """

    MAX_ENTRIES = 10000

    def __init__(
        self,
        endpoint: str,
        client_id: str,
        client_secret: str,
        *,
        max_staleness: int,
        audience: str,
        places: int,
    ) -> None:
        self._endpoint = endpoint
        self._headers = urllib3.make_headers(
            basic_auth=f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        )
        self._max_staleness = max_staleness
        self._audience = audience
        self._provider = RemoteProvider(places)
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, AccessToken]] = {}

    def validate(self, request: Request, text: str, audience: str = "") -> AccessToken | None:
        """Return the content of a live token, or None."""
        token, expected = self._find(text), audience or self._audience
        if token is None or token.expires_at <= clock.now():
            return None
        return token if not expected or is_for(token, expected) else None

    def _find(self, text: str) -> AccessToken | None:
        """Return the content of a token that the provider said to be active, or None."""
        now = time.monotonic()
        with self._lock:
            asked_at, token = self._known.get(text, (-1e9, None))
        if token is not None and now - asked_at < self._max_staleness:
            return token
        status, response = self._provider.fetch(
            "POST", self._endpoint, fields={"token": text}, encode_multipart=False,
            headers=self._headers,
        )  # fmt: skip
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

    def __init__(self, issuer: str, jwks_uri: str, audience: str, *, places: int) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = RemoteJWKS(
            PublishedKeys(RemoteProvider(places), issuer, jwks_uri), WaitingPlaces(places)
        )

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
        return token if is_for(token, audience) and token.expires_at > clock.now() else None
