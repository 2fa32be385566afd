"""A plugin inserts a step into any flow, where it sees what was found out, rejects or answers."""

from collections.abc import Callable
from typing import Any

import pytest
import webtest
from support.app import Provider, RelyingParty
from support.devices import DEVICE_CODE, ask, enter
from support.stepping_plugin import HEADER, PLACES, ExampleStep
from support.upstream import Upstream

from oidcserver.accounts.passwords import hash_password
from oidcserver.clients.dynamic import RegistrationRequest
from oidcserver.endpoints.backchannel_authentication.request import (
    BackchannelAuthenticationRequest,
)
from oidcserver.endpoints.client_configuration import ConfigurationRequest
from oidcserver.endpoints.device_authorization import DeviceRequest
from oidcserver.endpoints.end_session import EndSessionRequest
from oidcserver.endpoints.pushed_authorization import PushedRequest
from oidcserver.endpoints.upstream_logout import UpstreamLogoutRequest
from oidcserver.endpoints.userinfo import UserInfoRequest
from oidcserver.models import RecordedRejection, User
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.grant_types import CIBA
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.views.pending import PendingRequest

AFTER = "https://client.example/after"
HASH = hash_password("valid")


class Scene:
    """A client with tokens, a registration of its own, and two browsers that are signed in.

    The user of one of them has signed in at the upstream.
    """

    def __init__(self, provider: Provider, upstream: Upstream) -> None:
        self.provider = provider
        self.upstream = upstream
        self.client: RelyingParty = provider.register(
            post_logout_redirect_uris=[AFTER],
            grant_types=["authorization_code", "refresh_token", DEVICE_CODE, CIBA],
        )
        self.browser = provider.browser()
        self.tokens = self.client.exchange(self.client.login(self.browser)["code"])
        self.http = webtest.TestApp(provider.wsgi)
        self.registered = self.register({}).json
        self.connected = provider.browser()
        upstream.sign_in(self.connected)

    def register(self, headers: dict[str, str]) -> webtest.TestResponse:
        members = {"redirect_uris": ["https://client.example/cb"]}
        return self.http.post_json("/oauth/register", members, headers=headers, status="*")

    def manage(self, headers: dict[str, str]) -> webtest.TestResponse:
        path = self.registered["registration_client_uri"].removeprefix(self.provider.issuer)
        token = self.registered["registration_access_token"]
        return self.http.get(path, headers={**headers, **bearer(token)}, status="*")

    def post(self, path: str, headers: dict[str, str], **form: str) -> webtest.TestResponse:
        return self.http.post(path, form, headers={**headers, **self.client.basic()}, status="*")

    def refresh(self, headers: dict[str, str]) -> webtest.TestResponse:
        form = {"grant_type": "refresh_token", "refresh_token": self.tokens["refresh_token"]}
        return self.post("/oauth/token", headers, **form)

    def introspect(self, headers: dict[str, str]) -> webtest.TestResponse:
        return self.post("/oauth/introspect", headers, token=self.tokens["access_token"])

    def revoke(self, headers: dict[str, str]) -> webtest.TestResponse:
        return self.post("/oauth/revoke", headers, token=self.tokens["access_token"])

    def push(self, headers: dict[str, str]) -> webtest.TestResponse:
        return self.post("/oauth/par", headers, **self.client.parameters())

    def userinfo(self, headers: dict[str, str]) -> webtest.TestResponse:
        authorization = bearer(self.tokens["access_token"])
        return self.http.get("/oauth/userinfo", headers={**headers, **authorization}, status="*")

    def authorize(self, headers: dict[str, str]) -> webtest.TestResponse:
        parameters = self.client.parameters()
        return self.browser.get("/oauth/authorize", parameters, headers=headers, status="*")

    def be_allowed(self, headers: dict[str, str]) -> webtest.TestResponse:
        page = self.client.authorize(self.browser)
        allowed = page.forms["consent"].submit("decision", value="allow")
        return self.browser.get(allowed.location, headers=headers, status="*")

    def sign_out(self, headers: dict[str, str]) -> webtest.TestResponse:
        query = {"id_token_hint": self.tokens["id_token"], "post_logout_redirect_uri": AFTER}
        return self.browser.get("/oauth/end_session", query, headers=headers, status="*")

    def ask_for_sign_in(self, headers: dict[str, str]) -> webtest.TestResponse:
        return self.post("/oauth/bc-authorize", headers, scope="openid", login_hint="alice")

    def ask_for_codes(self, headers: dict[str, str]) -> webtest.TestResponse:
        return self.post("/oauth/device_authorization", headers, scope="openid")

    def approve_device(self, headers: dict[str, str]) -> webtest.TestResponse:
        page = enter(self.browser, ask(self.client, scope="openid")["user_code"])
        return page.forms["decision"].submit("decision", value="allow", headers=headers, status="*")

    def end_at_upstream(self, headers: dict[str, str]) -> webtest.TestResponse:
        form = {"logout_token": self.upstream.logout_token()}
        path = "/login/upstream/other/backchannel-logout"
        return self.http.post(path, form, headers=headers, status="*")

    def is_unchanged(self) -> bool:
        """Whether both browsers are signed in and both tokens are live."""
        signed_in = all("Hello" in each.get("/") for each in (self.browser, self.connected))
        return signed_in and all(
            self.client.introspect(self.tokens[name])["active"]
            for name in ("access_token", "refresh_token")
        )


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


