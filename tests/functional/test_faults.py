"""Faults: one before the commit consumes nothing, one after it costs the client nothing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import webtest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from support.app import DEVELOPMENT, Browser, Provider, RelyingParty, follow_to_answer
from support.devices import DEVICE_CODE, SETTINGS, ask, decide, enter
from support.faulty_plugin import failing

from oidcserver import models
from oidcserver.database.runner import Database, Joined
from oidcserver.keys.store import KeyStore
from oidcserver.models import (
    Authorization,
    AuthorizationCode,
    Client,
    DeviceAuthorization,
    RefreshToken,
    RevokedAccessToken,
)

pytestmark = pytest.mark.both_databases

#: The tables that the flows write.
TABLES = (
    Authorization, AuthorizationCode, DeviceAuthorization, RefreshToken, RevokedAccessToken,
)  # fmt: skip


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(
        oauth__grants=f"{DEVELOPMENT['oauth.grants']} device_code",
        oauth__endpoints=SETTINGS["oauth__endpoints"],
        oidc__pages=f"{DEVELOPMENT['oidc.pages']} device",
        oidcserver__includes="support.faulty_plugin",
        oidc__id_token_claims="scopes",
    )
    return provider


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(
        scope="openid profile badge offline_access",
        grant_types=["authorization_code", "refresh_token", "password", "client_credentials",
                     "implicit", DEVICE_CODE],
        response_types=["code", "code id_token"],
    )  # fmt: skip


@pytest.fixture
def browser(provider: Provider) -> Browser:
    return provider.browser()


@contextmanager
def no_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every signature fail."""

    def fail(*_: Any) -> Any:
        raise OSError("The key cannot be read.")

    with monkeypatch.context() as patch:
        patch.setattr(KeyStore, "signing_key", fail)
        yield


