"""How a resource learns whether a token is valid: it looks, asks, or checks a signature."""

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
from oidcserver.keys.jwt import CLIENT_ALGORITHMS, InvalidJWT, read_header, verify_client_jwt
from oidcserver.oauth.tokens import AccessToken, find_access_token
from oidcserver.resource.claims import read_access_token
from oidcserver.resource.remote_provider import (
    PublishedKeys,
    RemoteProvider,
    ValidatorUnavailable,
)
from oidcserver.types import Request

log = logging.getLogger(__name__)


class TokenValidator(Protocol):
    """Says what a token allows."""

    def validate(self, request: Request, text: str) -> AccessToken | None:
        """Return what a live token for this resource says, or None."""
        ...


class LocalValidator:
    """Within the provider's process: the token and one statement by primary key."""

    def validate(self, request: Request, text: str) -> AccessToken | None:
        """Return what a live token says."""
        return find_access_token(request, text)


class IntrospectionValidator:
    """Asks the provider each time (RFC 7662), or again after ``max_staleness`` seconds.

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

    def validate(self, request: Request, text: str) -> AccessToken | None:
        """Return what the provider says of the token."""
        now = time.monotonic()
        with self._lock:
            asked_at, token = self._known.get(text, (-1e9, None))
        if token is not None and now - asked_at < self._max_staleness:
            return token if token.expires_at > clock.now() else None
        status, said = self._provider.fetch(
            "POST", self._endpoint, fields={"token": text}, encode_multipart=False,
            headers=self._headers,
        )  # fmt: skip
        if status != 200:
            raise ValidatorUnavailable(f"introspection answers {status}")
        token = self._read(said)
        if token is not None and self._max_staleness:
            with self._lock:
                if len(self._known) >= self.MAX_ENTRIES:
                    self._known.clear()
                self._known[text] = (now, token)
        return token

    def _read(self, said: dict[str, Any]) -> AccessToken | None:
        if said.get("active") is not True:
            return None
        try:
            token = read_access_token(said)
        except ValueError as problem:
            log.error("A token is rejected, because its introspection is malformed: %s", problem)
            return None
        expected = not self._audience or self._audience in token.audience
        return token if expected and token.expires_at > clock.now() else None


class JWKSValidator:
    """Checks the signature of an RFC 9068 token itself; a revocation shows at its expiry.

    The keys are fetched again after five minutes, and for a key that is not among them. While the
    provider is away the known ones serve for an hour.
    """

    def __init__(self, issuer: str, jwks_uri: str, audience: str, *, places: int) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = RemoteJWKS(
            PublishedKeys(RemoteProvider(places), issuer, jwks_uri), WaitingPlaces(places)
        )

    def validate(self, request: Request, text: str) -> AccessToken | None:
        """Return what a signed, unexpired token for this audience says."""
        try:
            kid = read_header(text).get("kid")
            try:
                said = self._verify(text, kid)
            except InvalidJWT:
                if kid is not None:
                    raise
                said = self._verify(text, "")  # no key has that name: they are fetched again
            return self._read(*said)
        except InvalidJWT:
            return None

    def _verify(self, text: str, kid: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            keys = self._keys.keys(self._issuer, kid)
        except OutboundFetchError as problem:
            raise ValidatorUnavailable(problem.reason) from None
        except TooManyWaiting:
            raise ValidatorUnavailable("too many requests wait for its keys") from None
        return verify_client_jwt(text, keys, CLIENT_ALGORITHMS)

    def _read(self, header: dict[str, Any], claims: dict[str, Any]) -> AccessToken | None:
        typ = str(header.get("typ", "")).lower().removeprefix("application/")
        if typ != "at+jwt" or claims.get("iss") != self._issuer or "exp" not in claims:
            return None
        try:
            token = read_access_token(claims)
        except ValueError:
            return None
        expected = self._audience in token.audience and token.expires_at > clock.now()
        return token if expected else None
