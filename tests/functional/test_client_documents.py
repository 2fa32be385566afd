"""Clients that publish their metadata at the URL that is their client_id.

OAuth Client ID Metadata Document (draft-ietf-oauth-client-id-metadata-document).
"""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty, decode_id_token
from support.assertions import Signer
from support.client_host import ClientHost
from support.client_web import ClientWeb
from support.published_client import (
    KEY,
    KEYS,
    REDIRECT_URI,
    SHAPES,
    URL,
    document,
    publish,
    rejected,
    signer,
)
from support.pushing import ENDPOINTS, push, visit

from oidcserver.models import Authorization, Client, client_document
from oidcserver.operations.prune import prune

pytestmark = pytest.mark.both_databases
DAY = 86400
DISCOVERY = ("openid-configuration", "oauth-authorization-server")


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    """A provider in whose Web a document is fetched as often as a test wants."""
    made: Provider = make_provider(oauth__client_document_limit="1000")
    return made


@pytest.fixture
def client(web: ClientWeb, provider: Provider) -> RelyingParty:
    return publish(web, provider)


@pytest.fixture
def browser(provider: Provider) -> Browser:
    return provider.browser()


# The whole way


def test_a_user_signs_in_to_a_client_that_nobody_registered(
    client: RelyingParty, browser: Browser, web: ClientWeb, provider: Provider
) -> None:
    answer = client.login(browser, scope="openid profile offline_access")
    tokens = client.exchange(answer["code"])
    assert decode_id_token(provider, tokens["id_token"])["aud"] == URL
    assert client.userinfo(tokens["access_token"]).json["preferred_username"] == "alice"
    refreshed = client.refresh(tokens["refresh_token"])
    assert client.post("/oauth/revoke", token=refreshed["refresh_token"]).status_int == 200
    assert client.refresh(refreshed["refresh_token"], status=400)["error"] == "invalid_grant"
    assert web.fetched == [URL]


@pytest.mark.parametrize("name", DISCOVERY)
def test_discovery_says_so_where_it_is_selected(make_provider: Any, name: str) -> None:
    member = "client_id_metadata_document_supported"
    path = f"/.well-known/{name}"
    assert make_provider().browser().get(path).json[member] is True
    without = make_provider(oauth__client_id_metadata_documents="false")
    assert member not in without.browser().get(path).json


