"""Which clients have to use PKCE (RFC 7636, RFC 9700 section 2.1.1), and who decides it."""

import logging
from typing import Any

import pytest
from sqlalchemy import select
from support.app import Provider, RelyingParty
from webtest import TestApp

from oidcserver.models import Client, RecordedRejection

pytestmark = pytest.mark.both_databases

WITHOUT = {"code_challenge": None, "code_challenge_method": None}
PUBLIC = {"token_endpoint_auth_method": "none"}


def works(client: RelyingParty, **changes: Any) -> bool:
    """Whether the client gets tokens for a request without a challenge."""
    answer = client.login(client.provider.browser(), **WITHOUT, **changes)
    return "access_token" in client.exchange(answer["code"], code_verifier=None)


def refusal(client: RelyingParty, **changes: Any) -> str:
    """Return what the client is told of a request without a challenge."""
    answer = client.answer(client.authorize(client.provider.browser(), **WITHOUT, **changes))
    assert answer["error"] == "invalid_request"
    return answer["error_description"]


def decided_by(provider: Provider) -> str:
    """Return what those who run the server are told of the last refusal."""
    newest = select(RecordedRejection.received).order_by(RecordedRejection.created_at.desc())
    with provider.database() as dbsession:
        received = dbsession.scalars(newest).first()
    assert received is not None
    return str(received["decided_by"])


def test_by_default_a_confidential_client_may_do_without(provider: Provider) -> None:
    client = provider.register()
    assert works(client)
    assert works(client, nonce=None)
    assert works(client, scope="profile", nonce=None)


def test_by_default_a_public_client_may_not(provider: Provider) -> None:
    description = "A public client has to use PKCE. The request has no code_challenge."
    assert refusal(provider.register(**PUBLIC)) == description
    assert decided_by(provider) == "token_endpoint_auth_method = none"


def test_whoever_sends_a_challenge_is_held_to_it(provider: Provider) -> None:
    client = provider.register()
    code = client.login(provider.browser())["code"]
    assert client.exchange(code, code_verifier=None, status=400)["error"] == "invalid_grant"


def test_a_client_may_require_it_of_itself(provider: Provider) -> None:
    client = provider.register(require_pkce=True)
    description = "The client registered require_pkce. The request has no code_challenge."
    assert refusal(client) == description
    assert decided_by(provider) == "require_pkce = true"
    assert "code" in client.login(provider.browser())


def test_the_server_may_require_it_where_there_is_no_nonce(make_provider: Any) -> None:
    provider = make_provider(oauth__pkce_required="without_nonce")
    client = provider.register()
    assert works(client)
    for changes in ({"nonce": None}, {"scope": "profile"}):
        assert refusal(client, **changes) == (
            "PKCE is required here by oauth.pkce_required = without_nonce (ini), unless the client "
            "has require_pkce = false. The request has no code_challenge."
        )
    assert "A public client" in refusal(provider.register(**PUBLIC))
    assert works(provider.register(require_pkce=False), nonce=None)


def test_the_server_may_require_it_of_all_but_those_that_are_exempt(make_provider: Any) -> None:
    provider = make_provider(oauth__pkce_required="all")
    assert "unless the client has require_pkce = false" in refusal(provider.register())
    assert decided_by(provider) == "oauth.pkce_required = all (ini)"
    assert works(provider.register(require_pkce=False))


# -- without exception ----------------------------------------------------------------------


@pytest.fixture
def strict(make_provider: Any) -> Provider:
    """A provider of OAuth 2.1, over a database in which clients were exempt before."""
    before = make_provider()
    for client_id, metadata in (
        ("confidential", {}),
        ("public", {"token_endpoint_auth_method": "none"}),
    ):
        client = before.register(**metadata).client
        with before.database() as dbsession:
            row = dbsession.get_one(Client, client.client_id)
            row.client_id = client_id
            row.client_metadata = {**row.client_metadata, "require_pkce": False}
    provider: Provider = make_provider(
        oauth__profile="oauth21",
        oauth__grants="authorization_code refresh_token",
        oauth__endpoints="authorization token registration client_configuration",
        oauth__registration="open",
    )
    return provider


def stored(provider: Provider, client_id: str) -> RelyingParty:
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        dbsession.expunge(client)
    return RelyingParty(provider, client, None)


@pytest.mark.parametrize(
    ("client_id", "sentence"),
    [
        (
            "confidential",
            "PKCE is required here by oauth.pkce_required = all (profile oauth21).",
        ),
        ("public", "A public client has to use PKCE."),
    ],
)
def test_oauth21_exempts_nobody_who_was_exempt_before(
    strict: Provider, client_id: str, sentence: str
) -> None:
    description = refusal(stored(strict, client_id))
    assert description == f"{sentence} The request has no code_challenge."


def test_the_start_says_whose_exemption_has_no_effect(
    strict: Provider, make_provider: Any, caplog: pytest.LogCaptureFixture
) -> None:
    url = strict.registry.oidc.database.engine.url.render_as_string(hide_password=False)
    with caplog.at_level(logging.WARNING, logger="oidcserver"):
        make_provider(oidcserver__database_url=url, oauth__pkce_exemptions="false")
    assert [record.getMessage() for record in caplog.records] == [
        "oauth.pkce_exemptions = false: these clients have to use PKCE, although they have "
        "require_pkce = false: confidential, public."
    ]


@pytest.mark.parametrize("method", ["none", "client_secret_basic"])
def test_oauth21_registers_no_exemption(strict: Provider, method: str) -> None:
    metadata = {
        "redirect_uris": ["https://client.example/cb"],
        "token_endpoint_auth_method": method,
        "require_pkce": False,
    }
    response = TestApp(strict.wsgi).post_json("/oauth/register", metadata, status=400)
    assert response.json["error"] == "invalid_client_metadata"
    assert "require_pkce" in response.json["error_description"]


# -- who exempts ----------------------------------------------------------------------------

REGISTRATION = {
    "oauth__endpoints": "authorization token registration client_configuration",
    "oauth__registration": "open",
}
METADATA = {"redirect_uris": ["https://client.example/cb"]}


def test_a_client_does_not_exempt_itself_from_what_the_operator_requires(
    make_provider: Any,
) -> None:
    provider = make_provider(**REGISTRATION, oauth__pkce_required="all")
    app = TestApp(provider.wsgi)
    exempt = {**METADATA, "require_pkce": False}
    response = app.post_json("/oauth/register", exempt, status=400)
    assert "ask an administrator" in response.json["error_description"]
    registered = app.post_json("/oauth/register", METADATA, status=201).json
    url = registered["registration_client_uri"].removeprefix(provider.issuer)
    headers = {"Authorization": f"Bearer {registered['registration_access_token']}"}
    again = {**exempt, "client_id": registered["client_id"]}
    app.put_json(url, again, headers=headers, status=400)
    with provider.database() as dbsession:
        row = dbsession.get_one(Client, registered["client_id"])
        row.client_metadata = {**row.client_metadata, "require_pkce": False}
    answer = app.put_json(url, again, headers=headers, status=200).json
    assert answer["require_pkce"] is False, "what the operator gave stays"


def test_a_client_registers_what_is_no_exemption(make_provider: Any) -> None:
    provider = make_provider(**REGISTRATION)
    app = TestApp(provider.wsgi)
    for value in (True, False):
        metadata = {**METADATA, "require_pkce": value}
        assert app.post_json("/oauth/register", metadata).json["require_pkce"] is value
    public = {**METADATA, **PUBLIC, "require_pkce": False}
    response = app.post_json("/oauth/register", public, status=400)
    assert "A public client has to use PKCE" in response.json["error_description"]
