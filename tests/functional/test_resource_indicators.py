"""Resource indicators (RFC 8707): tokens for one resource, which all others reject."""

import json
import logging
from typing import Any

import pytest
from sqlalchemy import select
from support.app import ISSUER, Browser, Provider, RelyingParty, decode_id_token, follow_to_answer

from oidcserver.cli.client_explanation import client_explanation
from oidcserver.cli.configuration import explanation
from oidcserver.models import Authorization
from oidcserver.oauth.tokens import read_access_token
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

ORDERS = "https://api.example.com/orders"
STOCK = "https://stock.example.com"
BILLS = "https://api.example.com/bills"
RESOURCES = f"""
{ORDERS}: orders:read orders:write profile | Orders & more
{STOCK}: stock:read
{BILLS}: bills:read | Bills | format=jwt lifetime=2m
"""
SCOPES = """
orders:read: | See your orders
orders:write: | Change your orders
stock:read: | See what is in stock
bills:read: | See your bills
"""
DECLARED = {"oauth__resources": RESOURCES, "oidc__scope_claims": SCOPES}
SCOPE = "openid profile orders:read orders:write stock:read bills:read"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(**DECLARED)
    return provider


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(scope=f"{SCOPE} offline_access")


def tokens_for(client: RelyingParty, *resources: str, **exchange: Any) -> dict[str, Any]:
    """Return the tokens of a user for resources; without any, for the provider itself."""
    answer = client.login(
        client.provider.browser(), scope=f"{SCOPE} offline_access", resource=list(resources)
    )
    return client.exchange(answer["code"], **exchange)


def audience(client: RelyingParty, tokens: dict[str, Any]) -> Any:
    return client.introspect(tokens["access_token"])["aud"]


# -- the authorization request


@pytest.mark.parametrize(
    "asked",
    [ORDERS, "https://API.example.com/orders", "HTTPS://api.Example.com:443/orders"],
)
def test_a_token_is_for_the_resource_as_it_is_declared(client: RelyingParty, asked: str) -> None:
    tokens = tokens_for(client, asked, asked)
    assert audience(client, tokens) == ORDERS
    assert tokens["scope"].split() == [
        "openid", "profile", "orders:read", "orders:write", "offline_access",
    ]  # fmt: skip
    id_token = decode_id_token(client.provider, tokens["id_token"])
    assert id_token["aud"] == client.client_id


@pytest.mark.parametrize(
    "asked",
    [
        "https://api.example.com/ORDERS",
        "https://api.example.com/orders/",
        "https://api.example.com:8443/orders",
        "http://api.example.com/orders",
        "https://api.example.com/orders?x=1",
        "https://api.example.com/orders#part",
        "https://user@api.example.com/orders",
        "https://api.example.com",
        "/orders",
        "//api.example.com/orders",
        "orders",
        "https:",
        "https://[::1/orders",
        "https://api.example.com:99999/orders",
        "urn:example:orders",
        "\u00e9",
        "x" * 4000,
    ],
)
def test_every_other_uri_is_an_invalid_target(client: RelyingParty, asked: str) -> None:
    browser = client.provider.browser()
    answer = client.answer(client.authorize(browser, resource=[ORDERS, asked]))
    assert answer["error"] == "invalid_target"
    assert (answer["state"], answer["iss"]) == ("the-state", ISSUER)


def test_the_empty_path_of_a_host_is_its_root(client: RelyingParty) -> None:
    assert audience(client, tokens_for(client, f"{STOCK}/")) == STOCK


def test_scopes_of_other_resources_are_not_granted(client: RelyingParty) -> None:
    browser = client.provider.browser()
    browser.sign_in()
    page = client.authorize(browser, scope="openid orders:read bills:read", resource=STOCK)
    assert "See your orders" not in page
    tokens = client.exchange(client.answer(client.complete(page))["code"])
    assert tokens["scope"] == "openid"
    answer = client.answer(client.authorize(browser, scope="orders:read", resource=STOCK))
    assert answer["error"] == "invalid_scope"
    answer = client.answer(client.authorize(browser, scope="orders:read"))
    assert answer["error"] == "invalid_scope"


def test_a_request_without_a_scope_is_for_those_of_the_resource(client: RelyingParty) -> None:
    answer = client.login(client.provider.browser(), scope=None, resource=STOCK)
    assert client.exchange(answer["code"])["scope"] == "profile stock:read"