def test_a_url_is_no_client_where_documents_are_not_selected(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, web = make_provider(), ClientWeb()
    web.stand_in(provider, monkeypatch)
    client = publish(web, provider)
    tokens = client.exchange(client.login(provider.browser())["code"])
    without = make_provider(oauth__client_id_metadata_documents="false")
    web.stand_in(without, monkeypatch)
    web.fetched.clear()
    client = publish(web, without)
    assert "is not known" in rejected(client, without.browser())
    assert client.refresh(tokens["refresh_token"], status=401)["error"] == "invalid_client"
    assert web.fetched == []


def test_the_start_says_that_no_such_client_could_authenticate(
    make_provider: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="oidcserver.start"):
        make_provider()
        assert "selects neither" not in caplog.text
        make_provider(oauth__token_endpoint_auth_methods="client_secret_basic")
    assert "authenticates by none or private_key_jwt, but" in caplog.text


def test_another_process_and_the_time_after_a_restart_know_the_client(
    client: RelyingParty, browser: Browser, make_provider: Any
) -> None:
    code = client.login(browser)["code"]
    restarted = make_provider()  # it has no Web: a fetch would fail
    other = RelyingParty(restarted, client.client, None)
    other.verifier = client.verifier
    tokens = other.exchange(code)
    assert other.refresh(tokens["refresh_token"])["access_token"]


@pytest.mark.parametrize("name", SHAPES)
def test_documents_of_every_shape_that_clients_publish_are_accepted(
    provider: Provider, web: ClientWeb, browser: Browser, name: str
) -> None:
    published, redirect_uri = SHAPES[name]
    changes = {"token_endpoint_auth_method": ..., **published}
    client = publish(web, provider, published["client_id"], **changes)
    answer = client.login(browser, redirect_uri=redirect_uri, scope="openid offline_access")
    tokens = client.exchange(answer["code"], redirect_uri=redirect_uri)
    assert client.refresh(tokens["refresh_token"])["access_token"]


def test_each_scope_of_discovery_may_be_asked_for(
    provider: Provider, client: RelyingParty, browser: Browser
) -> None:
    """Some clients ask for all of them."""
    scopes = browser.get("/.well-known/openid-configuration").json["scopes_supported"]
    assert "offline_access" in scopes
    answer = client.login(browser, scope=" ".join(scopes))
    tokens = client.exchange(answer["code"])
    assert set(tokens["scope"].split()) == set(scopes)


MCP = "https://mcp.example/mcp"
DECLARED = {
    "oauth__resources": f"{MCP}: notes:read | Notes",
    "oidc__scope_claims": "notes:read: | Read your notes",
}


@pytest.mark.parametrize("scope", [..., "openid notes:read", "notes:read"])
def test_a_scope_that_is_declared_later_is_granted_at_once(
    make_provider: Any,
    provider: Provider,
    web: ClientWeb,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    scope: Any,
) -> None:
    """The copy of the document is used for up to a day."""
    client = publish(web, provider, scope=scope)
    client.authorize(browser)
    later = make_provider(**DECLARED)
    web.stand_in(later, monkeypatch)
    known = RelyingParty(later, client.client, None)
    code = known.login(later.browser(), scope="notes:read", resource=MCP)["code"]
    tokens = known.exchange(code)
    assert tokens["scope"] == "notes:read"
    assert known.refresh(tokens["refresh_token"])["scope"] == "notes:read"
    assert web.fetched == [URL]


def test_a_scope_that_clients_may_not_have_any_more_is_gone_at_once(
    make_provider: Any, provider: Provider, client: RelyingParty, web: ClientWeb, browser: Browser
) -> None:
    tokens = client.exchange(client.login(browser, scope="openid profile")["code"])
    later = make_provider(oauth__registration_scopes="openid")
    refreshed = RelyingParty(later, client.client, None).refresh(tokens["refresh_token"])
    assert refreshed["scope"] == "openid"


def test_a_client_that_names_no_scope_anywhere_gets_none_about_the_user(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = make_provider(**DECLARED)
    web = ClientWeb()
    web.stand_in(provider, monkeypatch)
    browser = provider.browser()
    for members, resource, given in (
        ({}, None, None),
        ({}, MCP, "notes:read"),
        ({"scope": "openid profile"}, None, "profile"),
    ):
        url = f"https://client.example/{given}.json"
        client = publish(web, provider, url, **members)
        answer = client.login(browser, scope=None, resource=resource)
        assert client.exchange(answer["code"]).get("scope") == given


# Documents that are fetched, and URLs that are not


@pytest.mark.parametrize(
    "url",
    [
        "https://client.example",
        "https://client.example/a/../client.json",
        "https://client.example/a/%2e%2e/client.json",
        "https://user@client.example/client.json",
        "https://client.example/client.json#a",
        "https://client.example/client\\.json",
        "https://client.example/cli ent.json",
        "https://client.example/\u00fc",
        "https://client.example/" + "x" * 300,
    ],
)
def test_a_malformed_url_is_rejected_without_a_packet(
    provider: Provider, web: ClientWeb, browser: Browser, url: str
) -> None:
    client = publish(web, provider, url)
    assert "The URL" in rejected(client, browser)
    assert web.fetched == []


def test_only_one_spelling_of_a_url_is_the_client(
    provider: Provider, web: ClientWeb, browser: Browser
) -> None:
    upper = "https://CLIENT.example/oauth/client.json"
    client = publish(web, provider)
    web.documents[upper] = web.documents[URL]
    assert "is not its URL" in rejected(client, browser, client_id=upper)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "https://client.example/other.json"},
        {"client_name": ...},
        {"redirect_uris": []},
        {"client_secret": "x" * 40},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"jwks": {"keys": [KEY.as_dict(private=True)]}},
        {"jwks_uri": "https://169.254.169.254/jwks"},
    ],
)
def test_a_document_that_is_not_accepted_ends_at_an_error_page(
    provider: Provider, web: ClientWeb, browser: Browser, changes: dict[str, Any]
) -> None:
    client = publish(web, provider, **changes)
    client.client_id = URL
    rejected(client, browser, redirect_uri=REDIRECT_URI)
    publish(web, provider)
    client.login(browser, redirect_uri=REDIRECT_URI)  # a mistake is not remembered


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (206, "application/json", None),
        (204, "application/json", b""),
        (404, "application/json", None),
        (500, "application/json", None),
        (200, "text/html", None),
        (200, "", None),
        (200, "application/json", b"<html>"),
        (200, "application/json", b"{" + b" " * 5119 + b"}"),
    ],
)
def test_an_answer_that_is_no_document_ends_at_an_error_page_and_is_not_kept(
    provider: Provider, web: ClientWeb, browser: Browser,
    status: int, content_type: str, body: bytes | None,
) -> None:  # fmt: skip
    client = publish(web, provider)
    web.statuses[URL] = status
    web.documents[URL] = content_type, web.documents[URL][1] if body is None else body
    rejected(client, browser)
    web.statuses.clear()
    publish(web, provider)
    client.login(browser)


