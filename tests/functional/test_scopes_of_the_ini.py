"""Scopes that the ini declares, and ID tokens with the claims of scopes, without any plugin."""

from typing import Any

import pytest
from support.app import Provider, RelyingParty, decode_id_token

from oidcserver.cli.configuration import explanation
from oidcserver.models.user import find_user
from oidcserver.settings import ConfigurationProblem

DECLARED = "groups: groups | See which groups you are in\nroles: roles"
CLAIMS = {"groups": ["admin", "dev"], "roles": ["owner"], "email": "alice@example.com"}
SCOPE = "openid email groups roles"


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(oidc__scope_claims=DECLARED)
    give_claims(provider)
    return provider


def give_claims(provider: Provider) -> None:
    """Let there be a user with groups and roles, as ``users set-claims`` leaves one."""
    provider.browser().sign_in()
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        user.claims = CLAIMS


def tokens_of(provider: Provider, **metadata: Any) -> tuple[RelyingParty, dict[str, Any]]:
    client = provider.register(scope=f"{SCOPE} offline_access", **metadata)
    answer = client.login(provider.browser(), scope=f"{SCOPE} offline_access")
    return client, client.exchange(answer["code"])


def test_a_declared_scope_returns_the_claims_of_users(provider: Provider) -> None:
    client, tokens = tokens_of(provider)
    userinfo = client.userinfo(tokens["access_token"]).json
    assert (userinfo["groups"], userinfo["roles"]) == (["admin", "dev"], ["owner"])


def test_it_is_promised_explained_and_put_in_words(provider: Provider) -> None:
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert {"groups", "roles"} <= set(document["scopes_supported"])
    assert {"groups", "roles"} <= set(document["claims_supported"])
    scopes = explanation(provider.registry)["scopes"]
    assert scopes["groups"] == {
        "selected": True,
        "offered_at": "oidc.scope_claims:1",
        "claims": ["groups"],
    }
    client, browser = provider.register(scope=SCOPE), provider.browser()
    browser.sign_in()
    page = client.authorize(browser, scope=SCOPE)
    assert "See which groups you are in" in page
    assert "See your roles" in page
    assert "See which groups you are in (groups)" in browser.get("/create_client")


def test_a_standard_scope_can_return_more(make_provider: Any) -> None:
    provider = make_provider(oidc__scope_claims="profile: groups")
    give_claims(provider)
    scope = provider.registry.oidc.provider.scopes["profile"]
    assert scope.description == "See your name, picture and other profile details"
    assert {"name", "groups"} <= set(scope.claims)
    client = provider.register()
    tokens = client.exchange(client.login(provider.browser())["code"])
    userinfo = client.userinfo(tokens["access_token"]).json
    assert (userinfo["name"], userinfo["groups"]) == ("alice", ["admin", "dev"])