def test_without_a_resource_a_token_is_for_the_provider(client: RelyingParty) -> None:
    tokens = tokens_for(client)
    assert audience(client, tokens) == ISSUER
    assert tokens["scope"] == "openid profile offline_access"
    client.userinfo(tokens["access_token"])


def test_a_token_in_the_authorization_response_is_for_the_resource(provider: Provider) -> None:
    client = provider.register(
        scope=SCOPE,
        response_types=["code id_token token"],
        grant_types=["authorization_code", "implicit"],
    )
    answer = client.login(
        provider.browser(), scope=SCOPE, response_type="code id_token token", resource=ORDERS
    )
    assert audience(client, answer) == ORDERS
    assert answer["scope"] == "openid profile orders:read orders:write"


# -- the token request


def test_a_code_is_redeemed_for_some_of_the_resources(client: RelyingParty) -> None:
    tokens = tokens_for(client, ORDERS, STOCK, resource=STOCK)
    assert audience(client, tokens) == STOCK
    assert tokens["scope"] == "openid profile stock:read offline_access"
    refreshed = client.refresh(tokens["refresh_token"])
    assert audience(client, refreshed) == [ORDERS, STOCK]
    assert "orders:read" in refreshed["scope"].split()


def test_a_resource_that_was_not_authorized_costs_nothing(client: RelyingParty) -> None:
    browser = client.provider.browser()
    for authorized in ([ORDERS], []):
        code = client.login(browser, scope=SCOPE, resource=authorized)["code"]
        for asked in (STOCK, "https://unknown.example", "#", [ORDERS, STOCK]):
            rejected = client.exchange(code, resource=asked, status=400)
            assert rejected["error"] == "invalid_target"
        assert "access_token" in client.exchange(code)


def test_a_refresh_narrows_one_token_and_not_the_grant(client: RelyingParty) -> None:
    tokens = tokens_for(client, ORDERS, STOCK)
    assert audience(client, tokens) == [ORDERS, STOCK]
    narrow = client.refresh(tokens["refresh_token"], resource=ORDERS)
    assert audience(client, narrow) == ORDERS
    assert "stock:read" not in narrow["scope"].split()
    rejected = client.refresh(narrow["refresh_token"], resource=BILLS, status=400)
    assert rejected["error"] == "invalid_target"
    wide = client.refresh(narrow["refresh_token"])
    assert audience(client, wide) == [ORDERS, STOCK]


def test_a_retry_for_another_resource_does_not_get_the_successor(client: RelyingParty) -> None:
    tokens = tokens_for(client, ORDERS, STOCK)
    first = client.refresh(tokens["refresh_token"], resource=ORDERS)
    for other in (STOCK, None):
        rejected = client.refresh(tokens["refresh_token"], resource=other, status=400)
        assert rejected["error"] == "invalid_grant"
    again = client.refresh(tokens["refresh_token"], resource=ORDERS)
    assert again["refresh_token"] == first["refresh_token"]


def test_a_resource_has_its_own_format_and_lifetime(client: RelyingParty) -> None:
    tokens = tokens_for(client, ORDERS, BILLS, resource=BILLS)
    assert tokens["expires_in"] == 120
    header, claims, _ = tokens["access_token"].split(".")
    assert header
    assert claims
    told = client.introspect(tokens["access_token"])
    assert told["aud"] == BILLS
    sealed = client.refresh(tokens["refresh_token"], resource=ORDERS)
    assert sealed["access_token"].startswith("at_")
    assert sealed["expires_in"] == 600


def test_resources_of_different_formats_get_no_common_token(client: RelyingParty) -> None:
    code = client.login(client.provider.browser(), scope=SCOPE, resource=[ORDERS, BILLS])["code"]
    rejected = client.exchange(code, status=400)
    assert rejected["error"] == "invalid_target"
    assert "different formats" in rejected["error_description"]
    assert audience(client, client.exchange(code, resource=BILLS)) == BILLS


def test_the_scopes_of_a_refresh_have_to_be_of_its_resource(client: RelyingParty) -> None:
    tokens = tokens_for(client, ORDERS, STOCK)
    options = {"resource": STOCK, "scope": "orders:read"}
    rejected = client.refresh(tokens["refresh_token"], **options, status=400)
    assert rejected["error"] == "invalid_scope"
    options = {"resource": STOCK, "scope": "orders:read stock:read"}
    assert client.refresh(tokens["refresh_token"], **options)["scope"] == "stock:read"


