"""How a resource learns whether a token is valid: it looks, asks, or checks a signature."""

import json
import ssl
import threading
import time
from typing import Any, Protocol
from urllib.parse import quote_plus

import urllib3
from joserfc.jwk import KeySet

from oidcserver import clock
from oidcserver.keys.jwt import CLIENT_ALGORITHMS, InvalidJWT, verify_client_jwt
from oidcserver.oauth.tokens import AccessToken, find_access_token
from oidcserver.security.jwk_set import public_key_set

TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)
MAX_BYTES = 65536


class TokenValidator(Protocol):
    """Says what a token allows."""

    def validate(self, request: Any, text: str) -> AccessToken | None:
        """Return what a live token for this resource says, or None."""
        ...


class ValidatorUnavailable(Exception):
    """The provider cannot be asked; the token may be good."""


class LocalValidator:
    """Within the provider's process: the token and one statement by primary key."""

    def validate(self, request: Any, text: str) -> AccessToken | None:
        """Return what a live token says."""
        return find_access_token(request, text)


class _Provider:
    """Talks to a provider elsewhere, which the operator named."""

    def __init__(self) -> None:
        context = ssl.create_default_context()
        self._pool = urllib3.PoolManager(ssl_context=context, timeout=TIMEOUT, retries=False)

    def fetch(self, method: str, url: str, **options: Any) -> tuple[int, Any]:
        """Return status and JSON object of an answer.

        :raises ValidatorUnavailable: if there is none.
        """
        try:
            response = self._pool.request(
                method, url, redirect=False, preload_content=False, **options
            )
            body = response.read(MAX_BYTES + 1)
            response.release_conn()
            document = json.loads(body) if len(body) <= MAX_BYTES else None
        except (urllib3.exceptions.HTTPError, ValueError) as problem:
            raise ValidatorUnavailable(str(problem)) from None
        if not isinstance(document, dict):
            raise ValidatorUnavailable("the answer is not a JSON object")
        return response.status, document


class IntrospectionValidator:
    """Asks the provider each time (RFC 7662), or again after ``max_staleness`` seconds."""

    MAX_ENTRIES = 10000

    def __init__(
        self, endpoint: str, client_id: str, client_secret: str, max_staleness: int, audience: str
    ) -> None:
        self._endpoint = endpoint
        self._headers = urllib3.make_headers(
            basic_auth=f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        )
        self._max_staleness = max_staleness
        self._audience = audience
        self._provider = _Provider()
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, AccessToken]] = {}

    def validate(self, request: Any, text: str) -> AccessToken | None:
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
        token = _from_claims(said)
        expected = not self._audience or self._audience in token.audience
        return token if expected and token.expires_at > clock.now() else None


class JWKSValidator:
    """Checks the signature of an RFC 9068 token itself; a revocation shows at its expiry."""

    REFETCH_SECONDS = 10
    MAX_AGE = 300

    def __init__(self, issuer: str, jwks_uri: str, audience: str) -> None:
        self._issuer = issuer
        self._jwks_uri = jwks_uri
        self._audience = audience
        self._provider = _Provider()
        self._lock = threading.Lock()
        self._fetched_at = -1e9
        self._keys = KeySet([])

    def validate(self, request: Any, text: str) -> AccessToken | None:
        """Return what a signed, unexpired token for this audience says."""
        for refetch in (False, True):
            keys = self._current(refetch=refetch)
            try:
                header, claims = verify_client_jwt(text, keys, CLIENT_ALGORITHMS)
            except InvalidJWT:
                continue
            return self._read(header, claims)
        return None

    def _current(self, *, refetch: bool) -> KeySet:
        """Fetch when old, and for a signature that no known key made, but not at every forgery."""
        with self._lock:
            age = time.monotonic() - self._fetched_at
            if age > self.MAX_AGE or (refetch and age > self.REFETCH_SECONDS):
                if not self._jwks_uri:
                    url = f"{self._issuer}/.well-known/openid-configuration"
                    self._jwks_uri = str(self._provider.fetch("GET", url)[1].get("jwks_uri", ""))
                document = self._provider.fetch("GET", self._jwks_uri)[1]
                try:
                    self._keys = public_key_set(document)
                except ValueError as problem:
                    raise ValidatorUnavailable(str(problem)) from None
                self._fetched_at = time.monotonic()
            return self._keys

    def _read(self, header: dict[str, Any], claims: dict[str, Any]) -> AccessToken | None:
        typ = str(header.get("typ", "")).lower().removeprefix("application/")
        if typ != "at+jwt" or claims.get("iss") != self._issuer:
            return None
        try:
            token = _from_claims(claims)
        except (TypeError, ValueError):
            return None
        expected = self._audience in token.audience and token.expires_at > clock.now()
        return token if expected else None


def _from_claims(claims: dict[str, Any]) -> AccessToken:
    audience = claims.get("aud", ())
    return AccessToken(
        token_id=str(claims.get("jti", "")),
        client_id=str(claims.get("client_id", "")),
        subject=str(claims.get("sub", "")),
        authorization_id=None,
        scope=str(claims.get("scope", "")),
        audience=(audience,) if isinstance(audience, str) else tuple(audience),
        issued_at=int(claims.get("iat", 0)),
        expires_at=int(claims.get("exp", 0)),
        confirmation=claims.get("cnf"),
        auth_time=claims.get("auth_time"),
        acr=claims.get("acr"),
    )
