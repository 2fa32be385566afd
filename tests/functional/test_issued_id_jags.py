"""ID tokens exchanged for assertions for another authorization server (ID-JAG), and both sides."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt as jose
from joserfc.jwk import KeySet
from support.app import Provider, RelyingParty

from oidcserver import clock as oidcserver_clock
from oidcserver.clients.registration import register_client
from oidcserver.interfaces import AssertionPermission
from oidcserver.keys import jwt
from oidcserver.models import User
from oidcserver.models.authorization import revoke_authorizations_of_user
from oidcserver.models.user import find_user
from oidcserver.oauth.events import OAuthEvent
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TYPE = "urn:ietf:params:oauth:token-type:"
OTHER, THIRD = "https://login.wiki.example", "https://login.chat.example"
WIKI, PAGES = "https://mcp.wiki.example/mcp", "https://mcp.wiki.example/pages"
SETTINGS = {
    "oauth__grants": "authorization_code refresh_token client_credentials token_exchange",
    "oauth__token_exchange_rules": f"""
        agent {OTHER} id-jag agent-there scopes=pages:read,pages:write resources={WIKI},{PAGES}
        agent {THIRD} id-jag https://agent.example/client.json
        agent https://orders.example/api delegation
    """,
}


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(**SETTINGS)
    return made


@pytest.fixture
def agent(provider: Provider) -> RelyingParty:
    """The application that works for its users at another provider's resources."""
    return register(provider, "agent")


def register(provider: Provider, client_id: str, **metadata: Any) -> RelyingParty:
    values = {
        "redirect_uris": [f"https://{client_id}.example/cb"],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials", EXCHANGE],
        "scope": "openid profile offline_access",
        **metadata,
    }
    with provider.database() as dbsession:
        client, secret = register_client(
            provider.registry.oidc.provider, dbsession, values, client_id=client_id
        )
        dbsession.expunge(client)
    return RelyingParty(provider, client, secret)


def tokens_of(client: RelyingParty, **changes: Any) -> dict[str, Any]:
    """Return the tokens of a user who signed in to a client."""
    return client.exchange(client.login(client.provider.browser(), **changes)["code"])


def ask(client: RelyingParty, id_token: Any, status: int = 200, **form: Any) -> dict[str, Any]:
    """Ask for an ID-JAG; None takes a parameter out."""
    values = {
        "grant_type": EXCHANGE,
        "requested_token_type": f"{TYPE}id-jag",
        "subject_token": id_token,
        "subject_token_type": f"{TYPE}id_token",
        "audience": OTHER,
        **form,
    }
    answer: dict[str, Any] = client.token(status=status, **values).json
    return answer


def read(provider: Provider, assertion: str) -> dict[str, Any]:
    """Verify an ID-JAG with the published keys, as the other server would; return its claims."""
    keys = KeySet.import_key_set(provider.browser().get("/oauth/jwks.json").json)
    decoded = jose.decode(assertion, keys, algorithms=["RS256"])
    assert decoded.header["typ"] == "oauth-id-jag+jwt"
    claims: dict[str, Any] = decoded.claims
    return claims


# -- what is issued ----------------------------------------------------------------------------


def test_an_id_token_is_exchanged_for_an_assertion(provider: Provider, agent: RelyingParty) -> None:
    tokens = tokens_of(agent)
    answer = ask(agent, tokens["id_token"], scope="pages:read", resource=WIKI)
    assert answer.keys() == {
        "access_token", "issued_token_type", "token_type", "expires_in", "scope"
    }  # fmt: skip
    assert (answer["issued_token_type"], answer["token_type"]) == (f"{TYPE}id-jag", "N_A")
    assert (answer["scope"], answer["expires_in"]) == ("pages:read", 300)
    said = read(provider, answer["access_token"])
    known = jwt.read_unverified(tokens["id_token"], jwt.CLAIMS)
    assert said == {
        "iss": provider.issuer,
        "sub": known["sub"],
        "aud": OTHER,
        "client_id": "agent-there",
        "scope": "pages:read",
        "resource": WIKI,
        "auth_time": known["auth_time"],
        "acr": known["acr"],
        "amr": known["amr"],
        "jti": said["jti"],
        "iat": said["iat"],
        "exp": said["iat"] + 300,
    }


def test_every_assertion_is_another(provider: Provider, agent: RelyingParty) -> None:
    id_token = tokens_of(agent)["id_token"]
    first, second = (read(provider, ask(agent, id_token)["access_token"]) for _ in range(2))
    assert first["jti"] != second["jti"]


