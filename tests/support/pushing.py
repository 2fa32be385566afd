"""Clients that push their authorization requests (RFC 9126)."""

from typing import Any

import webtest
from support.app import Browser, RelyingParty, follow_to_answer

#: A value of ``oauth.endpoints``.
ENDPOINTS = (
    "authorization pushed_authorization_request token revocation introspection userinfo "
    "end_session jwks openid_configuration"
)


def post(
    client: RelyingParty, *, status: Any = "*", headers: Any = None, **changes: Any
) -> webtest.TestResponse:
    """Push a request as this client; None takes a parameter out."""
    form = client.parameters(**changes)
    return client.post("/oauth/par", status=status, headers=headers, **form)


def push(client: RelyingParty, **changes: Any) -> str:
    """Push a request as this client; return its ``request_uri``."""
    answer = post(client, status=201, **changes).json
    assert set(answer) == {"request_uri", "expires_in"}
    return str(answer["request_uri"])


def rejection(client: RelyingParty, *, status: int = 400, **changes: Any) -> str:
    """Push a request that is rejected; return the error, which is JSON and never a redirect."""
    response = post(client, status=status, **changes)
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert "Location" not in response.headers
    assert set(response.json) == {"error", "error_description"}
    return str(response.json["error"])


def visit(
    client: RelyingParty, browser: Browser, request_uri: str, **beside: Any
) -> webtest.TestResponse:
    """Send the browser to the authorization endpoint with a ``request_uri``, up to a page or an
    answer; ``beside`` are further parameters, and None takes one out."""
    query = {"client_id": client.client_id, "request_uri": request_uri, **beside}
    given = {name: value for name, value in query.items() if value is not None}
    return follow_to_answer(browser.get("/oauth/authorize", given, expect_errors=True))


def rejected_with_a_page(page: webtest.TestResponse, sentence: str) -> None:
    """Check that an error page came, and no form to sign in."""
    assert page.status_int in (400, 403), page
    assert page.content_type == "text/html"
    assert "Location" not in page.headers
    assert "login" not in page.forms
    assert sentence in page.text
