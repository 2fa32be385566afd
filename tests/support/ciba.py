"""A provider with CIBA, the client that asks there, and the user who decides on the page."""

from copy import copy
from typing import Any

import webtest
from joserfc.jwk import Key
from support.app import Browser, Provider, RelyingParty
from support.assertions import Signer
from support.request_signing import public

from oidcserver import clock
from oidcserver.oauth.grant_types import CIBA

SETTINGS: dict[str, object] = {
    "oauth__grants": "authorization_code refresh_token ciba",
    "oauth__endpoints": (
        "authorization token revocation introspection userinfo jwks openid_configuration "
        "registration backchannel_authentication"
    ),
    "oidc__pages": "home login consent logout account approvals",
}
#: 256 bits in base64url.
NOTIFICATION_TOKEN = "8d67dc78-7faa_4d41aabd67707b374255OIDC4ciba"


class CibaClient:
    """A client that registered for CIBA."""

    def __init__(self, provider: Provider, **metadata: Any) -> None:
        values = {
            "grant_types": ["authorization_code", "refresh_token", CIBA],
            "backchannel_token_delivery_mode": "poll",
            **metadata,
        }
        self.provider = provider
        self.rp: RelyingParty = provider.register(**values)

    def apart(self) -> "CibaClient":
        """Return this client in another thread, with connections of its own."""
        twin = copy(self)
        twin.rp = copy(self.rp)
        twin.rp.http = webtest.TestApp(self.provider.wsgi)
        return twin

    def request(self, *, status: Any = 200, **parameters: Any) -> webtest.TestResponse:
        """Send an authentication request, by default for alice; None takes a parameter out."""
        form = {"scope": "openid profile", "login_hint": "alice", **parameters}
        return self.rp.post("/oauth/bc-authorize", status=status, **form)

    def ask(self, **parameters: Any) -> str:
        """Send a request that is accepted; return its ``auth_req_id``."""
        auth_req_id: str = self.request(**parameters).json["auth_req_id"]
        return auth_req_id

    def refused(self, **parameters: Any) -> str:
        """Send a request that is rejected with 400; return the error."""
        error: str = self.request(status=400, **parameters).json["error"]
        return error

    def poll(self, auth_req_id: str, *, status: Any = 200, **form: Any) -> dict[str, Any]:
        """Poll; return the members of the answer."""
        values = {"grant_type": CIBA, "auth_req_id": auth_req_id, **form}
        members: dict[str, Any] = self.rp.token(status=status, **values).json
        return members

    def error(self, auth_req_id: str, **form: Any) -> str:
        """Poll; return the error."""
        error: str = self.poll(auth_req_id, status=400, **form)["error"]
        return error


class SigningClient(CibaClient):
    """A client that signs its requests with a key of its own."""

    def __init__(self, provider: Provider, key: Key, alg: str = "ES256", **metadata: Any) -> None:
        member = {"backchannel_authentication_request_signing_alg": alg}
        super().__init__(provider, **{"jwks": public(key), **member, **metadata})
        self.signer = Signer(self.rp.client_id, alg, key, provider.issuer)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a signed request for alice; ``...`` takes one out."""
        parameters = {"scope": "openid profile", "login_hint": "alice", "sub": ...}
        return self.signer.claims(**{"nbf": clock.now(), **parameters, **changes})

    def signed(self, header: Any = None, **changes: Any) -> str:
        """Return a signed request."""
        return self.signer.sign(self.claims(**changes), **(header or {}))

    def send(
        self, request: str | None = None, *, status: Any = 200, **beside: Any
    ) -> webtest.TestResponse:
        """Send a signed request, by default a new one, and nothing else."""
        own = self.signed() if request is None else request
        return self.rp.post("/oauth/bc-authorize", status=status, request=own, **beside)


def user(provider: Provider, username: str = "alice") -> Browser:
    """Return the browser of a user who is signed in."""
    browser = provider.browser()
    browser.sign_in(username)
    return browser


def forms(browser: Browser) -> list[Any]:
    """Return the forms of the page of requests, the oldest first."""
    page = browser.get("/approvals")
    by_number = (page.forms[key] for key in sorted(k for k in page.forms if isinstance(k, int)))
    return [form for form in by_number if "request" in form.fields]


def decide(browser: Browser, decision: str = "allow") -> webtest.TestResponse:
    """Decide on the newest request; return the page that says so."""
    return forms(browser)[-1].submit("decision", value=decision).follow()
