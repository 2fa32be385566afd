"""A relying party that takes nothing for granted.

It looks at everything that it gets as the certification suite does; what is a warning there is a
failure here.
"""

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import webtest
from support import conformance_checks as checks
from support.app import Browser, follow_to_answer
from support.authorization_answers import read_form_post, read_redirect
from support.conformance import PASSWORD, USERNAME, ConformanceProvider, path_of
from support.conformance_variants import Variant
from support.registered_client import RegisteredClient


@dataclass
class Outcome:
    """The result of a login, all of it checked."""

    #: The parameters of the authorization response.
    response: dict[str, str]
    #: The token response, where there was a code.
    tokens: dict[str, Any] = field(default_factory=dict)
    #: The claims of each ID token, the one of the authorization response first.
    id_tokens: list[dict[str, Any]] = field(default_factory=list)
    #: The answer of UserInfo, where there was an access token.
    userinfo: dict[str, Any] = field(default_factory=dict)

    @property
    def raw_id_token(self) -> str:
        """The first ID token as it came."""
        raw: str = self.response.get("id_token") or self.tokens["id_token"]
        return raw

    @property
    def access_token(self) -> str:
        """The access token that came last, or nothing."""
        token: str = self.tokens.get("access_token") or self.response.get("access_token", "")
        return token

    @property
    def claims(self) -> dict[str, Any]:
        """The claims of the first ID token."""
        return self.id_tokens[0]