def test_a_scope_may_have_no_claim_and_a_colon_in_its_name(make_provider: Any) -> None:
    provider = make_provider(oidc__scope_claims="orders:read: | See your orders")
    assert provider.registry.oidc.provider.scopes["orders:read"].description == "See your orders"
    client = provider.register(scope="orders:read")
    answer = client.login(provider.browser(), scope="orders:read")
    assert client.exchange(answer["code"])["scope"] == "orders:read"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"oidc__scope_claims": "groups"}, "it takes lines such as"),
        ({"oidc__scope_claims": "groups:groups"}, "it takes lines such as"),
        ({"oidc__scope_claims": "a b: groups"}, "it takes lines such as"),
        ({"oidc__scope_claims": 'groups: "groups"'}, "it takes lines such as"),
        ({"oidc__scope_claims": "groups: |"}, "it takes lines such as"),
        ({"oidc__scope_claims": "who: sub"}, "offers sub, which only the provider may set"),
        ({"oidc__scope_claims": "a: b\na: c"}, "is offered twice: at oidc.scope_claims:1 and"),
        (
            {"oidc__scope_claims": "groups: groups", "oauth__scopes": "openid"},
            "oidc.scope_claims declares groups, which oauth.scopes does not select.",
        ),
    ],
)
def test_a_line_that_cannot_be_served_stops_the_start(
    make_provider: Any, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        make_provider(**settings)
    assert sentence in str(problem.value)


# -- ID tokens --------------------------------------------------------------------------------


def claims_of(provider: Provider, id_token: str) -> set[str]:
    """Return which of the user's claims an ID token has."""
    return set(decode_id_token(provider, id_token)).intersection(CLAIMS)


def test_by_default_id_tokens_say_what_is_requested_of_them(provider: Provider) -> None:
    _, tokens = tokens_of(provider)
    assert claims_of(provider, tokens["id_token"]) == set()
    own, theirs = tokens_of(provider, id_token_claims="scopes")
    assert claims_of(provider, theirs["id_token"]) == set(CLAIMS)
    again = own.refresh(theirs["refresh_token"])
    assert claims_of(provider, again["id_token"]) == set(CLAIMS)


def test_the_ini_gives_every_client_the_claims_of_scopes(make_provider: Any) -> None:
    provider = make_provider(oidc__scope_claims=DECLARED, oidc__id_token_claims="scopes")
    give_claims(provider)
    _, tokens = tokens_of(provider)
    assert claims_of(provider, tokens["id_token"]) == set(CLAIMS)
    _, tokens = tokens_of(provider, id_token_claims="requested")
    assert claims_of(provider, tokens["id_token"]) == set()


def test_an_id_token_says_no_more_than_the_tokens_beside_it(make_provider: Any) -> None:
    provider = make_provider(oidc__scope_claims=DECLARED, oidc__id_token_claims="scopes")
    give_claims(provider)
    client = provider.register(scope=f"{SCOPE} offline_access")
    answer = client.login(provider.browser(), scope=f"{SCOPE} offline_access")
    tokens = client.exchange(answer["code"])
    narrowed = client.refresh(tokens["refresh_token"], scope="openid groups")
    assert claims_of(provider, narrowed["id_token"]) == {"groups"}


def test_an_id_token_in_a_url_has_no_claims_of_scopes_beside_a_code(make_provider: Any) -> None:
    provider = make_provider(oidc__scope_claims=DECLARED, oidc__id_token_claims="scopes")
    give_claims(provider)
    client = provider.register(
        scope=SCOPE,
        grant_types=["authorization_code", "implicit"],
        response_types=["code id_token"],
    )
    answer = client.login(provider.browser(), scope=SCOPE, response_type="code id_token")
    assert claims_of(provider, answer["id_token"]) == set()
    tokens = client.exchange(answer["code"])
    assert claims_of(provider, tokens["id_token"]) == set(CLAIMS)


def test_the_page_of_a_client_shows_what_its_id_tokens_say(provider: Provider) -> None:
    browser = provider.browser()
    browser.sign_in()
    for claims, count in (("requested", 1), ("scopes", 2)):
        client = provider.register(scope=SCOPE, id_token_claims=claims)
        with provider.database() as dbsession:
            user = find_user(dbsession, "alice")
            assert user is not None
            dbsession.merge(client.client).owner_id = user.id
        page = browser.get(f"/clients/{client.client_id}")
        assert page.text.count("&#34;groups&#34;: [") == count


def test_a_client_may_register_what_its_id_tokens_say(make_provider: Any) -> None:
    provider = make_provider(
        oauth__endpoints="authorization token registration", oauth__registration="open"
    )
    metadata = {"redirect_uris": ["https://client.example/cb"], "id_token_claims": "scopes"}
    app = provider.browser()
    registered = app.post_json("/oauth/register", metadata, status=201).json
    assert registered["id_token_claims"] == "scopes"
    app.post_json("/oauth/register", {**metadata, "id_token_claims": "all"}, status=400)
