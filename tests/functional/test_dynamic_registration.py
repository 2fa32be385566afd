"""Clients register themselves (RFC 7591) and manage their registration (RFC 7592)."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import webtest
from sqlalchemy import select
from support.app import Provider, RelyingParty, decode_id_token, follow_to_answer

from oidcserver.credentials import digest
from oidcserver.models import Client, InitialAccessToken, RecordedRejection
from oidcserver.oauth.events import OAuthEvent
from oidcserver.operations.prune import prune

ENDPOINTS = (
    "authorization token revocation introspection userinfo end_session jwks openid_configuration "
    "registration client_configuration"
)
REDIRECT_URI = "https://client.example/cb"
METADATA = {"redirect_uris": [REDIRECT_URI], "client_name": "Self-made"}
TOKEN = "ia_" + "x" * 43
DAY = 86400


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(oauth__endpoints=ENDPOINTS, oauth__registration="open")
    return made


def register(
    provider: Provider,
    *,
    status: int = 201,
    token: str | None = None,
    address: str = "192.0.2.1",
    **members: Any,
) -> webtest.TestResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {**METADATA, **members}
    http = webtest.TestApp(provider.wsgi, extra_environ={"REMOTE_ADDR": address})
    return http.post_json("/oauth/register", body, headers=headers, status=status)


def manage(
    provider: Provider, registered: dict[str, Any], method: str = "GET", *, status: int = 200,
    token: str | None = None, body: Any = None,
) -> webtest.TestResponse:  # fmt: skip
    headers = {"Authorization": f"Bearer {token or registered['registration_access_token']}"}
    path = registered["registration_client_uri"].removeprefix(provider.issuer)
    return webtest.TestApp(provider.wsgi).request(
        path, method=method, headers=headers, status=status,
        body=json.dumps(body).encode() if body is not None else b"",
    )  # fmt: skip


def relying_party(provider: Provider, registered: dict[str, Any]) -> RelyingParty:
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, registered["client_id"])
        dbsession.expunge(client)
    return RelyingParty(provider, client, registered.get("client_secret"))


def test_a_client_that_registered_signs_a_person_in(provider: Provider) -> None:
    response = register(provider)
    assert response.headers["Cache-Control"] == "no-store"
    registered = response.json
    assert registered["client_secret_expires_at"] == 0
    assert registered["client_name"] == "Self-made"
    assert registered["grant_types"] == ["authorization_code"]
    assert "openid" in registered["scope"].split()
    client = relying_party(provider, registered)
    tokens = client.exchange(client.login(provider.browser())["code"])
    assert decode_id_token(provider, tokens["id_token"])["aud"] == registered["client_id"]


def test_discovery_names_the_endpoint_only_where_it_is_selected(
    provider: Provider, make_provider: Any
) -> None:
    path = "/.well-known/openid-configuration"
    document = provider.browser().get(path).json
    assert document["registration_endpoint"] == f"{provider.issuer}/oauth/register"
    other = make_provider()
    assert "registration_endpoint" not in other.browser().get(path).json
    assert other.browser().post_json("/oauth/register", METADATA, status=404)


def test_the_database_holds_no_token_and_no_secret(provider: Provider) -> None:
    registered = register(provider).json
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, registered["client_id"])
        assert client.registration_token_digest == digest(registered["registration_access_token"])
        assert client.secret_digest == digest(registered["client_secret"])


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"redirect_uris": ["https://client.example/cb#x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["jAvAsCrIpT:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["data:text/html,x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://*.client.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://alice@client.example/cb"]}, "invalid_redirect_uri"),
        ({"redirect_uris": 7}, "invalid_client_metadata"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"jwks_uri": "https://10.0.0.1/jwks"}, "invalid_client_metadata"),
        ({"jwks_uri": "https://169.254.169.254/"}, "invalid_client_metadata"),
        ({"jwks_uri": "https://[::ffff:127.0.0.1]/"}, "invalid_client_metadata"),
        ({"jwks_uri": "https://2130706433/"}, "invalid_client_metadata"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}}, "invalid_client_metadata"),
        ({"initiate_login_uri": "http://client.example/start"}, "invalid_client_metadata"),
        ({"client_name": "a\u202eb"}, "invalid_client_metadata"),
        ({"client_name": "x" * 200}, "invalid_client_metadata"),
        ({"grant_types": ["client_credentials"], "response_types": []}, "invalid_client_metadata"),
        ({"grant_types": ["password"], "response_types": []}, "invalid_client_metadata"),
        ({"scope": "openid root"}, "invalid_client_metadata"),
        ({"software_statement": "x.y.z"}, "invalid_software_statement"),
        ({"software_statement": 7}, "invalid_software_statement"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(provider: Provider, members: dict[str, Any], error: str) -> None:
    answer = register(provider, status=400, **members).json
    assert answer["error"] == error
    assert answer["error_description"]


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b'{"a":1,"a":2}', b"\xff", b"[" * 9999])
def test_a_body_that_is_no_object_is_refused(provider: Provider, body: bytes) -> None:
    http = webtest.TestApp(provider.wsgi)
    answer = http.post("/oauth/register", body, content_type="application/json", status=400)
    assert answer.json["error"] == "invalid_client_metadata"


def test_a_name_of_a_megabyte_is_too_large(provider: Provider) -> None:
    register(provider, status=413, client_name="x" * 2**20)


def test_members_that_would_raise_its_rights_are_not_honoured(provider: Provider) -> None:
    registered = register(
        provider, client_id="chosen", client_secret="chosen",
        resource_server=True, access_token_format="jwt", owner_id="root",
        registration_access_token="mine", client_secret_expires_at=7,
    ).json  # fmt: skip
    assert registered["client_id"] != "chosen"
    assert registered["client_secret"] != "chosen"
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, registered["client_id"])
        assert not client.resource_server
        assert client.access_token_format is None
        assert client.owner_id is None


def test_a_flood_from_one_address_is_told_to_wait(make_provider: Any) -> None:
    provider = make_provider(
        oauth__endpoints=ENDPOINTS, oauth__registration="open", oauth__registration_limit=2
    )
    register(provider)
    register(provider)
    response = register(provider, status=429)
    assert 0 < int(response.headers["Retry-After"]) <= 3600


def test_a_client_that_changes_its_registration_too_often_is_told_to_wait(
    make_provider: Any,
) -> None:
    provider = make_provider(
        oauth__endpoints=ENDPOINTS, oauth__registration="open", oauth__registration_limit=2
    )
    registered, other = register(provider).json, register(provider).json
    body = {**METADATA, "client_id": registered["client_id"]}
    manage(provider, registered, "PUT", body=body)
    manage(provider, registered, "PUT", body=body | {"redirect_uris": "x"}, status=400)
    response = manage(provider, registered, "PUT", body=body, status=429)
    assert 0 < int(response.headers["Retry-After"]) <= 3600
    assert manage(provider, registered).json["client_id"] == registered["client_id"]
    manage(provider, other, "PUT", body={**METADATA, "client_id": other["client_id"]})


def test_one_subscriber_has_one_limit_whatever_address_of_the_network_it_uses(
    make_provider: Any,
) -> None:
    provider = make_provider(
        oauth__endpoints=ENDPOINTS, oauth__registration="open", oauth__registration_limit=2
    )
    for address in ("2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6"):
        register(provider, address=address)
    register(provider, status=429, address="2001:db8:1:2::7")
    register(provider, address="2001:db8:1:3::1")


def test_wrong_tokens_do_not_count_against_a_right_one(make_provider: Any) -> None:
    provider = make_provider(oauth__endpoints=ENDPOINTS, oauth__registration_limit=2)
    allow(provider)
    other = "ia_" + "y" * 43
    allow(provider, other)
    for status in (401, 401, 429):
        register(provider, token="ia_" + "z" * 43, status=status)
    for status in (201, 201, 429):
        register(provider, token=TOKEN, status=status)
    register(provider, token=other)


# -- clients that nobody uses ------------------------------------------------------------------


def prune_clients(provider: Provider) -> set[str]:
    """Prune; return the clients that are left."""
    prune(provider.registry.oidc.database.session, provider.registry.oidc.provider.settings)
    with provider.database() as dbsession:
        return set(dbsession.scalars(select(Client.client_id)))


@pytest.mark.both_databases
def test_a_client_that_registered_itself_goes_when_nobody_uses_it(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(
        oauth__endpoints=ENDPOINTS, oauth__registration="open",
        oauth__registration_unused_lifetime="30d",
    )  # fmt: skip
    by_operator = provider.register().client_id
    unused = register(provider).json["client_id"]
    used = relying_party(provider, register(provider).json)
    assert used.authorize(provider.browser(), prompt="none").status_int == 303, "no use of it"
    clock.advance(20 * DAY)
    used.exchange(used.login(provider.browser())["code"])
    clock.advance(10 * DAY + 3601)
    assert prune_clients(provider) == {by_operator, used.client_id}
    clock.advance(20 * DAY)
    assert prune_clients(provider) == {by_operator}
    assert unused != used.client_id


# -- initial access tokens --------------------------------------------------------------------


@pytest.fixture
def guarded(make_provider: Any) -> Provider:
    made: Provider = make_provider(oauth__endpoints=ENDPOINTS)
    return made


def allow(provider: Provider, token: str = TOKEN, **columns: Any) -> None:
    with provider.database() as dbsession:
        values = {"expires_at": 2**40, "token_digest": digest(token), **columns}
        dbsession.add(InitialAccessToken(**values))


def test_without_a_token_nobody_registers_by_default(guarded: Provider) -> None:
    assert register(guarded, status=401).headers["WWW-Authenticate"] == "Bearer"
    allow(guarded)
    register(guarded, status=401, token="ia_another")
    register(guarded, token=TOKEN)


def test_a_token_registers_as_often_as_it_says_and_a_refusal_costs_nothing(
    guarded: Provider,
) -> None:
    allow(guarded, uses_left=1)
    register(guarded, token=TOKEN, status=400, redirect_uris=7)
    register(guarded, token=TOKEN)
    register(guarded, token=TOKEN, status=401)


@pytest.mark.parametrize("columns", [{"revoked_at": 1}, {"expires_at": 1}])
def test_a_token_that_ended_registers_nothing(guarded: Provider, columns: Any) -> None:
    allow(guarded, **columns)
    register(guarded, token=TOKEN, status=401)


def clients(provider: Provider) -> set[str]:
    with provider.database() as dbsession:
        return set(dbsession.scalars(select(Client.client_id)))


@pytest.mark.both_databases
def test_of_several_at_once_as_many_as_there_are_uses_register(make_provider: Any) -> None:
    provider = make_provider(oauth__endpoints=ENDPOINTS)
    allow(provider, uses_left=5)

    def try_to_register(_: int) -> int:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        http = webtest.TestApp(provider.wsgi)
        answer = http.post_json("/oauth/register", METADATA, headers=headers, status="*")
        return answer.status_int

    with ThreadPoolExecutor(8) as threads:
        statuses = Counter(threads.map(try_to_register, range(12)))
    assert statuses == {201: 5, 401: 7}
    assert len(clients(provider)) == 5


# -- failures ---------------------------------------------------------------------------------


def failing(*_: Any) -> None:
    raise RuntimeError("out of order")


@pytest.fixture
def fragile(make_provider: Any) -> Provider:
    """A provider whose subscribers fail."""
    made: Provider = make_provider(oauth__endpoints=ENDPOINTS)
    made.registry.registerHandler(failing, (OAuthEvent,))
    return made


@pytest.mark.both_databases
def test_a_failing_subscriber_costs_nothing(fragile: Provider) -> None:
    allow(fragile, uses_left=1)
    registered = register(fragile, token=TOKEN).json
    assert clients(fragile) == {registered["client_id"]}
    body = {**METADATA, "client_id": registered["client_id"], "client_name": "Renamed"}
    assert manage(fragile, registered, "PUT", body=body).json["client_name"] == "Renamed"
    assert manage(fragile, registered).json["client_name"] == "Renamed"
    manage(fragile, registered, "DELETE", status=204)
    assert clients(fragile) == set()


@pytest.mark.both_databases
def test_what_fails_before_the_commit_uses_no_initial_access_token(
    fragile: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(fragile, uses_left=1)
    with monkeypatch.context() as patched:
        patched.setattr("oidcserver.endpoints.registration.json_response", failing)
        register(fragile, token=TOKEN, status=500)
    assert clients(fragile) == set()
    register(fragile, token=TOKEN)


@pytest.mark.both_databases
def test_what_fails_before_the_commit_changes_no_client(
    fragile: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(fragile)
    registered = register(fragile, token=TOKEN).json
    before = manage(fragile, registered).json
    body = {**METADATA, "client_id": registered["client_id"], "client_name": "Renamed"}
    with monkeypatch.context() as patched:
        patched.setattr("oidcserver.endpoints.client_configuration.json_response", failing)
        manage(fragile, registered, "PUT", body=body, status=500)
    assert manage(fragile, registered).json == before


@pytest.mark.both_databases
def test_of_several_deletions_at_once_one_ends_the_registration(fragile: Provider) -> None:
    allow(fragile)
    registered = register(fragile, token=TOKEN).json
    headers = {"Authorization": f"Bearer {registered['registration_access_token']}"}
    path = registered["registration_client_uri"].removeprefix(fragile.issuer)

    def end(_: int) -> int:
        http = webtest.TestApp(fragile.wsgi)
        return http.delete(path, headers=headers, status="*").status_int

    with ThreadPoolExecutor(6) as threads:
        assert Counter(threads.map(end, range(6))) == {204: 1, 401: 5}


def test_a_rejection_has_its_reference(provider: Provider) -> None:
    registered = register(provider).json
    for rejected in (
        register(provider, status=400, redirect_uris=7),
        manage(provider, registered, "PUT", body=METADATA, status=400),
        manage(provider, registered, token="wrong", status=401),
    ):
        with provider.database() as dbsession:
            row = dbsession.get_one(RecordedRejection, rejected.headers["Error-Reference"])
        assert row.error == rejected.json["error"]


# -- management -------------------------------------------------------------------------------


def test_a_client_reads_what_it_registered(provider: Provider) -> None:
    registered = register(provider, initiate_login_uri="https://client.example/start").json
    read = manage(provider, registered).json
    assert read == {name: value for name, value in registered.items() if name != "client_secret"}
    assert read["initiate_login_uri"] == "https://client.example/start"


def test_a_client_replaces_its_metadata(provider: Provider) -> None:
    registered = register(provider, client_uri="https://client.example/").json
    body = {
        "client_id": registered["client_id"], "client_secret": registered["client_secret"],
        "redirect_uris": [REDIRECT_URI], "client_name": "Renamed",
    }  # fmt: skip
    changed = manage(provider, registered, "PUT", body=body).json
    assert changed["client_name"] == "Renamed"
    assert "client_uri" not in changed
    assert manage(provider, registered).json == changed
    client = relying_party(provider, registered)
    assert "id_token" in client.exchange(client.login(provider.browser())["code"])


@pytest.mark.both_databases
@pytest.mark.parametrize("name", ["Self-made", "Your Bank"])
def test_users_are_asked_again_by_a_client_that_is_another_one(
    make_provider: Any, name: str
) -> None:
    """Grants at a redirect URI that the client no longer has end, too."""
    api, other = "https://api.example/", "https://other.example/cb"
    provider = make_provider(
        oauth__endpoints=ENDPOINTS, oauth__registration="open", oauth__resources=api
    )
    grants = {"grant_types": ["authorization_code", "refresh_token"]}
    registered = register(provider, **grants).json
    browser, client = provider.browser(), relying_party(provider, registered)
    browser.sign_in()
    form = client.authorize(browser, resource=api).forms["consent"]
    form["remember"] = True
    answer = client.answer(follow_to_answer(form.submit("decision", value="allow")))
    tokens = client.exchange(answer["code"])
    body = {**METADATA, **grants, "client_id": registered["client_id"]}
    manage(provider, registered, "PUT", body={**body, "contacts": ["a@client.example"]})
    silent = client.authorize(browser, resource=api, prompt="none")
    assert "code" in client.answer(silent), "it is the same one"
    changed = {**body, "client_name": name, "redirect_uris": [other]}
    manage(provider, registered, "PUT", body=changed)
    page = client.authorize(browser, redirect_uri=other)
    assert "other.example" in page
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"
    form = page.forms["consent"]
    form["remember"] = True
    follow_to_answer(form.submit("decision", value="allow"))
    silent = client.authorize(browser, redirect_uri=other, resource=api, prompt="none")
    assert client.answer(silent)["error"] == "consent_required"


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"client_id": "another"}, "invalid_request"),
        ({"client_id": None}, "invalid_request"),
        ({"client_secret": "another"}, "invalid_request"),
        ({"client_secret": 7}, "invalid_request"),
        ({"registration_access_token": "mine"}, "invalid_request"),
        ({"client_id_issued_at": 7}, "invalid_request"),
        ({"redirect_uris": ["https://client.example/#x"]}, "invalid_redirect_uri"),
    ],
)
def test_what_a_client_may_not_replace_is_refused_and_nothing_changes(
    provider: Provider, members: dict[str, Any], error: str
) -> None:
    registered = register(provider).json
    before = manage(provider, registered).json
    body = {**METADATA, "client_id": registered["client_id"], **members}
    assert manage(provider, registered, "PUT", body=body, status=400).json["error"] == error
    assert manage(provider, registered).json == before


def test_a_client_ends_its_registration_and_all_it_had(provider: Provider) -> None:
    registered = register(provider).json
    client = relying_party(provider, registered)
    token = client.exchange(client.login(provider.browser())["code"])["access_token"]
    assert manage(provider, registered, "DELETE", status=204).body == b""
    manage(provider, registered, status=401)
    manage(provider, registered, "DELETE", status=401)
    client.userinfo(token, status=401)


def test_an_unknown_client_and_a_wrong_token_look_alike(provider: Provider) -> None:
    one, two = register(provider).json, register(provider).json
    wrong = manage(provider, one, token=two["registration_access_token"], status=401)
    unknown = {**one, "registration_client_uri": f"{provider.issuer}/oauth/register/nobody"}
    assert manage(provider, unknown, status=401).body == wrong.body
    by_operator = provider.register()
    path = f"{provider.issuer}/oauth/register/{by_operator.client_id}"
    manage(provider, {**one, "registration_client_uri": path}, token="x", status=401)
    http = webtest.TestApp(provider.wsgi)
    http.get(path.removeprefix(provider.issuer), status=401)


def test_without_the_configuration_endpoint_there_is_no_token_for_it(make_provider: Any) -> None:
    provider = make_provider(
        oauth__endpoints=ENDPOINTS.replace(" client_configuration", ""), oauth__registration="open"
    )
    registered = register(provider).json
    assert "registration_access_token" not in registered
    assert "registration_client_uri" not in registered


def test_a_plugin_adds_a_member(make_provider: Any) -> None:
    provider = make_provider(
        oauth__endpoints=ENDPOINTS, oauth__registration="open",
        oidcserver__includes="tiers",
    )  # fmt: skip
    assert register(provider, example_tier="gold").json["example_tier"] == "gold"
    assert "tier" in register(provider, status=400, example_tier="tin").json["error_description"]


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_jwt"])
def test_every_secret_that_a_client_gets_by_itself_expires(
    make_provider: Any, clock: Any, method: str
) -> None:
    provider = make_provider(
        oauth__endpoints=ENDPOINTS,
        oauth__registration="open",
        oauth__registration_secret_lifetime="1h",
    )
    first = register(provider).json
    issued_at = first["client_id_issued_at"]
    assert first["client_secret_expires_at"] - issued_at == pytest.approx(3600, abs=60)
    clock.advance(1800)
    changed = first
    for next_method in ("none", method):
        body = {
            **METADATA,
            "client_id": first["client_id"],
            "token_endpoint_auth_method": next_method,
        }
        changed = manage(provider, first, "PUT", body=body).json
    assert changed["client_secret"] != first["client_secret"]
    assert changed["client_secret_expires_at"] - issued_at == pytest.approx(1800 + 3600, abs=60)


def test_a_secret_that_expired_is_not_revived_by_its_successor(
    make_provider: Any, clock: Any
) -> None:
    provider = make_provider(
        oauth__endpoints=ENDPOINTS,
        oauth__registration="open",
        oauth__registration_secret_lifetime="1h",
    )
    first = register(provider).json
    client = relying_party(provider, first)
    clock.advance(3601)
    body = {
        **METADATA,
        "client_id": first["client_id"],
        "id_token_signed_response_alg": "HS256",
    }
    assert "client_secret" in manage(provider, first, "PUT", body=body).json
    client.post("/oauth/introspect", status=401, token="unknown")