def test_the_assertion_is_no_token_here(provider: Provider, agent: RelyingParty) -> None:
    assertion = ask(agent, tokens_of(agent)["id_token"])["access_token"]
    assert not agent.introspect(assertion)["active"]
    agent.userinfo(assertion, status=401)
    assert ask(agent, assertion, 400)["error"] == "invalid_request"


def test_it_does_not_outlive_the_id_token(agent: RelyingParty, clock: Any) -> None:
    id_token = tokens_of(agent)["id_token"]
    clock.advance(500)
    assert ask(agent, id_token)["expires_in"] <= 100


def test_it_is_audited(provider: Provider, agent: RelyingParty) -> None:
    events: list[OAuthEvent] = []
    provider.registry.registerHandler(events.append, (OAuthEvent,))
    ask(agent, tokens_of(agent)["id_token"])
    (details,) = [event.details for event in events if event.name == "token_exchanged"]
    assert (details["client_id"], details["audience"]) == ("agent", [OTHER])
    assert details["issued_token_type"] == f"{TYPE}id-jag"


# -- the policy --------------------------------------------------------------------------------


def test_without_limits_the_other_server_decides(provider: Provider, agent: RelyingParty) -> None:
    id_token = tokens_of(agent)["id_token"]
    answer = ask(
        agent, id_token, audience=THIRD, scope="openid chat", resource="https://a.example/"
    )
    assert answer["scope"] == "chat"
    said = read(provider, answer["access_token"])
    assert (said["aud"], said["client_id"]) == (THIRD, "https://agent.example/client.json")
    assert (said["scope"], said["resource"]) == ("chat", "https://a.example/")
    bare = ask(agent, id_token, audience=THIRD)
    assert "scope" not in bare
    assert read(provider, bare["access_token"]).keys().isdisjoint({"scope", "resource"})


def test_without_a_request_all_that_the_policy_names_is_given(
    provider: Provider, agent: RelyingParty
) -> None:
    answer = ask(agent, tokens_of(agent)["id_token"])
    assert answer["scope"] == "pages:read pages:write"
    assert read(provider, answer["access_token"])["resource"] == [WIKI, PAGES]


def test_the_scope_is_narrowed_to_that_of_the_policy(agent: RelyingParty) -> None:
    id_token = tokens_of(agent)["id_token"]
    assert ask(agent, id_token, scope="pages:delete pages:read")["scope"] == "pages:read"
    for scope in ("pages:delete", "openid"):
        assert ask(agent, id_token, 400, scope=scope)["error"] == "invalid_scope"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"audience": "https://login.elsewhere.example"}, "invalid_target"),
        ({"audience": f"{OTHER}/"}, "invalid_target"),
        ({"audience": "https://LOGIN.wiki.example"}, "invalid_target"),
        ({"audience": "https://orders.example/api"}, "invalid_target"),
        ({"audience": "http://localhost:6543"}, "invalid_target"),
        ({"audience": None}, "invalid_request"),
        ({"resource": "https://mcp.wiki.example/other"}, "invalid_target"),
        ({"resource": f"{WIKI}#x"}, "invalid_target"),
        ({"resource": "wiki"}, "invalid_target"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"actor_token_type": f"{TYPE}access_token"}, "invalid_request"),
        ({"authorization_details": "[]"}, "invalid_authorization_details"),
        ({"subject_token_type": f"{TYPE}access_token"}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token": None}, "invalid_request"),
    ],
)
def test_a_request_that_the_policy_does_not_allow_is_rejected(
    agent: RelyingParty, form: dict[str, Any], error: str
) -> None:
    values = {"subject_token": tokens_of(agent)["id_token"], **form}
    assert ask(agent, values.pop("subject_token"), 400, **values)["error"] == error


def test_one_assertion_is_for_one_server(agent: RelyingParty) -> None:
    pairs = [
        ("grant_type", EXCHANGE), ("requested_token_type", f"{TYPE}id-jag"),
        ("subject_token", tokens_of(agent)["id_token"]), ("subject_token_type", f"{TYPE}id_token"),
        ("audience", OTHER), ("audience", THIRD),
    ]  # fmt: skip
    refused = agent.http.post("/oauth/token", pairs, headers=agent.basic(), status=400)
    assert refused.json["error"] == "invalid_request"


def test_a_rule_for_assertions_is_none_for_access_tokens(agent: RelyingParty) -> None:
    id_token = tokens_of(agent)["id_token"]
    refused = ask(agent, id_token, 400, requested_token_type=f"{TYPE}access_token")
    assert refused["error"] == "invalid_target"
    access = f"{TYPE}access_token"
    orders = "https://orders.example/api"
    assert ask(agent, id_token, requested_token_type=access, audience=orders)["access_token"]