Call = Callable[[Scene, dict[str, str]], webtest.TestResponse]
#: How each flow is called, the class of its object, and the status of its rejection.
FLOWS: dict[str, tuple[Call, type, int]] = {
    "token": (Scene.refresh, OAuthRequest, 400),
    "introspection": (Scene.introspect, OAuthRequest, 400),
    "revocation": (Scene.revoke, OAuthRequest, 400),
    "authorization": (Scene.authorize, AuthorizationRequest, 303),
    "authorization_request": (Scene.authorize, AuthorizationRequest, 303),
    "authorization_response": (Scene.be_allowed, AuthorizationRequest, 303),
    "pushed_authorization_request": (Scene.push, PushedRequest, 400),
    "userinfo": (Scene.userinfo, UserInfoRequest, 400),
    "registration": (Scene.register, RegistrationRequest, 400),
    "client_configuration": (Scene.manage, ConfigurationRequest, 400),
    "end_session": (Scene.sign_out, EndSessionRequest, 400),
    "device_authorization": (Scene.ask_for_codes, DeviceRequest, 400),
    "device_authorization_request": (Scene.ask_for_codes, AuthorizationRequest, 400),
    "device_approval": (Scene.approve_device, PendingRequest, 400),
    "backchannel_authentication": (Scene.ask_for_sign_in, BackchannelAuthenticationRequest, 400),
    "upstream_logout": (Scene.end_at_upstream, UpstreamLogoutRequest, 400),
}


@pytest.fixture
def provider(make_provider: Any, upstream: Upstream) -> Provider:
    made: Provider = make_provider(
        oidcserver__includes="support.stepping_plugin",
        oauth__registration="open",
        oauth__endpoints="authorization pushed_authorization_request token revocation "
        "introspection userinfo end_session jwks openid_configuration registration "
        "client_configuration device_authorization backchannel_authentication",
        oauth__grants="authorization_code refresh_token device_code ciba",
        oidc__pages="home login consent logout account device approvals",
        oidc__user_directory="database",
        **upstream.settings(allow_registration="true", backchannel_logout="true"),
    )
    with made.database() as dbsession:
        dbsession.add(User("alice", password_hash=HASH))
    return made


@pytest.fixture
def scene(provider: Provider, upstream: Upstream) -> Scene:
    return Scene(provider, upstream)


def alone(provider: Provider, flow: str) -> ExampleStep:
    """Leave the plugin's step in one flow only; return it."""
    flows = provider.registry.oidc.provider.flows
    for other in PLACES.keys() - {flow}:
        flows[other] = tuple(step for step in flows[other] if step.name != "example")
    step: ExampleStep = provider.registry.example_steps[flow]
    return step


def test_every_flow_is_tried(provider: Provider) -> None:
    assert set(provider.registry.oidc.provider.flows) == set(FLOWS) == set(PLACES)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_step_sees_the_object_of_its_flow_and_the_request_goes_on(
    provider: Provider, scene: Scene, flow: str
) -> None:
    call, seen, _ = FLOWS[flow]
    step = alone(provider, flow)
    step.seen.clear()
    answer = call(scene, {})
    assert answer.status_int < 400
    assert "error" not in answer.headers.get("Location", "")
    assert [type(each) for each in step.seen] == [seen]


@pytest.mark.parametrize("flow", FLOWS)
def test_a_step_rejects_and_nothing_is_written(provider: Provider, scene: Scene, flow: str) -> None:
    call, _, status = FLOWS[flow]
    alone(provider, flow)
    rejected = call(scene, {HEADER: "reject"})
    assert rejected.status_int == status
    assert f"The step of {flow} rejects." in rejected.text or (
        "error=access_denied" in rejected.location
    )
    with provider.database() as dbsession:
        row = dbsession.get_one(RecordedRejection, rejected.headers["Error-Reference"])
    assert row.description == f"The step of {flow} rejects."
    assert scene.is_unchanged()


@pytest.mark.parametrize("flow", FLOWS)
def test_a_step_answers_and_nothing_is_written(provider: Provider, scene: Scene, flow: str) -> None:
    call, _, _ = FLOWS[flow]
    alone(provider, flow)
    answer = call(scene, {HEADER: "answer"})
    assert (answer.status_int, answer.text) == (299, flow)
    assert scene.is_unchanged()
