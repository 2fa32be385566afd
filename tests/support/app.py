"""A provider in the test's own process, and the relying party that talks to it."""

import secrets
import warnings
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import webtest
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import KeySet, OctKey
from sqlalchemy.orm import Session

import oidcserver
from oidcserver.clients.registration import register_client
from oidcserver.models import Client

ISSUER = "http://localhost:6543"
BARE = {
    "oidcserver.mode": "development",
    "oidc.issuer": ISSUER,
    "oidc.user_directory": "demo",
}
DEVELOPMENT = {
    **BARE,
    "oauth.grants": "authorization_code implicit hybrid client_credentials password refresh_token",
    "oauth.token_endpoint_auth_methods": (
        "client_secret_basic client_secret_post client_secret_jwt private_key_jwt none"
    ),
    "oauth.sender_constraints": "dpop",
    "oidc.pages": "home login consent logout clients account language api_me",
    "oidc.client_pages": "anyone",
    "oauth.client_id_metadata_documents": "true",
}
REDIRECT_URI = "https://client.example/cb"


class Provider:
    """An application of given settings; settings have ``__`` for the first dot.

    :param settings: are added to those of development, or with ``bare`` only to the three that a
        provider in development cannot be without.
    """

    def __init__(self, settings: dict[str, object]) -> None:
        base = BARE if settings.pop("bare", False) else DEVELOPMENT
        own = {name.replace("__", ".", 1): str(value) for name, value in settings.items()}
        self.wsgi = oidcserver.main({}, **{**base, **own})
        self.registry = self.wsgi.registry
        self.issuer: str = self.registry.oidc.provider.issuer

    def browser(self) -> "Browser":
        """Return a new browser without cookies."""
        return Browser(self)

    @contextmanager
    def database(self) -> Iterator[Session]:
        """A database session that commits at the end."""
        with self.registry.oidc.database.session() as dbsession, dbsession.begin():
            yield dbsession

    def register(
        self, *, client_id: str | None = None, resource_server: bool = False, **metadata: Any
    ) -> "RelyingParty":
        """Register a client of the given metadata; return the relying party that uses it."""
        values = {
            "client_name": "The Example Application",
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": "openid profile email offline_access",
            **metadata,
        }
        with self.database() as dbsession:
            client, secret = register_client(
                self.registry.oidc.provider, dbsession, values, client_id=client_id
            )
            client.resource_server = resource_server
            dbsession.flush()
            dbsession.expunge(client)
        return RelyingParty(self, client, secret)

    def close(self) -> None:
        """Close the connections to the database, when nothing is under delivery any more."""
        for name in ("logout_deliverer", "ping_deliverer"):
            deliverer = getattr(self.registry.oidc, name, None)
            if deliverer is not None:
                deliverer.stop()
                deliverer.deliver_due()
        if hasattr(self.registry.oidc, "directory_sync"):
            self.registry.oidc.directory_sync.stop()
        self.registry.oidc.database.engine.dispose()


class Browser(webtest.TestApp):
    """A user's browser: cookies, links, forms."""

    def __init__(self, provider: Provider) -> None:
        parts = urlsplit(provider.issuer)
        environ = {"HTTP_HOST": parts.netloc, "wsgi.url_scheme": parts.scheme}
        super().__init__(provider.wsgi, extra_environ=environ)
        self.provider = provider

    def sign_in(
        self, username: str = "alice", password: str = "valid", **submit: Any
    ) -> webtest.TestResponse:
        """Sign in on the login page without any application asking."""
        form = self.get("/login").forms["login"]
        form["username"], form["password"] = username, password
        return form.submit(**submit)