def test_a_client_without_a_rule_gets_no_assertion(provider: Provider) -> None:
    other = register(provider, "other")
    assert ask(other, tokens_of(other)["id_token"], 400)["error"] == "invalid_target"


def test_a_policy_of_a_plugin_decides(make_provider: Any) -> None:
    provider = make_provider(
        oauth__grants=SETTINGS["oauth__grants"],
        oidcserver__includes="exchange_policy",
        oauth__token_exchange_policy="own_domain",
    )
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["identity_chaining_requested_token_types_supported"] == [f"{TYPE}id-jag"]
    agent = register(provider, "agent", client_uri="https://wiki.example/")
    answer = ask(agent, tokens_of(agent)["id_token"], scope="read")
    assert read(provider, answer["access_token"])["client_id"] == "agent"
    assert (
        ask(agent, tokens_of(agent)["id_token"], 400, audience=THIRD)["error"] == "invalid_target"
    )


# -- what is presented -------------------------------------------------------------------------


def test_the_id_token_is_one_of_the_client(provider: Provider, agent: RelyingParty) -> None:
    other = register(provider, "other")
    tokens = tokens_of(other)
    assert ask(agent, tokens["id_token"], 400)["error"] == "invalid_request"
    assert ask(agent, tokens["access_token"], 400)["error"] == "invalid_request"


def test_a_public_client_gets_none(provider: Provider, agent: RelyingParty) -> None:
    with provider.database() as dbsession:
        row = dbsession.merge(agent.client)
        row.client_metadata = {**row.client_metadata, "token_endpoint_auth_method": "none"}
    public = RelyingParty(provider, row, None)
    refused = ask(public, tokens_of(public)["id_token"], 400)
    assert refused["error"] == "unauthorized_client"


def disable(provider: Provider) -> None:
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        user.disabled_at = oidcserver_clock.now()


def withdraw(provider: Provider) -> None:
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        revoke_authorizations_of_user(dbsession, user.id)


@pytest.mark.parametrize("event", [disable, withdraw])
def test_nothing_is_issued_after_the_access_has_ended(
    provider: Provider, agent: RelyingParty, event: Any
) -> None:
    id_token = tokens_of(agent)["id_token"]
    assert ask(agent, id_token)["access_token"]
    event(provider)
    assert ask(agent, id_token, 400)["error"] == "invalid_request"


def test_nothing_is_issued_after_the_user_has_signed_out(
    provider: Provider, agent: RelyingParty
) -> None:
    browser = provider.browser()
    id_token = agent.exchange(agent.login(browser)["code"])["id_token"]
    browser.get("/logout").forms["logout"].submit()
    assert ask(agent, id_token, 400)["error"] == "invalid_request"


def test_an_expired_id_token_is_rejected(agent: RelyingParty, clock: Any) -> None:
    id_token = tokens_of(agent)["id_token"]
    clock.advance(601)
    assert ask(agent, id_token, 400)["error"] == "invalid_request"


@pytest.mark.parametrize(("may_act", "status"), [("agent", 200), ("other", 400)])
def test_an_id_token_may_say_who_acts(make_provider: Any, may_act: str, status: int) -> None:
    provider = make_provider(
        **SETTINGS,
        oidc__scope_claims="deputy: may_act | Say who may act for you",
        oidc__id_token_claims="scopes",
    )
    agent = register(provider, "agent", scope="openid deputy")
    provider.browser().sign_in()
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        user.claims = {"may_act": {"sub": may_act}}
    ask(agent, tokens_of(agent, scope="openid deputy")["id_token"], status)


# -- both sides --------------------------------------------------------------------------------


@pytest.fixture
def wiki(
    request: pytest.FixtureRequest, provider: Provider, backend: str, tmp_path: Path
) -> Iterator[Provider]:
    """A second provider, with its own database and the profile ``mcp``, that trusts the first."""
    if backend == "postgresql":
        template = request.getfixturevalue("postgresql_template")
        url = request.getfixturevalue("postgresql").new_database(template)
    else:
        empty = request.getfixturevalue("empty_provider_database")
        url = f"sqlite:///{shutil.copy(empty, tmp_path / 'wiki.sqlite')}"
    keys = tmp_path / "company.json"
    keys.write_text(json.dumps(provider.browser().get("/oauth/jwks.json").json))
    made = Provider(
        {
            "oidcserver__database_url": url,
            "oidcserver__keys_directory": tmp_path / "wiki-keys",
            "oidc__issuer": OTHER,
            "oauth__profile": "mcp",
            "oauth__grants": "authorization_code refresh_token jwt_bearer",
            "oauth__trusted_issuers": f"{provider.issuer} {keys} accepts=id-jag",
            "oauth__resources": f"{WIKI}: pages:read pages:write",
            "oidc__scope_claims": "pages:read: | Read pages\npages:write: | Write pages",
            "oauth__sender_constraints": "",
        }
    )
    yield made
    made.close()