def test_a_document_may_be_as_long_as_the_standard_recommends(
    provider: Provider, web: ClientWeb, browser: Browser
) -> None:
    client = publish(web, provider)
    content_type, body = web.documents[URL]
    web.documents[URL] = "application/oauth-client+json", body.ljust(5120)
    client.login(browser)
    assert content_type == "application/json"


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (301, {"Location": "/other.json"}),
        (304, {}),
        (200, {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        (200, {"Content-Type": "application/json", "Cache-Control": "max-age=1, max-age=2"}),
        (200, {"Content-Type": "text/html; charset=utf-8"}),
    ],
)
def test_what_a_host_may_send_instead(
    provider: Provider, status: int, headers: dict[str, str]
) -> None:
    """On this machine, as in development: redirects are not followed, nothing is decompressed."""
    host = ClientHost()
    try:
        url = f"{host.origin}/client.json"
        host.publish("/client.json", json.dumps(document(url)))
        host.publish("/other.json", json.dumps(document(url)))
        client = RelyingParty(provider, Client(client_id=url, client_metadata=document(url)), None)
        host.status, host.headers = status, headers
        rejected(client, provider.browser())
        assert set(host.requests) == {"/client.json"}
        host.status = 200
        host.headers = {"Content-Type": "application/json; charset=utf-8"}
        client.login(provider.browser())
    finally:
        host.close()


def test_an_internal_address_is_never_connected_to(make_provider: Any) -> None:
    provider = make_provider(oauth__outbound_allow_loopback="false")
    for url in ("https://127.0.0.1:8443/a", "https://[::ffff:10.0.0.1]/a", "https://localhost/a"):
        client = RelyingParty(provider, Client(client_id=url, client_metadata=document(url)), None)
        assert "not on the public internet" in rejected(client, provider.browser())