def test_a_client_without_a_user_names_its_resource(provider: Provider) -> None:
    robot = provider.register(
        grant_types=["client_credentials"], redirect_uris=[], scope="orders:read stock:read"
    )
    form = {"grant_type": "client_credentials"}
    tokens = robot.token(**form, resource=ORDERS).json
    assert (audience(robot, tokens), tokens["scope"]) == (ORDERS, "orders:read")
    tokens = robot.token(**form, resource=[ORDERS, STOCK]).json
    assert audience(robot, tokens) == [ORDERS, STOCK]
    assert tokens["scope"] == "orders:read stock:read"
    tokens = robot.token(**form).json
    assert audience(robot, tokens) == ISSUER
    assert "scope" not in tokens
    rejected = robot.token(**form, scope="orders:read", status=400).json
    assert rejected["error"] == "invalid_scope"
    for asked in ("https://unknown.example", f"{ORDERS}/"):
        assert robot.token(**form, resource=asked, status=400).json["error"] == "invalid_target"


def test_the_grant_of_a_password_keeps_its_resource(provider: Provider) -> None:
    client = provider.register(grant_types=["password", "refresh_token"], scope=SCOPE)
    form = {"grant_type": "password", "username": "alice", "password": "valid"}
    tokens = client.token(**form, scope="orders:read", resource=ORDERS).json
    assert audience(client, tokens) == ORDERS
    assert audience(client, client.refresh(tokens["refresh_token"])) == ORDERS
    rejected = client.refresh(tokens["refresh_token"], resource=STOCK, status=400)
    assert rejected["error"] == "invalid_target"


def test_a_resource_may_be_for_some_clients_only(make_provider: Any) -> None:
    other = make_provider().register(scope="openid")
    line = f"{ORDERS}: | Orders | clients={other.client_id},another"
    provider: Provider = make_provider(oauth__resources=line)
    client = provider.register(scope="openid")
    answer = client.answer(client.authorize(provider.browser(), scope="openid", resource=ORDERS))
    assert answer["error"] == "invalid_target"
    other.provider = provider
    page = other.authorize(provider.browser(), scope="openid", resource=ORDERS)
    assert "login" in page.forms


def test_a_resource_that_is_not_declared_any_more_gets_no_token(
    make_provider: Any, client: RelyingParty
) -> None:
    tokens = tokens_for(client, ORDERS, STOCK)
    less = "\n".join(line for line in RESOURCES.splitlines() if ORDERS not in line)
    shrunk: Provider = make_provider(**{**DECLARED, "oauth__resources": less})
    later = RelyingParty(shrunk, client.client, client.secret)
    assert later.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_target"
    narrow = later.refresh(tokens["refresh_token"], resource=STOCK)
    assert audience(later, narrow) == STOCK


def test_the_authorization_lives_as_long_as_its_longest_token(make_provider: Any) -> None:
    provider: Provider = make_provider(oauth__resources=f"{ORDERS} | Orders | lifetime=3h")
    client = provider.register(grant_types=["authorization_code"])
    answer = client.login(provider.browser(), resource=ORDERS)
    token = read_access_token(
        provider.registry.oidc.provider, client.exchange(answer["code"])["access_token"]
    )
    assert token is not None
    with provider.database() as dbsession:
        row = dbsession.scalars(select(Authorization)).one()
        assert row.expires_at >= token.expires_at
        assert row.resources == [ORDERS]


# -- the use of a token


def test_a_token_for_a_resource_is_not_one_for_userinfo(client: RelyingParty) -> None:
    tokens = tokens_for(client, ORDERS)
    rejected = client.userinfo(tokens["access_token"], status=401)
    assert rejected.json["error"] == "invalid_token"
    assert 'error="invalid_token"' in rejected.headers["WWW-Authenticate"]
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    client.http.get("/api/me", headers=headers, status=401)


def test_a_client_that_names_the_provider_too_may_ask_userinfo(client: RelyingParty) -> None:
    tokens = tokens_for(client, ORDERS, ISSUER)
    assert audience(client, tokens) == [ORDERS, ISSUER]
    client.userinfo(tokens["access_token"])
    narrow = client.refresh(tokens["refresh_token"], resource=f"{ISSUER}/")
    assert audience(client, narrow) == ISSUER
    client.userinfo(narrow["access_token"])