@contextmanager
def no_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every write fail, as when the connection is lost."""

    def fail(*_: Any, **__: Any) -> Any:
        raise OperationalError("a write", None, Exception("The connection is lost."))

    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", fail)
        patch.setattr(Joined, "write", fail)
        yield


Fault = Callable[[pytest.MonkeyPatch], AbstractContextManager[None]]
PLUGIN_STEP: Fault = lambda _: failing("step before the commit")  # noqa: E731
CLAIMS_SOURCE: Fault = lambda _: failing("claims source")  # noqa: E731
BEFORE = {
    "plugin step": PLUGIN_STEP,
    "claims source": CLAIMS_SOURCE,
    "signing key": no_key,
    "database": no_database,
}
AFTER = {
    "subscriber": lambda _: failing("subscriber"),
    "plugin step": lambda _: failing("step after the commit"),
}


def rows(provider: Provider) -> list[int]:
    """Count the rows of the tables that the flows write, and the used and revoked among them."""
    used = (
        select(func.count()).where(AuthorizationCode.used_at.is_not(None)),
        select(func.count()).where(RefreshToken.used_at.is_not(None)),
        select(func.count()).where(Authorization.revoked_at.is_not(None)),
        select(func.count()).where(DeviceAuthorization.used_at.is_not(None)),
        select(func.count()).where(DeviceAuthorization.decided_at.is_not(None)),
    )
    every = tuple(select(func.count()).select_from(table) for table in TABLES)
    with provider.database() as dbsession:
        return [dbsession.scalar(statement) or 0 for statement in (*every, *used)]


class Request:
    """A request that writes: it is prepared once and can be sent again."""

    def __init__(self, client: RelyingParty, browser: Browser) -> None:
        self.client = client

    def send(self) -> webtest.TestResponse:
        raise NotImplementedError

    def succeeded(self, response: webtest.TestResponse) -> bool:
        """Whether this is the answer of a request that nothing hindered."""
        return response.status_int == 200


class Code(Request):
    """Redeem a code."""

    def __init__(self, client: RelyingParty, browser: Browser) -> None:
        super().__init__(client, browser)
        scope = "openid profile badge offline_access"
        self.code = client.login(browser, scope=scope)["code"]

    def send(self) -> webtest.TestResponse:
        return self.client.token(
            status="*", grant_type="authorization_code", code=self.code,
            redirect_uri=self.client.client.redirect_uris[0], code_verifier=self.client.verifier,
        )  # fmt: skip

    def succeeded(self, response: webtest.TestResponse) -> bool:
        return response.status_int == 200 and {"id_token", "refresh_token"} <= set(response.json)


class Refresh(Code):
    """Rotate a refresh token."""

    def __init__(self, client: RelyingParty, browser: Browser) -> None:
        super().__init__(client, browser)
        self.token = super().send().json["refresh_token"]

    def send(self) -> webtest.TestResponse:
        return self.client.token(status="*", grant_type="refresh_token", refresh_token=self.token)


class Password(Request):
    """Get tokens for a user name and a password."""

    def send(self) -> webtest.TestResponse:
        return self.client.token(
            status="*", grant_type="password", username="alice", password="valid",
            scope="openid profile badge",
        )  # fmt: skip


class RevokeAccessToken(Code):
    """Revoke an access token."""

    kind = "access_token"

    def __init__(self, client: RelyingParty, browser: Browser) -> None:
        super().__init__(client, browser)
        self.token = super().send().json[self.kind]

    def send(self) -> webtest.TestResponse:
        return self.client.post("/oauth/revoke", token=self.token)

    def succeeded(self, response: webtest.TestResponse) -> bool:
        return response.status_int == 200 and not self.client.introspect(self.token)["active"]


class RevokeRefreshToken(RevokeAccessToken):
    """Revoke a refresh token, and with it all tokens of its family."""

    kind = "refresh_token"


class Authorize(Request):
    """Answer an authorization request that the user allowed before."""

    changes = {
        "scope": "openid badge",
        "response_type": "code id_token",
        "claims": '{"id_token": {"badge": null}}',
    }

    def __init__(self, client: RelyingParty, browser: Browser) -> None:
        super().__init__(client, browser)
        self.browser = browser
        browser.sign_in()
        form = client.authorize(browser, **self.changes).forms["consent"]
        form["remember"] = True
        answer = follow_to_answer(form.submit("decision", value="allow"))
        assert "code" in client.answer(answer)

    def send(self) -> webtest.TestResponse:
        return self.client.authorize(self.browser, **self.changes)

    def succeeded(self, response: webtest.TestResponse) -> bool:
        if response.status_int != 303:
            return False
        return {"code", "id_token"} <= set(self.client.answer(response))


class Consent(Authorize):
    """Answer an authorization request that waited for the user."""

    def __init__(self, client: RelyingParty, browser: Browser) -> None:
        super().__init__(client, browser)
        page = client.authorize(browser, **self.changes, prompt="consent")
        answer = page.forms["consent"].submit("decision", value="allow")
        self.url = answer.location

    def send(self) -> webtest.TestResponse:
        return self.browser.get(self.url, expect_errors=True)


class Device(Request):
    """Redeem a device code that the user approved."""

    def __init__(self, client: RelyingParty, browser: Browser) -> None:
        super().__init__(client, browser)
        self.codes = ask(client, scope="openid profile badge offline_access")
        browser.sign_in()
        decide(browser, self.codes)

    def send(self) -> webtest.TestResponse:
        return self.client.token(
            status="*", grant_type=DEVICE_CODE, device_code=self.codes["device_code"]
        )

    def succeeded(self, response: webtest.TestResponse) -> bool:
        return response.status_int == 200 and {"id_token", "refresh_token"} <= set(response.json)


REQUESTS = (
    Code,
    Device,
    Refresh,
    Password,
    RevokeAccessToken,
    RevokeRefreshToken,
    Authorize,
    Consent,
)
#: Faults that the flow of a request does not meet.
UNAFFECTED = {
    (RevokeAccessToken, "claims source"), (RevokeAccessToken, "signing key"),
    (RevokeRefreshToken, "claims source"), (RevokeRefreshToken, "signing key"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BEFORE)
@pytest.mark.parametrize("kind", REQUESTS)
def test_a_fault_before_the_commit_consumes_nothing(
    kind: type[Request],
    fault: str,
    provider: Provider,
    client: RelyingParty,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = kind(client, browser)
    before = rows(provider)
    with BEFORE[fault](monkeypatch):
        failed = request.send()
    if (kind, fault) in UNAFFECTED:
        assert request.succeeded(failed)
        return
    assert not request.succeeded(failed)
    assert failed.status_int in {500, 503} or "error" in client.answer(failed)
    assert rows(provider) == before, "nothing was written"
    assert request.succeeded(request.send()), "the same request succeeds afterwards"


@pytest.mark.parametrize("fault", AFTER)
@pytest.mark.parametrize("kind", REQUESTS)
def test_a_fault_after_the_commit_costs_the_client_nothing(
    kind: type[Request],
    fault: str,
    provider: Provider,
    client: RelyingParty,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = kind(client, browser)
    with AFTER[fault](monkeypatch):
        assert request.succeeded(request.send())


@pytest.mark.parametrize("kind", [Code, Refresh])
def test_a_reused_credential_ends_its_family_although_a_subscriber_fails(
    kind: type[Any], provider: Provider, client: RelyingParty, browser: Browser, clock: Any
) -> None:
    request = kind(client, browser)
    tokens = request.send().json
    clock.advance(60)  # beyond the window in which a lost answer may be asked for again
    with failing("subscriber"):
        assert request.send().status_int == 400
    assert not client.introspect(tokens["access_token"])["active"]
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"


def test_a_fault_loses_no_request_of_a_device_and_no_decision(
    provider: Provider, client: RelyingParty, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_in()
    with no_database(monkeypatch):
        failed = client.post("/oauth/device_authorization", scope="openid", status="*")
        assert failed.status_int == 503
    codes = ask(client, scope="openid")
    form = enter(browser, codes["user_code"]).forms["decision"]
    before = rows(provider)
    with no_database(monkeypatch):
        assert form.submit("decision", value="allow", status="*").status_int == 503
    assert rows(provider) == before
    with failing("subscriber"):
        page = follow_to_answer(form.submit("decision", value="allow"))
    assert "Your device is connected" in page


def test_a_failing_subscriber_changes_no_page(
    provider: Provider, client: RelyingParty, browser: Browser
) -> None:
    asked = {"scope": "openid badge", "prompt": "consent"}
    with failing("subscriber"):
        assert "username" in browser.sign_in(password="invalid", status=403).forms["login"].fields
        assert browser.sign_in().status_int == 303
        denied = client.authorize(browser, **asked).forms["consent"]
        answer = client.answer(follow_to_answer(denied.submit("decision", value="deny")))
        assert answer["error"] == "access_denied"
        allowed = client.authorize(browser, **asked).forms["consent"]
        allowed["remember"] = True
        answer = client.answer(follow_to_answer(allowed.submit("decision", value="allow")))
        assert "code" in answer
        listed = browser.get("/account").forms.values()
        withdrawal = next(form for form in listed if form.action.endswith("/applications"))
        confirm = withdrawal.submit("client").forms["confirm"]
        assert confirm.submit("client").status_int == 303
        form = browser.get("/create_client").forms["client"]
        form["client_name"] = "Shop"
        form["redirect_uris"] = "https://shop.example/cb"
        page = form.submit()
        assert page.status_int == 200, page.html.get_text()
    with provider.database() as dbsession:
        assert dbsession.scalar(select(func.count()).select_from(models.Consent)) == 0
        assert dbsession.scalar(select(func.count()).select_from(Client)) == 2


def test_a_response_mode_that_fails_costs_no_code(
    provider: Provider, client: RelyingParty, browser: Browser
) -> None:
    request = Consent(client, browser)
    before = rows(provider)
    modes = provider.registry.oidc.provider.response_modes

    def fail(*_: Any) -> Any:
        raise OSError("The template cannot be read.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(modes, "fragment", fail)
        assert request.send().status_int == 500
    assert rows(provider) == before
    assert request.succeeded(request.send())
