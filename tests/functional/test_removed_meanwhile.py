"""A client that is removed while one of its requests is under way."""

from typing import Any

import pytest
from sqlalchemy import delete
from support.app import Provider

from oidcserver.models import Client
from oidcserver.oauth.outcome import Outcome

pytestmark = pytest.mark.both_databases


@pytest.mark.parametrize("grant_type", ["authorization_code", "password"])
def test_the_request_is_rejected_and_nothing_fails(
    provider: Provider, grant_type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = provider.register(grant_types=["authorization_code", "password", "refresh_token"])
    browser = provider.browser()
    browser.sign_in()
    form = client.authorize(browser).forms["consent"]
    form["remember"] = True
    form.submit("decision", value="allow")
    write = Outcome.write

    def remove_first(outcome: Outcome, request: Any) -> None:
        with request.oidc.database.transaction() as dbsession:
            dbsession.execute(delete(Client).where(Client.client_id == client.client_id))
        write(outcome, request)

    monkeypatch.setattr(Outcome, "write", remove_first)
    if grant_type == "password":
        form_of_user = {"username": "alice", "password": "valid", "scope": "openid"}
        answer = client.token(grant_type="password", status=400, **form_of_user).json
        assert answer["error"] == "invalid_request"
    else:
        response = client.authorize(browser, prompt="none")
        assert response.status_int in {303, 400}
        if response.status_int == 303:
            assert "error" in client.answer(response)
