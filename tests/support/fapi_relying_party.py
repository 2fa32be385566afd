"""A relying party of FAPI 2.0, which takes nothing for granted."""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import webtest
from payments import NAME
from support.app import Browser
from support.fapi_checks import check_pushed, read_jarm
from support.fapi_client import FAPIClient
from support.strict_relying_party import Outcome

from oidcserver import clock

PAYMENT = {
    "type": NAME,
    "instructedAmount": {"currency": "EUR", "amount": "123.50"},
    "creditorName": "Merchant",
    "creditorAccount": {"iban": "DE02100100109307118603"},
}
#: Parameters that are JSON inside a request object, too (OpenID Connect Core section 6.1).
DOCUMENTS = {"authorization_details", "claims"}
#: Seconds for which request objects are valid.
REQUEST_OBJECT_LIFETIME = 300


class FAPIRelyingParty(FAPIClient):
    """Pushes its requests, sends people to the provider and checks what comes back."""

    #: The verifier of the last request (RFC 7636).
    verifier = ""
    #: Members of the header of request objects.
    request_header: Mapping[str, str] = {}

    def asked_claims(self, place: str) -> set[str]:
        """The claims that the ``claims`` parameter asks for, as far as the provider has them."""
        return super().asked_claims(place) & set(self.metadata["claims_supported"])

    # -- the authorization request ----------------------------------------------------------------

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """The parameters of an authorization request; None takes one out."""
        self.verifier = secrets.token_urlsafe(48)
        digest = sha256(self.verifier.encode()).digest()
        values: dict[str, str | None] = {
            "scope": self.registered["scope"].replace(" offline_access", ""),
            "response_mode": "jwt" if self.variant.response_mode == "jwt" else None,
            "nonce": secrets.token_urlsafe(12) if self.variant.openid else None,
            "authorization_details": json.dumps([PAYMENT]) if self.variant.rich else None,
            "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return super().parameters(**{**values, **changes})

    def request_object(self, parameters: dict[str, Any], **changes: Any) -> str:
        """Return parameters as a signed request object; ``...`` takes a claim out."""
        claims = self.request_claims(parameters, **changes)
        return self.signer.sign(claims, **self.request_header)

    def request_claims(self, parameters: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Return the claims of a request object (Message Signing section 5.3.1)."""
        now = clock.now()
        documents = {name: json.loads(parameters[name]) for name in DOCUMENTS & parameters.keys()}
        claims = {
            **parameters,
            **documents,
            "iss": self.client_id,
            "aud": self.provider.issuer,
            "nbf": now,
            "exp": now + REQUEST_OBJECT_LIFETIME,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not ...}

    def push(self, parameters: dict[str, str], **options: Any) -> webtest.TestResponse:
        """Push a request, signed where the variant says so."""
        if self.variant.signed:
            parameters = {"request": self.request_object(parameters)}
        return self.push_form(parameters, **options)

    def push_form(
        self,
        form: dict[str, str],
        *,
        credentials: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> webtest.TestResponse:
        """Push these very parameters, by default with the credentials of this client."""
        own = self.credentials() if credentials is None else credentials
        sent = {"client_id": self.client_id, **form, **own}
        return self.http.post(
            self.endpoint("pushed_authorization_request_endpoint"),
            sent,
            headers={**self.certificate_headers(), **(headers or {})},
            expect_errors=True,
        )

    def pushed(self, response: webtest.TestResponse) -> str:
        """Return the ``request_uri`` of an answer."""
        assert response.status_int == 201, response
        assert response.content_type == "application/json"
        assert "no-store" in response.headers["Cache-Control"]
        return check_pushed(response.json)

    def push_refusal(self, **changes: str | None) -> str:
        """Push a request with these changes; return the error."""
        return self.token_refusal(self.push(self.parameters(**changes)))

    def authorize(self, browser: Browser, **changes: str | None) -> webtest.TestResponse:
        """Push a request and send the browser to it; return the page or answer it ends at."""
        return self.open(browser, self.pushed(self.push(self.parameters(**changes))))

    def open(self, browser: Browser, request_uri: str, **beside: str) -> webtest.TestResponse:
        """Send the browser to a pushed request, with the parameters that OAuth requires beside."""
        named = ("client_id", "response_type", "scope", "redirect_uri")
        outside = {name: self.asked[name] for name in named if name in self.asked}
        return self.visit(browser, {**outside, "request_uri": request_uri, **beside})

    def read_answer(self, response: webtest.TestResponse, *, in_query: bool) -> dict[str, str]:
        """Return the parameters of the answer, which come in one JWT with JARM."""
        parameters = super().read_answer(response, in_query=in_query)
        if self.variant.response_mode == "jwt":
            assert parameters.keys() == {"response"}
            algorithm = self.registered["authorization_signed_response_alg"]
            parameters = read_jarm(parameters["response"], self.jwks, algorithm, self.client_id)
        names = {"code", "error", "error_description", "iss", "state"}
        assert {"iss"} < parameters.keys() <= names
        return parameters

    def code_form(self, code: str, **changes: str) -> dict[str, str]:
        """The parameters of a token request for a code."""
        return super().code_form(code, **{"code_verifier": self.verifier, **changes})

    def read_tokens(self, response: webtest.TestResponse) -> dict[str, Any]:
        """Check a token response."""
        tokens = super().read_tokens(response)
        assert ("id_token" in tokens) is self.variant.openid
        asked = self.asked.get("authorization_details")
        assert tokens.get("authorization_details") == (json.loads(asked) if asked else None)
        return tokens

    def redeem(self, outcome: Outcome, **changes: str) -> None:
        """Exchange the code and check what comes."""
        if self.variant.openid:
            super().redeem(outcome, **changes)
            return
        form = self.code_form(outcome.response["code"], **changes)
        outcome.tokens = self.read_tokens(self.token_request(form))

    def refresh(self, outcome: Outcome) -> Outcome:
        """Refresh, and compare the new ID token with the first."""
        if self.variant.openid:
            return super().refresh(outcome)
        return Outcome({}, self.read_tokens(self.token_request(refresh_form(outcome))))

    def grant_form(self, browser: Browser) -> dict[str, str]:
        """The parameters of a token request of the variant's grant; the user allows it."""
        if self.variant.grant == "client_credentials":
            return {"grant_type": "client_credentials", "scope": self.registered["scope"]}
        answer = self.accept(self.complete(self.authorize(browser)))
        return self.code_form(answer.response["code"])

    def obtain(self, browser: Browser, **changes: str | None) -> str:
        """Get an access token by the variant's grant, and check everything on the way."""
        if self.variant.grant == "authorization_code":
            return self.log_in(browser, **changes).access_token
        tokens = self.read_tokens(self.token_request(self.grant_form(browser)))
        assert "refresh_token" not in tokens  # RFC 6749 section 4.4.3
        token: str = tokens["access_token"]
        assert self.call(token).status_int == 200
        return token

    def ask_userinfo(self, outcome: Outcome) -> None:
        """Ask the resource, and check its answer."""
        response = self.call(outcome.access_token)
        assert response.status_int == 200, response
        if self.variant.openid:
            outcome.userinfo = self.read_userinfo(response, outcome)


def refresh_form(outcome: Outcome) -> dict[str, str]:
    """The parameters of a token request that refreshes."""
    return {"grant_type": "refresh_token", "refresh_token": outcome.tokens["refresh_token"]}


#: Registers a client of a test's variant.
RegisterFAPI = Callable[..., FAPIRelyingParty]
