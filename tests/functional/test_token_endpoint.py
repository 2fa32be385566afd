"""The token endpoint: the grants besides codes and refresh tokens, and what is rejected."""

from typing import Any

import pytest
from support.app import Provider, RelyingParty

pytestmark = pytest.mark.both_databases

ROBOT = {
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "response_types": [],
    "scope": "profile email",
}


@pytest.fixture
def robot(provider: Provider) -> RelyingParty:
    return provider.register(**ROBOT)


def test_client_credentials_give_a_token_for_the_client_itself(
    provider: Provider, robot: RelyingParty
) -> None:
    tokens = robot.token(grant_type="client_credentials", scope="email").json
    assert set(tokens) == {"access_token", "token_type", "expires_in", "scope"}
    assert tokens["scope"] == "email"
    seen = robot.introspect(tokens["access_token"])
    assert (seen["sub"], seen["client_id"]) == (robot.client_id, robot.client_id)
    assert "username" not in seen


def test_without_a_scope_a_client_gets_what_it_registered(robot: RelyingParty) -> None:
    assert robot.token(grant_type="client_credentials").json["scope"] == "profile email"


@pytest.mark.parametrize("scope", ["phone", "unheard-of", "openid", "email unheard-of"])
def test_a_scope_that_is_not_registered_is_refused(robot: RelyingParty, scope: str) -> None:
    refused = robot.token(grant_type="client_credentials", scope=scope, status=400).json
    assert refused["error"] == "invalid_scope"


def test_client_credentials_never_give_what_is_about_a_person(provider: Provider) -> None:
    client = provider.register(**{**ROBOT, "scope": "openid profile offline_access"})
    tokens = client.token(grant_type="client_credentials").json
    assert tokens["scope"] == "profile"
    assert not {"id_token", "refresh_token"} & set(tokens)
    refused = client.token(grant_type="client_credentials", scope="openid", status=400).json
    assert refused["error"] == "invalid_scope"


def test_issuing_a_token_to_a_client_writes_no_row(provider: Provider, robot: RelyingParty) -> None:
    from oidcserver.models import Base

    def rows() -> dict[str, int]:
        with provider.database() as dbsession:
            return {
                name: dbsession.query(table).count() for name, table in Base.metadata.tables.items()
            }

    before = rows()
    robot.token(grant_type="client_credentials")
    assert rows() == before


def test_a_grant_that_is_not_registered_or_not_selected_is_refused(
    provider: Provider, robot: RelyingParty
) -> None:
    refused = robot.token(grant_type="password", username="a", password="valid", status=400).json
    assert refused["error"] == "unauthorized_client"
    refused = robot.token(grant_type="urn:example:unheard-of", status=400).json
    assert refused["error"] == "unsupported_grant_type"
    refused = robot.token(grant_type="implicit", status=400).json
    assert refused["error"] == "unsupported_grant_type"
    assert robot.token(status=400, scope="x").json["error"] == "invalid_request"


def test_a_grant_that_the_ini_leaves_out_does_not_exist(make_provider: Any) -> None:
    provider = make_provider(oauth__grants="authorization_code")
    client = provider.register(grant_types=["authorization_code"])
    refused = client.token(grant_type="client_credentials", status=400).json
    assert refused["error"] == "unsupported_grant_type"
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["grant_types_supported"] == ["authorization_code"]
    assert document["response_types_supported"] == ["code"]


@pytest.fixture
def trusted(provider: Provider) -> RelyingParty:
    return provider.register(
        grant_types=["password", "refresh_token"], redirect_uris=[], response_types=[],
        scope="openid profile",
    )  # fmt: skip


def test_a_password_gives_tokens_for_the_person(trusted: RelyingParty) -> None:
    tokens = trusted.token(
        grant_type="password", username="alice", password="valid", scope="profile"
    ).json
    assert trusted.introspect(tokens["access_token"])["username"] == "alice"
    assert "access_token" in trusted.refresh(tokens["refresh_token"])


def test_a_wrong_password_is_an_invalid_grant(trusted: RelyingParty) -> None:
    refused = trusted.token(
        grant_type="password", username="alice", password="wrong", status=400
    ).json
    assert refused["error"] == "invalid_grant"


