"""The audit log: a line for each thing that the server did."""

from typing import Any

import pytest
from support.app import Provider

from oidcserver.oauth.events import OAuthEvent


def test_a_login_and_what_follows_leave_a_trail(
    provider: Provider, logged: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client = provider.register()
    tokens = client.exchange(client.login(provider.browser())["code"])
    client.post("/oauth/revoke", token=tokens["access_token"], status=200)
    lines = logged("oidcserver.audit")
    events = [line["event"] for line in lines]
    assert "signed_in" in events
    assert events.index("signed_in") < events.index("authorization_granted")
    assert events[-2:] == ["token_issued", "token_revoked"]
    [issued] = [line for line in lines if line["event"] == "token_issued"]
    assert issued["client_id"] == client.client_id
    assert issued["grant_type"] == "authorization_code"
    assert "remote_address" in issued
    for credential in (tokens["access_token"], tokens["refresh_token"], client.secret):
        assert credential not in caplog.text


def test_a_wrong_password_is_there_without_the_name_that_was_typed(
    provider: Provider, logged: Any, caplog: pytest.LogCaptureFixture
) -> None:
    form = provider.browser().get("/login").forms["login"]
    form["username"], form["password"] = "my password by mistake", "wrong"
    form.submit(status=403)
    assert [line["event"] for line in logged("oidcserver.audit")] == ["login_failed"]
    assert "by mistake" not in caplog.text


def test_what_a_plugin_tells_is_redacted(
    provider: Provider, open_request: Any, logged: Any
) -> None:
    with open_request(provider) as request:
        details = {"code": "ac_secret", "authorization_id": "1", "amr": ["pwd"], "key": b"x"}
        provider.registry.notify(OAuthEvent(request, "magic", details))
    assert logged("oidcserver.audit") == [
        {"event": "magic", "remote_address": "192.0.2.1", "code": "(not kept)",
         "authorization_id": "1", "amr": ["pwd"], "key": "(bytes)"}
    ]  # fmt: skip