def test_a_resource_server_learns_of_the_tokens_for_its_resource(make_provider: Any) -> None:
    before: Provider = make_provider()
    server = before.register(grant_types=["client_credentials"], redirect_uris=[], scope="")
    lines = f"{ORDERS}: orders:read | Orders | server={server.client_id}\n{STOCK}: stock:read"
    provider: Provider = make_provider(**{**DECLARED, "oauth__resources": lines})
    client = provider.register(scope=SCOPE)
    browser = provider.browser()
    server.http.app = provider.wsgi
    told = {}
    for asked in ([ORDERS], [STOCK], [ORDERS, STOCK], []):
        code = client.login(browser, scope=SCOPE, resource=asked)["code"]
        told[tuple(asked)] = server.introspect(client.exchange(code)["access_token"])
    assert told[ORDERS,]["active"]
    assert told[ORDERS,]["username"] == "alice"
    assert told[ORDERS,]["auth_time"]
    assert told[ORDERS,]["acr"] == "1"
    assert told[STOCK,] == {"active": False}
    assert told[()] == {"active": False}
    assert told[ORDERS, STOCK]["aud"] == [ORDERS, STOCK]


# -- consent


def test_the_page_names_the_resources(client: RelyingParty) -> None:
    browser = client.provider.browser()
    browser.sign_in()
    page = client.authorize(browser, resource=[ORDERS, STOCK, ISSUER])
    assert "Orders &amp; more" in page
    assert "Orders & more (api.example.com)" in page.html.main.get_text()
    assert "stock.example.com" in page.html.main.get_text()
    assert "The access is for" not in client.authorize(browser)
    assert "The access is for" not in client.authorize(browser, resource=ISSUER)


def allow_for_good(page: Any) -> None:
    form = page.forms["consent"]
    form["remember"] = True
    follow_to_answer(form.submit("decision", value="allow"))


def asks(client: RelyingParty, browser: Browser, scope: str, *resources: str) -> bool:
    """Whether the client gets an answer only after a question."""
    page = client.authorize(browser, scope=scope, resource=list(resources), prompt="none")
    return client.answer(page).get("error") == "consent_required"


def test_a_remembered_consent_is_not_one_for_another_resource(client: RelyingParty) -> None:
    browser = client.provider.browser()
    browser.sign_in()
    allow_for_good(client.authorize(browser, scope="openid profile", resource=ORDERS))
    assert not asks(client, browser, "openid profile", ORDERS)
    assert not asks(client, browser, "openid", ORDERS)
    assert asks(client, browser, "openid profile", STOCK)
    assert asks(client, browser, "openid profile", ORDERS, STOCK)
    assert asks(client, browser, "openid profile orders:read", ORDERS)
    assert asks(client, browser, "openid profile")


def test_a_consent_is_remembered_for_each_resource(client: RelyingParty) -> None:
    browser = client.provider.browser()
    browser.sign_in()
    allow_for_good(client.authorize(browser, scope="openid profile"))
    assert asks(client, browser, "openid", ORDERS)
    allow_for_good(client.authorize(browser, scope="openid", resource=ORDERS))
    allow_for_good(client.authorize(browser, scope="openid profile", resource=STOCK))
    assert not asks(client, browser, "openid", ORDERS, STOCK)
    assert asks(client, browser, "openid profile", ORDERS, STOCK)
    assert not asks(client, browser, "openid profile")
    form = client.authorize(browser, scope="openid", resource=ORDERS, prompt="consent")
    form = form.forms["consent"]
    form["remember"] = False
    follow_to_answer(form.submit("decision", value="allow"))
    for resources in ([ORDERS], [STOCK], []):
        assert asks(client, browser, "openid", *resources)


def test_a_resource_without_a_scope_is_asked_about(client: RelyingParty) -> None:
    client = client.provider.register(scope="")
    browser = client.provider.browser()
    browser.sign_in()
    allow_for_good(client.authorize(browser, scope=None, nonce=None, resource=ORDERS))
    page = client.authorize(browser, scope=None, resource=STOCK, prompt="none")
    assert client.answer(page)["error"] == "consent_required"
    page = client.authorize(browser, scope=None, resource=ORDERS, prompt="none")
    assert "code" in client.answer(page)


# -- declarations