class StrictRelyingParty(RegisteredClient):
    """Sends people to the provider and checks what comes back."""

    def __init__(self, provider: ConformanceProvider, variant: Variant, **options: Any) -> None:
        super().__init__(provider, variant, **options)
        #: The parameters of the last authorization request.
        self.asked: dict[str, str] = {}

    @property
    def token_type(self) -> str:
        """The type of the tokens that come, in lower case."""
        return "bearer"

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """The parameters of an authorization request; None takes one out."""
        values: dict[str, str | None] = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid",
            "state": secrets.token_urlsafe(12),
            "nonce": secrets.token_urlsafe(12),
            "response_type": self.variant.response_type,
            "response_mode": None if self.variant.response_mode == "default" else "form_post",
            **changes,
        }
        self.asked = {name: value for name, value in values.items() if value is not None}
        return self.asked

    def authorize(self, browser: Browser, **changes: str | None) -> webtest.TestResponse:
        """Send the browser to the authorization endpoint; return the page or answer it ends at."""
        return self.visit(browser, self.parameters(**changes))

    def visit(self, browser: Browser, parameters: dict[str, str]) -> webtest.TestResponse:
        """Send the browser there with these very parameters."""
        path = path_of(self.metadata["authorization_endpoint"])
        return follow_to_answer(browser.get(path, parameters, expect_errors=True))

    def sign_in(self, page: webtest.TestResponse) -> webtest.TestResponse:
        """Fill in the login page."""
        form = page.forms["login"]
        form["username"], form["password"] = USERNAME, PASSWORD
        return follow_to_answer(form.submit())

    def complete(self, page: webtest.TestResponse) -> webtest.TestResponse:
        """Sign in and allow what is asked for good, where the pages for it come."""
        if page.status_int == 200 and "login" in page.forms:
            page = self.sign_in(page)
        if page.status_int == 200 and "consent" in page.forms:
            form = page.forms["consent"]
            if "remember" in form.fields:  # a request with authorization details is asked each time
                form["remember"] = True
            page = follow_to_answer(form.submit("decision", value="allow"))
        return page

    def answer(self, response: webtest.TestResponse, *, in_query: bool = False) -> dict[str, str]:
        """Return the parameters of the authorization response, which came as it was asked for."""
        parameters = self.read_answer(response, in_query=in_query or self.kinds == {"code"})
        assert parameters.get("state") == self.asked.get("state")
        if self.metadata.get("authorization_response_iss_parameter_supported"):
            assert parameters["iss"] == self.provider.issuer
        assert parameters.get("iss", self.provider.issuer) == self.provider.issuer
        if "check_session_iframe" in self.metadata:  # Session Management section 2
            assert re.fullmatch(r"[!-~]+", parameters["session_state"])
        return parameters

    def read_answer(self, response: webtest.TestResponse, *, in_query: bool) -> dict[str, str]:
        """Return the parameters of a redirect or a form."""
        redirect_uri = self.asked["redirect_uri"]
        if self.variant.response_mode == "form_post":
            return read_form_post(response, redirect_uri)
        return read_redirect(response, redirect_uri, in_query=in_query)

    def refusal(self, response: webtest.TestResponse) -> str:
        """Return the error of an authorization response that grants nothing."""
        parameters = self.answer(response)
        assert not {"code", "access_token", "id_token"} & parameters.keys()
        return checks.check_error(parameters)

    def log_in(self, browser: Browser, **changes: str | None) -> Outcome:
        """Do the whole of it: authorize, exchange the code, ask UserInfo."""
        return self.finish(self.complete(self.authorize(browser, **changes)))

    def finish(self, response: webtest.TestResponse, **changes: str) -> Outcome:
        """Go on from the authorization response; ``changes`` are for the token request."""
        outcome = self.accept(response)
        if "code" in outcome.response:
            self.redeem(outcome, **changes)
        self.ask_userinfo(outcome)
        return outcome

    def accept(self, response: webtest.TestResponse) -> Outcome:
        """Check the authorization response and its ID token."""
        parameters = self.answer(response)
        assert "error" not in parameters, parameters
        came = {"code", "access_token", "id_token"} & parameters.keys()
        assert came == {"access_token" if word == "token" else word for word in self.kinds}
        outcome = Outcome(parameters)
        if "code" in came:
            checks.check_credential(parameters["code"])
        if "access_token" in came:
            checks.check_credential(parameters["access_token"])
            assert parameters["token_type"].lower() == "bearer"
            assert int(parameters["expires_in"]) > 0
        if "id_token" in came:
            self._take_id_token(
                outcome,
                parameters["id_token"],
                access_token=parameters.get("access_token"),
                code=parameters.get("code"),
                front_channel=True,
            )
        return outcome

    def redeem(self, outcome: Outcome, **changes: str) -> None:
        """Exchange the code and check what comes."""
        form = self.code_form(outcome.response["code"], **changes)
        outcome.tokens = self.read_tokens(self.token_request(form))
        self._take_id_token(
            outcome,
            outcome.tokens["id_token"],
            access_token=outcome.tokens["access_token"],
            code=outcome.response["code"],
            front_channel=False,
        )

    def refresh(self, outcome: Outcome) -> Outcome:
        """Refresh, and compare the new ID token with the first (section 12.2)."""
        refresh_token = outcome.tokens["refresh_token"]
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        tokens = self.read_tokens(self.token_request(form))
        claims = self.read_id_token(
            tokens["id_token"],
            access_token=tokens["access_token"],
            code=None,
            front_channel=False,
            nonce=None,
        )
        first = outcome.claims
        assert claims["iat"] > first["iat"]
        assert all(
            claims.get(name) == first.get(name)
            for name in ("iss", "sub", "aud", "auth_time", "azp")
        )
        return Outcome({}, tokens, [claims])

    def code_form(self, code: str, **changes: str) -> dict[str, str]:
        """The parameters of a token request for a code."""
        return {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.asked["redirect_uri"],
            **changes,
        }

    def read_tokens(self, response: webtest.TestResponse) -> dict[str, Any]:
        """Check a token response (RFC 6749 section 5.1)."""
        assert response.status_int == 200, response
        assert response.content_type == "application/json"
        assert "no-store" in response.headers["Cache-Control"]
        tokens: dict[str, Any] = response.json
        assert tokens["token_type"].lower() == self.token_type
        assert type(tokens["expires_in"]) is int
        assert tokens["expires_in"] > 0
        for name in {"access_token", "refresh_token"} & tokens.keys():
            checks.check_credential(tokens[name])
        return tokens

    def ask_userinfo(self, outcome: Outcome) -> None:
        """Ask UserInfo with every access token that came, and check the answers."""
        for token in (outcome.response.get("access_token"), outcome.tokens.get("access_token")):
            if token is not None:
                headers = {"Authorization": f"Bearer {token}"}
                path = path_of(self.metadata["userinfo_endpoint"])
                response = self.http.get(path, headers=headers, expect_errors=True)
                outcome.userinfo = self.read_userinfo(response, outcome)

    def read_userinfo(self, response: webtest.TestResponse, outcome: Outcome) -> dict[str, Any]:
        """Check an answer of UserInfo (OpenID Connect Core section 5.3)."""
        assert response.status_int == 200, response
        claims = self.userinfo_claims(response)
        assert claims["sub"] == outcome.claims["sub"]
        personal = {name: claims[name] for name in claims.keys() - checks.PROTOCOL_CLAIMS}
        checks.check_claims(personal, self.asked["scope"], self.asked_claims("userinfo"))
        return claims

    def userinfo_claims(self, response: webtest.TestResponse) -> dict[str, Any]:
        """Return the claims of the answer, plain or signed as registered (section 5.3.2)."""
        algorithm = self.registered.get("userinfo_signed_response_alg")
        if algorithm is None:
            assert response.content_type == "application/json"
            claims: dict[str, Any] = response.json
            assert claims.keys() & checks.PROTOCOL_CLAIMS == {"sub"}
            return claims
        assert response.content_type == "application/jwt"
        claims = json.loads(checks.read_signed(response.text, self.jwks, algorithm))
        assert (claims["iss"], claims["aud"]) == (self.provider.issuer, self.client_id)
        assert "nonce" not in claims
        return claims

    def asked_claims(self, place: str) -> set[str]:
        """The names that the ``claims`` parameter asks for in ``userinfo`` or ``id_token``."""
        return set(json.loads(self.asked.get("claims", "{}")).get(place, {}))

    def read_id_token(
        self, token: str, *, access_token: str | None, code: str | None, front_channel: bool,
        nonce: str | None,
    ) -> dict[str, Any]:  # fmt: skip
        """Check an ID token and return its claims."""
        payload = checks.read_signed(token, self.jwks, self.id_token_alg)
        claims: dict[str, Any] = json.loads(payload)
        checks.check_id_token_claims(
            claims,
            issuer=self.provider.issuer,
            client_id=self.client_id,
            nonce=nonce,
            algorithm=self.id_token_alg,
            access_token=access_token,
            code=code,
            front_channel=front_channel,
            scope=self.asked["scope"] if self.kinds == {"id_token"} else "",
            asked=self.asked_claims("id_token"),
        )
        return claims

    def _take_id_token(self, outcome: Outcome, token: str, **issued_with: Any) -> None:
        claims = self.read_id_token(token, nonce=self.asked.get("nonce"), **issued_with)
        for before in outcome.id_tokens:  # OpenID Connect Core section 3.3.3.6
            assert all(claims[name] == before[name] for name in ("iss", "sub"))
            assert claims.get("auth_time") == before.get("auth_time")
        outcome.id_tokens.append(claims)


#: Registers a client of a test's variant with further metadata.
Register = Callable[..., StrictRelyingParty]