class RelyingParty:
    """A client and what it does: authorize, exchange, refresh, call."""

    def __init__(self, provider: Provider, client: Client, secret: str | None) -> None:
        self.provider = provider
        self.client = client
        self.client_id = client.client_id
        self.secret = secret
        self.http = webtest.TestApp(provider.wsgi)
        self.verifier = secrets.token_urlsafe(48)

    @property
    def challenge(self) -> str:
        """The S256 challenge of this relying party's verifier."""
        digest = sha256(self.verifier.encode()).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """The parameters of an authorization request; None takes one out."""
        values = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.client.redirect_uris[0] if self.client.redirect_uris else None,
            "scope": "openid profile",
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in values.items() if value is not None}

    def authorize(
        self, browser: Browser, *, follow: bool = True, **changes: Any
    ) -> webtest.TestResponse:
        """Send the browser to the authorization endpoint; by default up to a page or an answer."""
        response = browser.get("/oauth/authorize", self.parameters(**changes), expect_errors=True)
        return follow_to_answer(response) if follow else response

    def login(self, browser: Browser, username: str = "alice", **changes: Any) -> dict[str, str]:
        """Do the whole dance: sign in, consent; return the parameters of the answer."""
        return self.answer(self.complete(self.authorize(browser, **changes), username))

    def complete(self, page: webtest.TestResponse, username: str = "alice") -> webtest.TestResponse:
        """Fill in the login and the consent page where they come."""
        if page.status_int == 200 and "login" in page.forms:
            form = page.forms["login"]
            form["username"], form["password"] = username, "valid"
            page = follow_to_answer(form.submit())
        if page.status_int == 200 and "consent" in page.forms:
            page = follow_to_answer(page.forms["consent"].submit("decision", value="allow"))
        return page

    def answer(self, response: webtest.TestResponse) -> dict[str, str]:
        """Return the parameters of a redirect to the client, of query or fragment."""
        assert response.status_int == 303, response
        parts = urlsplit(response.location)
        pairs = parse_qs(parts.fragment or parts.query, keep_blank_values=True)
        return {name: values[0] for name, values in pairs.items()}

    def basic(self) -> dict[str, str]:
        """The Authorization header of client_secret_basic."""
        credentials = b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {credentials}"}

    def post(
        self, path: str, *, status: Any = "*", headers: Any = None, **form: Any
    ) -> webtest.TestResponse:
        """Post a form as this client; None takes a parameter out."""
        method = self.client.token_endpoint_auth_method
        own: dict[str, Any] = {}
        if method == "none":
            own["client_id"] = self.client_id
        elif method == "client_secret_post":
            own = {"client_id": self.client_id, "client_secret": self.secret}
        elif headers is None and method == "client_secret_basic":
            headers = self.basic()
        values = {name: value for name, value in {**own, **form}.items() if value is not None}
        return self.http.post(path, values, headers=headers, status=status)

    def token(self, *, status: Any = 200, **form: Any) -> webtest.TestResponse:
        """Post to the token endpoint."""
        return self.post("/oauth/token", status=status, **form)

    def exchange(self, code: str, *, status: Any = 200, **changes: Any) -> dict[str, Any]:
        """Redeem a code; return the members of the answer."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_uris[0],
            "code_verifier": self.verifier,
            **changes,
        }
        members: dict[str, Any] = self.token(status=status, **form).json
        return members

    def refresh(self, refresh_token: str, *, status: Any = 200, **changes: Any) -> dict[str, Any]:
        """Refresh; return the members of the answer."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token, **changes}
        members: dict[str, Any] = self.token(status=status, **form).json
        return members

    def userinfo(self, access_token: str, *, status: Any = 200) -> webtest.TestResponse:
        """Ask UserInfo."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return self.http.get("/oauth/userinfo", headers=headers, status=status)

    def introspect(self, token: str) -> dict[str, Any]:
        """Ask introspection; return the members of the answer."""
        members: dict[str, Any] = self.post("/oauth/introspect", status=200, token=token).json
        return members


def decode_id_token(
    provider: Provider, id_token: str, alg: str = "RS256", *, secret: str | None = None
) -> dict[str, Any]:
    """Verify an ID token as a relying party would, with the published keys; return its claims."""
    keys: Any = OctKey.import_key(secret) if secret else None
    if keys is None:
        published = webtest.TestApp(provider.wsgi).get("/oauth/jwks.json").json
        keys = KeySet.import_key_set(published)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # EdDSA by its old name
        token = jwt.decode(id_token, keys, algorithms=[alg])
    assert secret or "kid" in token.header
    assert token.claims["iss"] == provider.issuer
    claims: dict[str, Any] = token.claims
    return claims


def follow_to_answer(response: webtest.TestResponse) -> webtest.TestResponse:
    """Follow redirects within the provider; stop at a page or at a redirect to elsewhere."""
    for _ in range(10):
        location = response.headers.get("Location", "")
        here = location.startswith(("/", ISSUER + "/")) or location.startswith(
            response.request.host_url + "/"
        )
        if not (300 <= response.status_int < 400 and here):
            return response
        response = response.follow(expect_errors=True)
    raise AssertionError("the provider redirects in a circle")