@pytest.mark.parametrize("missing", ["username", "password"])
def test_a_password_request_needs_name_and_password(trusted: RelyingParty, missing: str) -> None:
    form: dict[str, Any] = {"username": "alice", "password": "valid", missing: None}
    assert trusted.token(grant_type="password", status=400, **form).json["error"] == (
        "invalid_request"
    )


def test_the_token_endpoint_takes_posts_only(provider: Provider) -> None:
    response = provider.browser().get("/oauth/token", status=405)
    assert response.headers["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("name", ["client_secret", "client_assertion", "password"])
def test_credentials_in_the_url_are_refused(robot: RelyingParty, name: str) -> None:
    response = robot.post(f"/oauth/token?{name}=x", grant_type="client_credentials", status=400)
    assert response.json["error"] == "invalid_request"


def test_parameters_of_the_url_do_not_count(robot: RelyingParty) -> None:
    response = robot.post("/oauth/token?grant_type=client_credentials", status=400)
    assert response.json["error"] == "invalid_request"


@pytest.mark.parametrize("name", ["grant_type", "scope", "unknown"])
def test_a_repeated_parameter_is_refused(robot: RelyingParty, name: str) -> None:
    pairs = [("grant_type", "client_credentials"), (name, "email"), (name, "email")]
    response = robot.http.post("/oauth/token", pairs, headers=robot.basic(), status=400)
    assert response.json["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"grant_type=client_credentials&scope=%ff", "application/x-www-form-urlencoded"),
        (b"grant_type=client_credentials&scope=a%00b", "application/x-www-form-urlencoded"),
        (b"grant_type=\xff\xfe", "application/x-www-form-urlencoded"),
        (b"&".join(b"p%d=1" % n for n in range(200)), "application/x-www-form-urlencoded"),
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"grant_type=client_credentials", "text/plain"),
        (b"--x", "multipart/form-data"),
        (b"--x", "multipart/form-data; boundary=y"),
        (b"", "application/x-www-form-urlencoded"),
    ],
)
def test_a_malformed_body_gets_a_clear_answer(
    robot: RelyingParty, body: bytes, content_type: str
) -> None:
    headers = {**robot.basic(), "Content-Type": content_type}
    response = robot.http.post("/oauth/token", body, headers=headers, status=400)
    assert response.json["error"] == "invalid_request"
    assert response.headers["Cache-Control"] == "no-store"


def test_a_multipart_form_as_curl_sends_it_is_read(robot: RelyingParty) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\n'
    body = part + b"client_credentials\r\n--x--\r\n"
    headers = {**robot.basic(), "Content-Type": "multipart/form-data; boundary=x"}
    assert "access_token" in robot.http.post("/oauth/token", body, headers=headers).json


def test_a_public_client_cannot_act_for_itself(provider: Provider) -> None:
    client = provider.register(
        token_endpoint_auth_method="none", grant_types=["authorization_code"]
    )
    with provider.database() as dbsession:
        row = dbsession.merge(client.client)
        row.client_metadata = {**row.client_metadata, "grant_types": ["client_credentials"]}
    refused = client.token(grant_type="client_credentials", status=400).json
    assert refused["error"] == "unauthorized_client"


def test_the_pages_of_a_client_may_read_its_answers_and_others_may_not(provider: Provider) -> None:
    client = provider.register()
    for origin, allowed in (("https://client.example", True), ("https://evil.example", False)):
        headers = {**client.basic(), "Origin": origin}
        revoked = client.http.post("/oauth/revoke", {"token": "x"}, headers=headers)
        assert (revoked.headers.get("Access-Control-Allow-Origin") == origin) is allowed
        assert "Access-Control-Allow-Credentials" not in revoked.headers


def test_a_preflight_is_answered_alike_for_everybody_and_gives_nothing_away(
    provider: Provider,
) -> None:
    browser = provider.browser()
    answers = {
        tuple(sorted(browser.options("/oauth/token", headers=headers, status=204).headers.items()))
        for headers in ({"Origin": "https://client.example"}, {"Origin": "https://evil.example"})
    }
    assert len(answers) == 1
    headers = dict(answers.pop())
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type, DPoP, *"
    assert "Access-Control-Allow-Credentials" not in headers
    browser.options("/oauth/introspect", status=405)