def account_there(wiki: Provider, provider: Provider, tokens: dict[str, Any]) -> None:
    """Give the user of an ID token an account at the other provider."""
    sub = jwt.read_unverified(tokens["id_token"], jwt.CLAIMS)["sub"]
    with wiki.database() as dbsession:
        dbsession.add(User("alice@company", realm=provider.issuer, external_id=sub))


def test_the_other_server_gives_an_access_token_for_it(
    provider: Provider, agent: RelyingParty, wiki: Provider
) -> None:
    tokens = tokens_of(agent)
    account_there(wiki, provider, tokens)
    there = register(wiki, "agent-there", grant_types=[JWT_BEARER], response_types=[],
                     redirect_uris=[], scope="pages:read")  # fmt: skip
    assertion = ask(agent, tokens["id_token"], scope="pages:read", resource=WIKI)["access_token"]
    answer = there.token(grant_type=JWT_BEARER, assertion=assertion, resource=WIKI).json
    assert (answer["scope"], answer["expires_in"]) == ("pages:read", 3600)
    said = there.introspect(answer["access_token"])
    assert (said["aud"], said["client_id"]) == (WIKI, "agent-there")
    again = there.token(grant_type=JWT_BEARER, assertion=assertion, status=400).json
    assert again["error"] == "invalid_grant"


def test_an_assertion_for_another_server_or_client_is_useless_there(
    provider: Provider, agent: RelyingParty, wiki: Provider
) -> None:
    tokens = tokens_of(agent)
    account_there(wiki, provider, tokens)
    metadata = {"grant_types": [JWT_BEARER], "response_types": [], "redirect_uris": []}
    there = register(wiki, "agent-there", scope="pages:read", **metadata)
    stranger = register(wiki, "stranger", scope="pages:read", **metadata)
    for_third = ask(agent, tokens["id_token"], audience=THIRD, resource=WIKI)["access_token"]
    for_wiki = ask(agent, tokens["id_token"], resource=WIKI)["access_token"]
    for client, assertion in ((there, for_third), (stranger, for_wiki)):
        refused = client.token(grant_type=JWT_BEARER, assertion=assertion, status=400).json
        assert refused["error"] == "invalid_grant"


# -- selection ---------------------------------------------------------------------------------


def test_the_metadata_name_the_type_where_a_rule_allows_it(
    provider: Provider, make_provider: Any
) -> None:
    name = "identity_chaining_requested_token_types_supported"
    document = provider.browser().get("/.well-known/oauth-authorization-server").json
    assert document[name] == [f"{TYPE}id-jag"]
    rule = "agent https://orders.example/api delegation"
    without = make_provider(**{**SETTINGS, "oauth__token_exchange_rules": rule})
    assert name not in without.browser().get("/.well-known/oauth-authorization-server").json


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("agent https://a.example id-jag", "identifier of the client there"),
        ("agent https://a.example id-jag there scope=x", "identifier of the client there"),
        ("agent https://a.example id-jag there scopes=", "identifier of the client there"),
        ("agent https://a.example id-jag there scopes=a scopes=b", "identifier of the client"),
        ("agent https://a.example id-jag there resources=a", "not an absolute URI"),
        ("agent a.example id-jag there", "rules: a.example is not an absolute URI"),
        ("agent http://localhost:6543 id-jag there", "for another authorization server"),
    ],
)
def test_a_mistake_stops_the_start(make_provider: Any, line: str, sentence: str) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_provider(**{**SETTINGS, "oauth__token_exchange_rules": line})


def test_a_rule_is_shown_as_it_is_written(provider: Provider) -> None:
    rules = provider.registry.oidc.provider.settings["oauth.token_exchange_rules"]
    written = SETTINGS["oauth__token_exchange_rules"].strip().splitlines()
    assert [str(rule) for rule in rules] == [" ".join(line.split()) for line in written]
    assert isinstance(rules[0].permission, AssertionPermission)