def test_only_documents_of_named_hosts_are_accepted(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, web = make_provider(oauth__client_document_hosts="client.example"), ClientWeb()
    web.stand_in(provider, monkeypatch)
    client = publish(web, provider)
    tokens = client.exchange(client.login(provider.browser())["code"])
    stranger = publish(web, provider, "https://stranger.example/client.json")
    assert "oauth.client_document_hosts" in rejected(stranger, provider.browser())
    assert web.fetched == [URL]
    narrowed = make_provider(oauth__client_document_hosts="other.example")
    again = RelyingParty(narrowed, client.client, None)
    assert again.refresh(tokens["refresh_token"], status=401)["error"] == "invalid_client"


def test_an_unknown_client_makes_no_other_endpoint_fetch(
    client: RelyingParty, web: ClientWeb, provider: Provider
) -> None:
    for path in ("/oauth/token", "/oauth/revoke", "/oauth/introspect"):
        form = {"grant_type": "authorization_code", "code": "ac_x", "token": "rt_x"}
        assert client.post(path, status=401, **form).json["error"] == "invalid_client"
        assertion = signer(provider).form()
        answer = client.post(path, status=401, client_id=None, **form, **assertion)
        assert answer.json["error"] == "invalid_client"
    browser = provider.browser()
    browser.sign_in()
    for path in ("/oauth/end_session", "/logout"):
        browser.get(path, {"client_id": URL}, status="*")
    assert web.fetched == []


def test_a_registered_client_is_never_fetched_changed_or_taken_over(
    provider: Provider, web: ClientWeb, browser: Browser
) -> None:
    registered = provider.register(client_id=URL, token_endpoint_auth_method="none")
    before = dict(registered.client.client_metadata)
    publish(web, provider, redirect_uris=["https://evil.example/cb"])
    assert "not one that the application registered" in rejected(
        registered, browser, redirect_uri="https://evil.example/cb"
    )
    tokens = registered.exchange(registered.login(browser)["code"])
    assert registered.refresh(tokens["refresh_token"])["access_token"]
    assert web.fetched == []
    with provider.database() as dbsession:
        row = dbsession.get_one(Client, URL)
        assert (row.client_metadata, row.document_expires_at) == (before, None)


# Limits


def test_one_host_cannot_have_documents_without_number(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    provider, web = make_provider(oauth__client_document_limit="5"), ClientWeb()
    web.stand_in(provider, monkeypatch)
    statuses = []
    for number in range(8):
        # However the host is written, it is one host.
        host = ("many.example", "MANY.example", "many.example:443", "Many.Example:0443")[number % 4]
        client = publish(web, provider, f"https://{host}/{number}")
        browser = provider.browser()
        browser.extra_environ["REMOTE_ADDR"] = f"192.0.2.{number}"
        statuses.append(client.authorize(browser).status_int)
    assert statuses == [200] * 5 + [429] * 3
    assert len(web.fetched) == 5
    other = publish(web, provider)
    elsewhere = provider.browser()
    elsewhere.extra_environ["REMOTE_ADDR"] = "198.51.100.1"
    other.login(elsewhere)
    clock.advance(60)
    assert client.authorize(browser).status_int == 200


def test_one_network_leaves_the_documents_of_a_host_to_others(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    provider, web = make_provider(oauth__client_document_limit="8"), ClientWeb()
    web.stand_in(provider, monkeypatch)
    clients = [publish(web, provider, f"https://many.example/{number}") for number in range(5)]
    statuses = [client.authorize(provider.browser()).status_int for client in clients[:4]]
    assert statuses == [200] * 2 + [429] * 2
    other = provider.browser()
    other.extra_environ["REMOTE_ADDR"] = "192.0.2.1"
    assert clients[4].authorize(other).status_int == 200
    clock.advance(60)
    assert clients[3].authorize(provider.browser()).status_int == 200


def test_one_network_cannot_name_hosts_without_number(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, web = make_provider(oauth__client_document_limit="5"), ClientWeb()
    web.stand_in(provider, monkeypatch)
    urls = [f"https://host{number}.example/a" for number in range(7)]
    clients = [publish(web, provider, url) for url in urls]
    statuses = [client.authorize(provider.browser()).status_int for client in clients]
    assert statuses == [200] * 5 + [429] * 2
    assert clients[0].authorize(provider.browser()).status_int == 200  # it is known


@pytest.mark.parametrize("mode", ["development", "production"])
def test_a_limit_names_the_host_the_setting_and_the_time(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    frozen: Any, mode: str,
) -> None:  # fmt: skip
    settings = {
        "oidcserver__mode": mode,
        "oidc__user_directory": "database",
        "oidc__issuer": "https://login.example.com",
        "oauth__client_document_limit": "4",
    }
    provider, web = make_provider(**settings), ClientWeb()
    web.stand_in(provider, monkeypatch)
    client = publish(web, provider, "https://many.example/1")
    client.authorize(provider.browser())
    frozen.advance(20)
    with caplog.at_level(logging.INFO, "oidcserver.rejections"):
        page = publish(web, provider, "https://many.example/2").authorize(provider.browser())
    assert (page.status_int, page.headers["Retry-After"]) == (429, "40")
    detail = (
        "many.example was not asked, because of oauth.client_document_limit. "
        "Try again in 40 seconds."
    )
    assert (detail in page.text) == (mode == "development")
    [line] = [json.loads(it.message.removeprefix("rejected ")) for it in caplog.records]
    assert detail in line["description"]
    assert line["received"] == {
        "setting": "oauth.client_document_limit",
        "host": "many.example",
        "retry_after": 40,
    }


def test_clients_that_nobody_uses_make_room(
    provider: Provider, web: ClientWeb, client: RelyingParty, browser: Browser,
    monkeypatch: pytest.MonkeyPatch, clock: Any,
) -> None:  # fmt: skip
    monkeypatch.setattr(client_document, "MAX_UNUSED", 3)
    client.login(browser)
    for number in range(5):
        clock.advance(1)
        publish(web, provider, f"https://many.example/{number}").authorize(provider.browser())
    with provider.database() as dbsession:
        kept = dbsession.scalars(select(Client.client_id).order_by(Client.client_id)).all()
    assert kept == [URL, *(f"https://many.example/{number}" for number in (2, 3, 4))]


def test_pruning_removes_a_client_that_nobody_allowed_anything(
    provider: Provider, web: ClientWeb, client: RelyingParty, browser: Browser, clock: Any
) -> None:
    client.login(browser)
    publish(web, provider, "https://other.example/a").authorize(provider.browser())
    database, settings = provider.registry.oidc.database, provider.registry.oidc.provider.settings

    def left() -> list[str]:
        prune(database.session, settings)
        with provider.database() as dbsession:
            return list(dbsession.scalars(select(Client.client_id)))

    assert set(left()) == {URL, "https://other.example/a"}
    clock.advance(DAY + 2 * 3600)
    assert left() == [URL]
    clock.advance(settings["oauth.registration_unused_lifetime"])
    assert left() == []


def test_many_users_at_once_make_one_client(
    provider: Provider, client: RelyingParty, web: ClientWeb
) -> None:
    def begin(_: int) -> int:
        status: int = (
            RelyingParty(provider, client.client, None).authorize(provider.browser()).status_int
        )
        return status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(begin, range(8)))
    assert set(statuses) <= {200, 503}
    assert 200 in statuses
    with provider.database() as dbsession:
        assert dbsession.scalars(select(Client.client_id)).all() == [URL]


# Authentication


def test_a_document_that_names_a_key_is_held_to_it_everywhere(
    provider: Provider, browser: Browser, web: ClientWeb
) -> None:
    client = publish(web, provider, token_endpoint_auth_method="private_key_jwt", jwks=KEYS)
    code = client.login(browser)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI,
            "code_verifier": client.verifier}  # fmt: skip
    public = client.token(**form, client_id=URL, status=401)
    assert public.json["error"] == "invalid_client"
    by_secret = client.token(**form, client_id=URL, client_secret="x" * 40, status=401)
    assert by_secret.json["error"] == "invalid_client"
    tokens = client.token(**form, **signer(provider).form()).json
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert client.token(**refresh, client_id=URL, status=401)
    assert client.post("/oauth/revoke", client_id=URL, token=tokens["refresh_token"], status=401)
    assert client.token(**refresh, **signer(provider).form()).json["access_token"]


def test_keys_may_be_published_too(provider: Provider, browser: Browser, web: ClientWeb) -> None:
    jwks_uri = "https://client.example/jwks.json"
    web.documents[jwks_uri] = "application/json", json.dumps(KEYS).encode()
    client = publish(web, provider, token_endpoint_auth_method="private_key_jwt", jwks_uri=jwks_uri)
    code = client.login(browser)["code"]
    answer = client.token(
        grant_type="authorization_code", code=code, redirect_uri=REDIRECT_URI,
        code_verifier=client.verifier, **signer(provider).form(),
    )  # fmt: skip
    assert answer.json["access_token"]
    assert web.fetched == [URL, jwks_uri]


def test_a_client_that_leaves_the_method_open_may_use_each_it_lists(
    provider: Provider, browser: Browser, web: ClientWeb
) -> None:
    client = publish(
        web, provider, token_endpoint_auth_method=...,
        token_endpoint_auth_methods_supported=["none", "private_key_jwt"], jwks=KEYS,
    )  # fmt: skip
    tokens = client.exchange(client.login(browser)["code"])
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    proven = client.token(**refresh, client_id=None, **signer(provider).form()).json
    stranger = Signer(URL, "ES256", ECKey.generate_key("P-256"), provider.issuer)
    refresh["refresh_token"] = proven["refresh_token"]
    wrong = client.token(**refresh, client_id=None, **stranger.form(), status=401)
    assert wrong.json["error"] == "invalid_client"
    assert client.token(**refresh).json["access_token"]


@pytest.mark.parametrize("grant_type", ["client_credentials", "password"])
def test_a_document_gives_no_grant_that_needs_trust(
    provider: Provider, browser: Browser, web: ClientWeb, grant_type: str
) -> None:
    grants = ["authorization_code", "client_credentials", "password"]
    client = publish(
        web, provider, grant_types=grants, token_endpoint_auth_method="private_key_jwt", jwks=KEYS
    )
    client.authorize(browser)
    answer = client.token(
        grant_type=grant_type, username="alice", password="valid",
        **signer(provider).form(), status=400,
    )  # fmt: skip
    assert answer.json["error"] == "unauthorized_client"


def test_a_public_client_has_to_use_pkce(client: RelyingParty, browser: Browser) -> None:
    answer = client.authorize(browser, code_challenge=None, code_challenge_method=None)
    assert "code_challenge" in answer.text


# Pages


def consent_page(client: RelyingParty, browser: Browser, **changes: Any) -> Any:
    form = client.authorize(browser, **changes).forms["login"]
    form["username"], form["password"] = "alice", "valid"
    return form.submit().maybe_follow()


def test_the_consent_page_shows_the_host_and_loads_nothing_from_it(
    provider: Provider, browser: Browser, web: ClientWeb
) -> None:
    client = publish(
        web, provider, client_name="<b>My Bank</b>",
        logo_uri="https://client.example/logo.png",
    )  # fmt: skip
    page = consent_page(client, browser)
    assert "as an application of client.example" in page.html.main.get_text()
    assert "&lt;b&gt;My Bank&lt;/b&gt;" in page.text
    assert "https://client.example/logo.png" not in page.text
    assert "img-src 'self';" in page.headers["Content-Security-Policy"]
    assert "Any program on this computer" not in page.text
    assert web.fetched == [URL], "the logo is fetched when a browser asks for it"
    account = provider.browser()
    client.login(account)
    assert "client.example" in account.get("/account").text


@pytest.mark.parametrize(
    ("members", "warned"),
    [
        ({"redirect_uris": ["http://localhost/cb", "http://127.0.0.1/cb", "http://[::1]/cb"]},
         True),
        ({"redirect_uris": ["http://localhost/cb", "https://client.example/cb"]}, False),
        ({"redirect_uris": ["http://localhost/cb"],
          "token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS}, False),
    ],
)  # fmt: skip
def test_it_warns_of_clients_that_any_program_can_pretend_to_be(
    provider: Provider, browser: Browser, web: ClientWeb, members: dict[str, Any], warned: bool
) -> None:
    client = publish(web, provider, **members)
    page = consent_page(client, browser, redirect_uri="http://localhost:8123/cb")
    assert ("Any program on this computer" in page.text) is warned
    remembered = "remember" in page.forms["consent"].fields
    assert remembered is ("jwks" in members), "a public client is asked about each time"


def test_errors_do_not_lead_to_a_client_that_nobody_knows(
    client: RelyingParty, browser: Browser
) -> None:
    page = client.authorize(browser, scope="nothing")
    assert page.status_int == 400
    assert "client.example" in page.text


def test_a_user_withdraws_the_access(
    client: RelyingParty, browser: Browser, provider: Provider
) -> None:
    tokens = client.exchange(client.login(browser)["code"])
    form = browser.get("/account/applications", {"client": URL}).forms["confirm"]
    response = form.submit("client", value=URL)
    assert response.status_int == 303
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"
    with provider.database() as dbsession:
        assert dbsession.scalars(select(Authorization.revoked_at)).one() is not None


def test_nobody_manages_a_client_that_publishes_itself(
    client: RelyingParty, browser: Browser, make_provider: Any
) -> None:
    client.login(browser)
    administrators = make_provider(oidc__administrators="alice")  # on the same database
    administrator = administrators.browser()
    administrator.sign_in()
    assert URL not in administrator.get("/clients").text


# Other endpoints at which a client may come for the first time


def test_its_first_request_may_be_pushed(
    make_provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider, web = make_provider(oauth__endpoints=ENDPOINTS), ClientWeb()
    web.stand_in(provider, monkeypatch)
    client = publish(web, provider)
    page = visit(client, provider.browser(), push(client))
    assert "code" in client.answer(client.complete(page))
    assert web.fetched == [URL]