def test_where_nothing_is_declared_the_parameter_is_not_known(make_provider: Any) -> None:
    provider: Provider = make_provider()
    client = provider.register()
    answer = client.login(provider.browser(), resource=ORDERS)
    tokens = client.exchange(answer["code"], resource=STOCK)
    assert audience(client, tokens) == ISSUER
    names = {step.name for flow in provider.registry.oidc.provider.flows.values() for step in flow}
    assert not {"read_resources", "narrow_audience"} & names


def test_an_authorization_for_resources_that_are_not_declared_any_more_gives_no_token(
    make_provider: Any, client: RelyingParty
) -> None:
    tokens = tokens_for(client, ORDERS)
    later = make_provider(**{**DECLARED, "oauth__resources": ""})
    there = RelyingParty(later, client.client, client.secret)
    for resource in (None, ORDERS, ISSUER):
        refused = there.refresh(tokens["refresh_token"], status=400, resource=resource)
        assert refused["error"] == "invalid_target"
    assert client.refresh(tokens["refresh_token"])


def test_resources_are_explained(provider: Provider, client: RelyingParty) -> None:
    explained = explanation(provider.registry)
    assert explained["resources"][ORDERS] == {"selected": True, "offered_at": "oauth.resources:1"}
    json.dumps(explained)
    with provider.database() as dbsession:
        explained = client_explanation(provider.registry.oidc.provider, dbsession, client.client_id)
    scopes = explained["scopes that it may request"]
    assert scopes["orders:read"] == f"granted for {ORDERS}"
    assert scopes["profile"] == "granted"


def test_a_plugin_declares_a_resource(
    make_provider: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "parcels_plugin.py").write_text(
        "def includeme(config):\n"
        "    config.add_scope('parcels', 'See your parcels')\n"
        f"    config.add_oauth_resource({ORDERS!r}, scopes=['parcels'], name='Parcels',\n"
        "        access_token_format='jwt', access_token_lifetime=60)\n"
    )
    provider: Provider = make_provider(oidcserver__includes="parcels_plugin")
    client = provider.register(scope="parcels")
    page = client.authorize(provider.browser(), scope="parcels", resource=ORDERS)
    page.forms["login"]["username"], page.forms["login"]["password"] = "alice", "valid"
    page = follow_to_answer(page.forms["login"].submit())
    assert "<bdi>Parcels</bdi>" in page
    assert client.exchange(client.answer(client.complete(page))["code"])["expires_in"] == 60


def test_the_start_says_which_clients_of_resources_do_not_exist(
    make_provider: Any, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.register(client_id="orders-api")
    lines = (
        f"{ORDERS} | Orders | server=orders-api clients=nobody,https://published.example/client\n"
        f"{STOCK} | Stock | server=nope"
    )
    with caplog.at_level(logging.WARNING, "oidcserver.start"):
        make_provider(oauth__resources=lines)
    assert caplog.messages == ["oauth.resources names clients that do not exist: nobody, nope."]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"oauth__resources": "orders"}, "it takes lines such as `https://api.example.com/orders"),
        ({"oauth__resources": f"{ORDERS}#x"}, "it takes lines such as"),
        ({"oauth__resources": f"{ORDERS} orders:read"}, "it takes lines such as"),
        ({"oauth__resources": f"{ORDERS} | Orders | lifetime=soon"}, "it takes lines such as"),
        ({"oauth__resources": f"{ORDERS} | Orders | format"}, "it takes lines such as"),
        ({"oauth__resources": f"{ORDERS} | Orders | size=1"}, "it takes lines such as"),
        ({"oauth__resources": f"{ORDERS} | Orders | format=xml"}, "has the format 'xml'"),
        ({"oauth__resources": f"{ORDERS}: profle"}, "Did you mean 'profile'?"),
        ({"oauth__resources": f"{ORDERS}: openid"}, "has the scope openid, which is about"),
        ({"oauth__resources": f"{ORDERS}: offline_access"}, "offline_access, which is about"),
        (
            {"oauth__resources": f"{ORDERS}\nhttps://API.example.com:443/orders"},
            "is offered twice: at oauth.resources:1 and at oauth.resources:2",
        ),
        (
            {"oauth__resources": f"{ORDERS} | Orders | lifetime=7d"},
            f"seconds is shorter than the access_token_lifetime of {ORDERS} = ",
        ),
    ],
)
def test_a_mistake_stops_the_start(
    make_provider: Any, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        make_provider(**settings)
    assert sentence in str(problem.value)
