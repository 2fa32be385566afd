"""A client of FAPI-CIBA that takes nothing for granted: it checks everything that it gets."""

import json
import re
from collections.abc import Callable
from typing import Any

import webtest
from support import conformance_checks as checks
from support.certificates import ClientCertificate
from support.conformance import USERNAME
from support.registered_ciba_client import ALG, SCOPE, RegisteredCibaClient

from oidcserver import clock
from oidcserver.oauth.grant_types import CIBA

#: The claim of an ID token with the request that it answers (CIBA section 10.3.1).
AUTH_REQ_ID = "urn:openid:params:jwt:claim:auth_req_id"

RegisterCiba = Callable[..., "StrictCibaClient"]


class StrictCibaClient(RegisteredCibaClient):
    """Sends requests, polls for the tokens, and uses them."""

    # The authentication request

    def request_object(self, header: Any = None, **changes: Any) -> str:
        """Return a signed request for the user; ``...`` takes a claim out (section 7.1.1)."""
        return self.signer.sign(self.request_claims(**changes), **(header or {}))

    def request_claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a signed request."""
        now = clock.now()
        own: dict[str, Any] = {
            "sub": ...,
            "nbf": now,
            "exp": now + 300,
            "scope": SCOPE,
            "login_hint": USERNAME,
            "binding_message": "1234",
        }
        if self.variant.mode == "ping":
            own["client_notification_token"] = self.notification_token
        return self.signer.claims(**{**own, **changes})

    def send(
        self, request: str, *, audience: str | None = None, **own: str
    ) -> webtest.TestResponse:
        """Send a signed request.

        :param audience: of the assertion, by default the endpoint.
        :param own: the parameters of another authentication.
        """
        return self.send_form({"request": request}, audience=audience, **own)

    def send_form(
        self, form: dict[str, str], *, audience: str | None = None, **own: str
    ) -> webtest.TestResponse:
        """Send parameters to the endpoint, as :meth:`send` does.

        Only a client that authenticates by its certificate presents it there.
        """
        by_certificate = self.variant.client_auth == "mtls"
        url = self.url("backchannel_authentication_endpoint", alias=by_certificate)
        authenticated = own or self.authentication(audience or url)
        certificate = self.certificate if by_certificate else None
        return self.post(url, {**form, **authenticated}, certificate)

    def ask(self, *, audience: str | None = None, **changes: Any) -> str:
        """Send a request, which has to be accepted; return its ``auth_req_id``."""
        response = self.send(self.request_object(**changes), audience=audience)
        auth_req_id: str = self.read_acknowledgement(response)["auth_req_id"]
        return auth_req_id

    def read_acknowledgement(self, response: webtest.TestResponse) -> dict[str, Any]:
        """Check the answer of a request that was accepted (section 7.3)."""
        assert response.status_int == 200, response
        assert response.content_type == "application/json"
        assert "no-store" in response.headers["Cache-Control"]
        members: dict[str, Any] = response.json
        assert members.keys() == {"auth_req_id", "expires_in", "interval"}
        checks.check_credential(members["auth_req_id"], bits=160)
        assert re.fullmatch(r"[A-Za-z0-9._-]+", members["auth_req_id"])
        assert type(members["expires_in"]) is type(members["interval"]) is int
        assert members["expires_in"] > 0
        assert 0 <= members["interval"] <= 60
        return members

    def rejection(self, response: webtest.TestResponse) -> tuple[int, str]:
        """Return the status and the error of a rejection (section 13, RFC 6749 section 5.2)."""
        assert response.content_type == "application/json"
        assert "no-store" in response.headers["Cache-Control"]
        assert not {"auth_req_id", "access_token", "id_token"} & response.json.keys()
        return response.status_int, checks.check_error(response.json)

    def expect_notification(self, auth_req_id: str) -> None:
        """Check that the client is notified once of a decision in ping mode, and else never."""
        self.provider.notify()
        posts, self.endpoint.posts = self.endpoint.posts, []
        if self.variant.mode == "poll":
            assert posts == []
            return
        [(path, content_type, authorization, body)] = posts
        assert self.endpoint.url.endswith(path)
        assert content_type == "application/json"
        assert authorization == f"Bearer {self.notification_token}"
        assert body == {"auth_req_id": auth_req_id}

    # The token request

    def poll(
        self, auth_req_id: str, *, with_certificate: bool = True, **own: str
    ) -> webtest.TestResponse:
        """Send a token request; ``own`` are the parameters of another authentication."""
        form = {"grant_type": CIBA, "auth_req_id": auth_req_id}
        return self.token_request(form, with_certificate=with_certificate, **own)

    def token_request(
        self, form: dict[str, str], *, with_certificate: bool = True, **own: str
    ) -> webtest.TestResponse:
        """Send a token request, by default with the client's certificate."""
        url = self.url("token_endpoint", alias=True)
        authenticated = own or self.authentication(url)
        certificate = self.certificate if with_certificate else None
        return self.post(url, {**form, **authenticated}, certificate)

    def poll_error(self, auth_req_id: str, **own: str) -> str:
        """Poll, which has to be rejected with status 400; return the error."""
        status, error = self.rejection(self.poll(auth_req_id, **own))
        assert status == 400
        return error

    def tokens(self, response: webtest.TestResponse) -> dict[str, Any]:
        """Check a token response without its ID token (RFC 6749 section 5.1)."""
        assert response.status_int == 200, response
        assert response.content_type == "application/json"
        assert "no-store" in response.headers["Cache-Control"]
        tokens: dict[str, Any] = response.json
        assert tokens["token_type"] == "Bearer"
        assert type(tokens["expires_in"]) is int
        assert tokens["expires_in"] > 0
        for name in {"access_token", "refresh_token"} & tokens.keys():
            checks.check_credential(tokens[name])
        return tokens

    def id_token(self, tokens: dict[str, Any], auth_req_id: str | None = None) -> dict[str, Any]:
        """Check the ID token of a token response; return its claims.

        :param auth_req_id: the request that it answers; None: that of a refresh.
        """
        claims: dict[str, Any] = json.loads(checks.read_signed(tokens["id_token"], self.jwks, ALG))
        assert claims.pop(AUTH_REQ_ID, None) == auth_req_id
        checks.check_id_token_claims(
            claims,
            issuer=self.provider.issuer,
            client_id=self.client_id,
            nonce=None,
            algorithm=ALG,
            access_token=tokens["access_token"],
            code=None,
            front_channel=False,
            scope="",
            asked=(),
        )
        assert not {"c_hash", "s_hash"} & claims.keys()
        assert "at_hash" in claims
        return claims

    def fetch(self, auth_req_id: str) -> dict[str, Any]:
        """Fetch the tokens of a request that was allowed, check and use them."""
        tokens = self.tokens(self.poll(auth_req_id))
        self.id_token(tokens, auth_req_id)
        self.use(tokens)
        return tokens

    # The protected resource: UserInfo

    def use(self, tokens: dict[str, Any], **headers: str) -> None:
        """Call UserInfo by an access token and the certificate that it is bound to."""
        response = self.call(tokens["access_token"], self.certificate, **headers)
        assert response.status_int == 200, response
        assert response.content_type == "application/json"
        personal = {name: value for name, value in response.json.items() if name != "sub"}
        checks.check_claims(personal, tokens["scope"], ())

    def call(
        self, access_token: str, certificate: ClientCertificate | None, **headers: str
    ) -> webtest.TestResponse:
        """Call UserInfo."""
        presented = certificate.headers() if certificate is not None else {}
        fields = {"Authorization": f"Bearer {access_token}", **presented, **headers}
        url = self.url("userinfo_endpoint", alias=True)
        return self.http.get(url, headers=fields, expect_errors=True)
