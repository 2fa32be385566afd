"""A client of the provider: how it comes to be registered and how it authenticates."""

import secrets
from base64 import b64encode
from functools import cache
from typing import Any
from urllib.parse import quote

import webtest
from joserfc import jwt
from joserfc.jwk import Key, RSAKey
from support import conformance_checks as checks
from support.conformance import ConformanceProvider, path_of
from support.conformance_variants import Variant

from oidcserver import clock
from oidcserver.clients.registration import register_client

REDIRECT_URI = "https://rp.example/cb"
#: What the suite's clients may ask for.
SCOPE = "openid profile email address phone offline_access"


@cache
def new_key(kid: str) -> RSAKey:
    """Return the key of that name, which signs for relying parties."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


class RegisteredClient:
    """A client of the provider, registered as a plan's variant says.

    :param key: signs assertions and request objects.
    """

    def __init__(
        self,
        provider: ConformanceProvider,
        variant: Variant,
        *,
        key: Key | None = None,
        **metadata: Any,
    ) -> None:
        self.provider = provider
        self.variant = variant
        self.http: webtest.TestApp = provider.browser()
        self.metadata = self.read_metadata()
        self.jwks = provider.jwks
        checks.check_jwks(self.jwks)
        self.key = key or new_key("rp")
        #: Whom assertions are meant for.
        self.audience: str = self.metadata["token_endpoint"]
        members = {**self.default_metadata(), **metadata}
        self.registered = {name: value for name, value in members.items() if value is not None}
        self.client_id, self.secret = self.register()

    @property
    def kinds(self) -> set[str]:
        """The words of the response type."""
        return set(self.variant.response_type.split())

    @property
    def redirect_uri(self) -> str:
        """The first registered one."""
        uri: str = self.registered["redirect_uris"][0]
        return uri

    @property
    def id_token_alg(self) -> str:
        """How the ID tokens are to be signed."""
        algorithm: str = self.registered.get("id_token_signed_response_alg", "RS256")
        return algorithm

    def read_metadata(self) -> dict[str, Any]:
        """Read and check the metadata of the provider."""
        metadata = self.provider.metadata
        methods = {self.variant.client_auth, "client_secret_basic"}
        checks.check_metadata(metadata, self.provider.issuer, methods)
        return metadata

    def default_metadata(self) -> dict[str, Any]:
        """The metadata that a client of this variant registers."""
        grants = ["authorization_code"] if "code" in self.kinds else []
        grants += ["implicit"] if self.kinds & {"token", "id_token"} else []
        grants += ["refresh_token"] if "code" in self.kinds else []
        return {
            "client_name": "Certification",
            "redirect_uris": [REDIRECT_URI],
            "grant_types": grants,
            "response_types": [self.variant.response_type],
            "token_endpoint_auth_method": self.variant.client_auth,
            "scope": SCOPE,
            "jwks": {"keys": [self.key.as_dict(private=False)]},
        }

    def register(self) -> tuple[str, str | None]:
        """Register by an operator, or at the registration endpoint; return id and secret."""
        if self.variant.registration == "static_client":
            with self.provider.database() as dbsession:
                known = self.provider.registry.oidc.provider
                client, secret = register_client(known, dbsession, self.registered)
                return client.client_id, secret
        response = self.post_metadata(self.registered)
        assert response.status_int == 201, response
        assert response.content_type == "application/json"
        assert "no-store" in response.headers["Cache-Control"]
        self.registration: dict[str, Any] = response.json
        for name, value in self.registered.items():
            assert self.registration[name] == value, name
        management = {"registration_client_uri", "registration_access_token"}
        assert management <= self.registration.keys()
        secret = self.registration.get("client_secret")
        assert ("client_secret_expires_at" in self.registration) == (secret is not None)
        return self.registration["client_id"], secret

    def post_metadata(self, metadata: dict[str, Any]) -> webtest.TestResponse:
        path = path_of(self.metadata["registration_endpoint"])
        return self.http.post_json(path, metadata, expect_errors=True)

    def registration_refusal(self, metadata: dict[str, Any]) -> str:
        """Return the error by which metadata are refused (Registration section 3.3)."""
        response = self.post_metadata(metadata)
        assert response.status_int == 400
        assert response.content_type == "application/json"
        return checks.check_error(response.json)

    def read_registration(self) -> dict[str, Any]:
        """Read what is registered (Registration section 4)."""
        headers = {"Authorization": f"Bearer {self.registration['registration_access_token']}"}
        uri = self.registration["registration_client_uri"]
        path = uri.removeprefix(self.provider.issuer)
        members: dict[str, Any] = self.http.get(path, headers=headers).json
        return members

    def unregister(self) -> None:
        """Delete the registration, if it is the client's own (RFC 7592 section 2.3)."""
        if self.variant.registration == "static_client":
            return
        headers = {"Authorization": f"Bearer {self.registration['registration_access_token']}"}
        uri = self.registration["registration_client_uri"].removeprefix(self.provider.issuer)
        self.http.delete(uri, headers=headers, status=204)

    def token_refusal(self, response: webtest.TestResponse, status: int = 400) -> str:
        """Return the error of a token response that grants nothing (RFC 6749 section 5.2)."""
        assert response.status_int == status, response
        assert response.content_type == "application/json"
        return checks.check_error(response.json)

    def token_request(self, form: dict[str, str]) -> webtest.TestResponse:
        """Send a token request, authenticated as registered."""
        path = path_of(self.metadata["token_endpoint"])
        own, headers = self.authentication()
        return self.http.post(path, {**form, **own}, headers=headers, expect_errors=True)

    def authentication(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the parameters and the headers by which this client authenticates."""
        method = self.variant.client_auth
        if method == "private_key_jwt":
            return self.assertion(), {}
        assert self.secret is not None
        if method == "client_secret_post":
            return {"client_id": self.client_id, "client_secret": self.secret}, {}
        assert method == "client_secret_basic"
        pair = f"{quote(self.client_id, safe='')}:{quote(self.secret, safe='')}"
        return {}, {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def assertion(self) -> dict[str, str]:
        """Return a client assertion (OpenID Connect Core section 9)."""
        now = clock.now()
        claims = {
            "iss": self.client_id, "sub": self.client_id, "aud": self.audience,
            "jti": secrets.token_urlsafe(16), "iat": now, "exp": now + 60,
        }  # fmt: skip
        return {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key),
        }
