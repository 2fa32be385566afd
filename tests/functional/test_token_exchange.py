"""Token exchange (RFC 8693): for another audience, with less, and never for longer."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey
from payments import NAME
from support.app import Provider, RelyingParty
from support.assertions import Signer
from support.changed_client import change
from support.request_signing import public

from oidcserver import clock as oidcserver_clock
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.registration import register_client
from oidcserver.keys import jwt
from oidcserver.models import Client
from oidcserver.models.authorization import revoke_authorizations_of_user
from oidcserver.models.user import find_user
from oidcserver.oauth.events import OAuthEvent
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:"
ORDERS, STOCK = "https://orders.example/api", "https://stock.example/api"
BILL, LEDGER = "https://bill.example/api", "ledger"
RULES = f"""
    shop {ORDERS} delegation
    shop {LEDGER} delegation
    shop {BILL} impersonation
    orders {STOCK} delegation {ORDERS}
    orders {BILL} impersonation {ORDERS}
"""
SETTINGS = {
    "oauth__grants": "authorization_code refresh_token client_credentials token_exchange",
    "oauth__token_exchange_rules": RULES,
}


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(**SETTINGS)
    return made


def register(provider: Provider, client_id: str, **metadata: Any) -> RelyingParty:
    values = {
        "client_name": client_id,
        "redirect_uris": [f"https://{client_id}.example/cb"],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials", EXCHANGE],
        "scope": "openid profile email offline_access",
        **metadata,
    }
    with provider.database() as dbsession:
        client, secret = register_client(
            provider.registry.oidc.provider, dbsession, values, client_id=client_id
        )
        dbsession.expunge(client)
    return RelyingParty(provider, client, secret)


@pytest.fixture
def shop(provider: Provider) -> RelyingParty:
    """The application that users sign in to."""
    return register(provider, "shop")


@pytest.fixture
def orders(provider: Provider) -> RelyingParty:
    """The service that the application calls, and which calls others."""
    return register(provider, "orders", redirect_uris=[], response_types=[],
                    grant_types=[EXCHANGE, "client_credentials"])  # fmt: skip


def tokens_of(client: RelyingParty, scope: str = "openid profile email") -> dict[str, Any]:
    """Return the tokens of a user who signed in to a client."""
    browser = client.provider.browser()
    return client.exchange(client.login(browser, scope=scope)["code"])


def exchange(
    client: RelyingParty, subject: Any, status: int = 200, kind: str = "access_token", **form: Any
) -> dict[str, Any]:
    values = {
        "grant_type": EXCHANGE,
        "subject_token": subject,
        "subject_token_type": f"{TYPE}{kind}",
        **form,
    }
    answer: dict[str, Any] = client.token(status=status, **values).json
    return answer


def own_token(client: RelyingParty) -> str:
    """Return a token of a client on its own behalf."""
    token: str = client.token(grant_type="client_credentials").json["access_token"]
    return token


def actor(subject: str, before: Any = None) -> dict[str, Any]:
    act = {"iss": "http://localhost:6543", "sub": subject}
    return act if before is None else {**act, "act": before}


# -- what is issued ----------------------------------------------------------------------------


def test_a_client_acts_for_its_user_at_another_audience(
    provider: Provider, shop: RelyingParty
) -> None:
    tokens = tokens_of(shop)
    answer = exchange(shop, tokens["access_token"], resource=ORDERS, scope="profile")
    assert answer["issued_token_type"] == f"{TYPE}access_token"
    assert (answer["token_type"], answer["scope"]) == ("Bearer", "profile")
    assert answer.keys() == {
        "access_token", "token_type", "expires_in", "scope", "issued_token_type"
    }  # fmt: skip
    said = shop.introspect(answer["access_token"])
    assert said["sub"] == shop.introspect(tokens["access_token"])["sub"]
    assert (said["aud"], said["client_id"]) == (ORDERS, "shop")
    assert said["act"] == actor("shop")


def test_a_client_exchanges_nothing_of_users_who_may_not_use_it(
    provider: Provider, shop: RelyingParty, orders: RelyingParty
) -> None:
    own = tokens_of(shop)["access_token"]
    token = exchange(shop, own, resource=ORDERS)["access_token"]
    assert exchange(orders, token, resource=STOCK)["access_token"]
    for client_id in ("orders", "shop"):
        with provider.database() as dbsession:
            dbsession.get_one(Client, client_id).allowed_groups = ["staff"]
    assert exchange(orders, token, 400, resource=STOCK)["error"] == "invalid_grant"
    assert exchange(shop, own, 400, resource=ORDERS)["error"] == "invalid_grant"


def test_a_service_passes_on_what_was_sent_to_it_and_the_chain_is_kept(
    provider: Provider, shop: RelyingParty, orders: RelyingParty
) -> None:
    events: list[OAuthEvent] = []
    provider.registry.registerHandler(events.append, (OAuthEvent,))
    received = exchange(shop, tokens_of(shop)["access_token"], audience=ORDERS)["access_token"]
    answer = exchange(orders, received, resource=STOCK)
    said = orders.introspect(answer["access_token"])
    assert (said["aud"], said["client_id"]) == (STOCK, "orders")
    assert said["act"] == actor("orders", actor("shop"))
    audited = [event.details for event in events if event.name == "token_exchanged"]
    assert audited[-1]["act"] == actor("orders", actor("shop"))
    assert audited[-1]["subject_client_id"] == "shop"
    assert (audited[-1]["client_id"], audited[-1]["audience"]) == ("orders", [STOCK])


def test_impersonation_names_no_further_actor_and_hides_none(
    provider: Provider, shop: RelyingParty, orders: RelyingParty
) -> None:
    token = tokens_of(shop)["access_token"]
    assert "act" not in shop.introspect(exchange(shop, token, resource=BILL)["access_token"])
    received = exchange(shop, token, resource=ORDERS)["access_token"]
    answer = exchange(orders, received, resource=BILL)
    assert orders.introspect(answer["access_token"])["act"] == actor("shop")


def test_an_id_token_is_exchanged_too(provider: Provider, shop: RelyingParty) -> None:
    tokens = tokens_of(shop)
    answer = exchange(shop, tokens["id_token"], kind="id_token", audience=LEDGER)
    assert answer["scope"] == "profile email"
    said = shop.introspect(answer["access_token"])
    assert (said["aud"], said["act"]) == (LEDGER, actor("shop"))


def test_an_id_token_covers_no_more_than_the_resources_that_the_user_granted(
    make_provider: Any,
) -> None:
    resources = "\n".join((ORDERS, STOCK, BILL))
    provider = make_provider(**SETTINGS, oauth__resources=resources)
    shop = register(provider, "shop")
    code = shop.login(provider.browser(), scope="openid profile", resource=ORDERS)["code"]
    token = shop.exchange(code)["id_token"]
    refused = exchange(shop, token, 400, kind="id_token", resource=BILL)
    assert refused["error"] == "invalid_target"
    covered = exchange(shop, token, kind="id_token", resource=ORDERS)
    assert shop.introspect(covered["access_token"])["aud"] == ORDERS


def test_an_id_token_has_no_scope_of_a_later_authorization(
    provider: Provider, shop: RelyingParty, clock: Any
) -> None:
    browser = provider.browser()
    narrow = shop.exchange(shop.login(browser, scope="openid")["code"])["id_token"]
    clock.advance(5)
    shop.exchange(shop.login(browser, scope="openid profile email")["code"])
    form = {"kind": "id_token", "resource": ORDERS}
    assert exchange(shop, narrow, **form).get("scope", "openid") == "openid"


def test_a_pairwise_id_token_is_exchanged_too(provider: Provider) -> None:
    shop = register(provider, "shop", subject_type="pairwise")
    tokens = tokens_of(shop)
    answer = exchange(shop, tokens["id_token"], kind="id_token", audience=LEDGER)
    sub = shop.introspect(answer["access_token"])["sub"]
    assert sub == shop.introspect(tokens["access_token"])["sub"]


def test_one_token_may_be_for_two_audiences(provider: Provider, shop: RelyingParty) -> None:
    pairs = [
        ("grant_type", EXCHANGE), ("subject_token", tokens_of(shop)["access_token"]),
        ("subject_token_type", f"{TYPE}access_token"),
        ("resource", ORDERS), ("audience", LEDGER), ("audience", LEDGER),
    ]  # fmt: skip
    answer = shop.http.post("/oauth/token", pairs, headers=shop.basic(), status=200).json
    assert shop.introspect(answer["access_token"])["aud"] == [ORDERS, LEDGER]


def test_the_format_of_the_client_is_kept(provider: Provider, shop: RelyingParty) -> None:
    with provider.database() as dbsession:
        dbsession.merge(shop.client).access_token_format = "jwt"
    answer = exchange(shop, tokens_of(shop)["access_token"], resource=ORDERS)
    claims = jwt.read_unverified(answer["access_token"], jwt.CLAIMS)
    assert (claims["aud"], claims["act"]) == (ORDERS, actor("shop"))


# -- audience ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        {"audience": "unknown"},
        {"resource": STOCK},
        {"resource": f"{ORDERS}/"},
        {"resource": f"{ORDERS}#x"},
        {"resource": "orders"},
        {"resource": "http://["},
        {},
    ],
)
def test_an_audience_that_the_policy_does_not_name_is_no_target(
    shop: RelyingParty, form: dict[str, str]
) -> None:
    refused = exchange(shop, tokens_of(shop)["access_token"], 400, **form)
    assert refused["error"] == "invalid_target"


def test_an_audience_that_the_token_does_not_cover_is_no_target(
    shop: RelyingParty, orders: RelyingParty
) -> None:
    received = exchange(shop, tokens_of(shop)["access_token"], resource=ORDERS)["access_token"]
    assert exchange(shop, received, 400, resource=BILL)["error"] == "invalid_target"
    assert exchange(shop, received, resource=ORDERS)["issued_token_type"]


def test_a_token_that_was_not_meant_for_the_client_is_useless_to_it(
    provider: Provider, shop: RelyingParty, orders: RelyingParty
) -> None:
    tokens = tokens_of(shop)
    for kind, token in (("access_token", tokens["access_token"]), ("id_token", tokens["id_token"])):
        refused = exchange(orders, token, 400, kind=kind, resource=STOCK)
        assert refused["error"] == "invalid_request"


def test_a_server_of_a_resource_needs_no_audience_in_its_rule(make_provider: Any) -> None:
    provider = make_provider(
        oauth__grants=SETTINGS["oauth__grants"],
        oauth__token_exchange_rules=f"orders {STOCK} delegation",
        oauth__resources=f"{ORDERS}: | Orders | server=orders\n{STOCK}\n{BILL}: | | clients=shop",
    )
    shop = register(provider, "shop")
    orders = register(provider, "orders", redirect_uris=[], response_types=[],
                      grant_types=[EXCHANGE])  # fmt: skip
    answer = shop.login(provider.browser(), resource=ORDERS)
    received = shop.exchange(answer["code"])["access_token"]
    exchanged = exchange(orders, received, resource="https://STOCK.example:443/api")
    assert orders.introspect(exchanged["access_token"])["aud"] == STOCK
    assert exchange(orders, received, 400, resource=BILL)["error"] == "invalid_target"
    assert exchange(shop, received, 400, resource=STOCK)["error"] == "invalid_target"


def payment(amount: str, **changes: Any) -> dict[str, Any]:
    return {
        "type": NAME,
        "instructedAmount": {"currency": "EUR", "amount": amount},
        "creditorName": "Merchant",
        "creditorAccount": {"iban": "DE02100100109307118603"},
        **changes,
    }


def test_authorization_details_go_no_further_than_they_are_meant(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oidcserver__includes="payments")
    shop = register(provider, "shop", authorization_details_types=[NAME])
    here, there = payment("1.00", locations=[ORDERS]), payment("2.00", locations=[STOCK])
    answer = shop.login(provider.browser(), authorization_details=json.dumps([here, there]))
    token = shop.exchange(answer["code"])["access_token"]
    exchanged = exchange(shop, token, resource=ORDERS)
    assert exchanged["authorization_details"] == [here]
    more = json.dumps([payment("9.00", locations=[ORDERS])])
    refused = exchange(shop, token, 400, resource=ORDERS, authorization_details=more)
    assert refused["error"] == "invalid_authorization_details"


def test_one_detail_is_exchanged_for_one_detail(make_provider: Any) -> None:
    provider = make_provider(**SETTINGS, oidcserver__includes="payments")
    shop = register(provider, "shop", authorization_details_types=[NAME])
    answer = shop.login(
        provider.browser(), authorization_details=json.dumps([payment("2.00"), payment("2.00")])
    )
    token = shop.exchange(answer["code"])["access_token"]
    two, three = ([payment("1.00")] * number for number in (2, 3))
    refused = exchange(shop, token, 400, resource=ORDERS, authorization_details=json.dumps(three))
    assert refused["error"] == "invalid_authorization_details"
    given = exchange(shop, token, resource=ORDERS, authorization_details=json.dumps(two))
    assert given["authorization_details"] == two


def test_details_are_exchanged_only_by_a_client_that_registered_their_type(
    make_provider: Any,
) -> None:
    provider = make_provider(**SETTINGS, oidcserver__includes="payments")
    shop = register(provider, "shop", authorization_details_types=[NAME])
    orders = register(provider, "orders")
    answer = shop.login(provider.browser(), authorization_details=json.dumps([payment("1.00")]))
    token = shop.exchange(answer["code"])["access_token"]
    token = exchange(shop, token, resource=ORDERS)["access_token"]
    exchanged = exchange(orders, token, resource=STOCK)
    assert "authorization_details" not in exchanged
    change(provider, orders, authorization_details_types=[NAME])
    exchanged = exchange(orders, token, resource=STOCK)
    assert exchanged["authorization_details"] == [payment("1.00")]


# -- scope and lifetime ------------------------------------------------------------------------


def test_the_scope_is_that_of_the_presented_token_at_most(shop: RelyingParty) -> None:
    token = tokens_of(shop, "openid profile")["access_token"]
    assert exchange(shop, token, resource=ORDERS)["scope"] == "profile"
    for scope in ("email", "profile email", "unknown"):
        refused = exchange(shop, token, 400, resource=ORDERS, scope=scope)
        assert refused["error"] == "invalid_scope"
    refused = exchange(shop, token, 400, resource=ORDERS, scope="openid")
    assert refused["error"] == "invalid_scope"


def test_the_scope_is_one_that_the_client_registered(
    provider: Provider, shop: RelyingParty
) -> None:
    orders = register(provider, "orders", redirect_uris=[], response_types=[],
                      grant_types=[EXCHANGE], scope="email")  # fmt: skip
    received = exchange(shop, tokens_of(shop)["access_token"], resource=ORDERS)["access_token"]
    assert exchange(orders, received, resource=STOCK)["scope"] == "email"
    refused = exchange(orders, received, 400, resource=STOCK, scope="profile")
    assert refused["error"] == "invalid_scope"


def test_it_does_not_outlive_the_presented_token(shop: RelyingParty, clock: Any) -> None:
    tokens = tokens_of(shop)
    clock.advance(500)
    for kind, token in (("access_token", tokens["access_token"]), ("id_token", tokens["id_token"])):
        answer = exchange(shop, token, kind=kind, resource=ORDERS)
        assert answer["expires_in"] <= 100


# -- what is presented -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        {"subject_token": None},
        {"subject_token": ""},
        {"subject_token_type": None},
        {"subject_token_type": f"{TYPE}jwt"},
        {"subject_token_type": f"{TYPE}refresh_token"},
        {"subject_token_type": "x"},
        {"requested_token_type": f"{TYPE}refresh_token"},
        {"requested_token_type": f"{TYPE}id_token"},
    ],
)
def test_a_request_without_a_usable_token_buys_nothing(
    shop: RelyingParty, form: dict[str, Any]
) -> None:
    token = tokens_of(shop)["access_token"]
    values = {"subject_token": token, "resource": ORDERS, **form}
    refused = exchange(shop, values.pop("subject_token"), 400, **values)
    assert refused["error"] == "invalid_request"


def sign(provider: Provider, typ: str | None, **claims: Any) -> str:
    """Return another JWT of this provider than an ID token."""
    now = oidcserver_clock.now()
    said = {"iss": provider.issuer, "aud": "shop", "exp": now + 60, "iat": now, **claims}
    return jwt.sign(provider.registry.oidc.provider.keys, "RS256", said, typ=typ)


def test_no_other_token_passes_for_one_of_the_type_that_it_is_called(
    provider: Provider, shop: RelyingParty
) -> None:
    tokens = tokens_of(shop)
    other = register(provider, "other")
    sub = jwt.read_unverified(tokens["id_token"], jwt.CLAIMS)["sub"]
    wrong = [
        ("id_token", tokens["access_token"]),
        ("access_token", tokens["id_token"]),
        ("access_token", tokens["refresh_token"]),
        ("id_token", tokens["refresh_token"]),
        ("id_token", tokens_of(other)["id_token"]),
        ("id_token", sign(provider, "logout+jwt", sub=sub, events={"x": {}}, auth_time=1)),
        ("id_token", sign(provider, "JWT", code="ac_x", state="y")),  # a signed response (JARM)
        ("id_token", sign(provider, "at+jwt", sub=sub, client_id="shop", jti="x")),
        ("id_token", sign(provider, None, sub=sub)),
        ("access_token", "at_x.y"),
        ("id_token", "x"),
    ]
    for kind, token in wrong:
        refused = exchange(shop, token, 400, kind=kind, resource=ORDERS)
        assert refused["error"] == "invalid_request", (kind, token)


def test_an_id_token_that_the_client_could_have_signed_itself_is_rejected(
    provider: Provider,
) -> None:
    shop = register(provider, "shop", id_token_signed_response_alg="HS256")
    refused = exchange(shop, tokens_of(shop)["id_token"], 400, kind="id_token", resource=ORDERS)
    assert refused["error"] == "invalid_request"


def test_an_expired_token_is_rejected(shop: RelyingParty, clock: Any) -> None:
    tokens = tokens_of(shop)
    clock.advance(601)
    for kind, token in (("access_token", tokens["access_token"]), ("id_token", tokens["id_token"])):
        refused = exchange(shop, token, 400, kind=kind, resource=ORDERS)
        assert refused["error"] == "invalid_request"


def test_a_token_without_a_user_is_rejected(shop: RelyingParty) -> None:
    refused = exchange(shop, own_token(shop), 400, resource=ORDERS)
    assert refused["error"] == "invalid_request"


# -- actors ------------------------------------------------------------------------------------


def test_the_actor_may_be_named_by_a_token_of_the_client(
    provider: Provider, shop: RelyingParty
) -> None:
    token = tokens_of(shop)["access_token"]
    named = {"actor_token": own_token(shop), "actor_token_type": f"{TYPE}access_token"}
    for target in (ORDERS, BILL):
        answer = exchange(shop, token, resource=target, **named)
        assert shop.introspect(answer["access_token"])["act"] == actor("shop")


def test_a_user_of_the_client_may_be_the_actor(provider: Provider, shop: RelyingParty) -> None:
    token = tokens_of(shop)["access_token"]
    helper = shop.exchange(shop.login(provider.browser(), "helper")["code"])
    sub = shop.introspect(helper["access_token"])["sub"]
    answer = exchange(
        shop, token, resource=ORDERS, actor_token=helper["id_token"],
        actor_token_type=f"{TYPE}id_token",
    )  # fmt: skip
    assert shop.introspect(answer["access_token"])["act"] == actor(sub)


@pytest.mark.parametrize(
    "form",
    [
        lambda shop, orders: {"actor_token": own_token(shop)},
        lambda shop, orders: {"actor_token_type": f"{TYPE}access_token"},
        lambda shop, orders: {
            "actor_token": own_token(orders), "actor_token_type": f"{TYPE}access_token"
        },
        lambda shop, orders: {"actor_token": "x", "actor_token_type": f"{TYPE}access_token"},
        lambda shop, orders: {"actor_token": own_token(shop), "actor_token_type": f"{TYPE}jwt"},
    ],
    ids=["no type", "type alone", "of another client", "no token", "another type"],
)  # fmt: skip
def test_an_actor_that_is_not_the_client_s_is_rejected(
    shop: RelyingParty, orders: RelyingParty, form: Callable[..., dict[str, str]]
) -> None:
    token = tokens_of(shop)["access_token"]
    refused = exchange(shop, token, 400, resource=ORDERS, **form(shop, orders))
    assert refused["error"] == "invalid_request"


def test_a_chain_of_actors_ends_at_four(shop: RelyingParty) -> None:
    token = tokens_of(shop)["access_token"]
    for _ in range(4):
        token = exchange(shop, token, resource=ORDERS)["access_token"]
    chain = actor("shop", actor("shop", actor("shop", actor("shop"))))
    assert shop.introspect(token)["act"] == chain
    assert exchange(shop, token, 400, resource=ORDERS)["error"] == "invalid_request"


@pytest.fixture
def delegating(make_provider: Any) -> Provider:
    """A provider whose ID tokens say who may act for the user."""
    provider: Provider = make_provider(
        **SETTINGS,
        oidc__scope_claims="deputy: may_act | Say who may act for you",
        oidc__id_token_claims="scopes",
    )
    return provider


def id_token_with(provider: Provider, shop: RelyingParty, may_act: Any) -> str:
    provider.browser().sign_in("alice")
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        user.claims = {"may_act": may_act}
    token: str = tokens_of(shop, "openid profile deputy")["id_token"]
    return token


@pytest.mark.parametrize(
    ("may_act", "accepted"),
    [
        ({"sub": "shop"}, True),
        ({"sub": "shop", "iss": "http://localhost:6543"}, True),
        ({"sub": "shop", "iss": "https://elsewhere.example"}, False),
        ({"sub": "orders"}, False),
        ({"sub": 7}, False),
        ({"iss": 7, "sub": "shop"}, False),
        (["shop"], False),
        ("shop", False),
    ],
)
@pytest.mark.parametrize("target", [ORDERS, BILL])
def test_a_token_may_say_who_acts(
    delegating: Provider, may_act: Any, accepted: bool, target: str
) -> None:
    shop = register(delegating, "shop", scope="openid profile deputy")
    token = id_token_with(delegating, shop, may_act)
    answer = exchange(shop, token, 200 if accepted else 400, kind="id_token", resource=target)
    if accepted:
        assert shop.introspect(answer["access_token"])["act"] == actor("shop")
    else:
        assert answer["error"] == "invalid_request"


# -- the end of tokens -------------------------------------------------------------------------


def disable(provider: Provider, shop: RelyingParty, tokens: dict[str, Any]) -> None:
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        user.disabled_at = oidcserver_clock.now()


def withdraw(provider: Provider, shop: RelyingParty, tokens: dict[str, Any]) -> None:
    with provider.database() as dbsession:
        user = find_user(dbsession, "alice")
        assert user is not None
        revoke_authorizations_of_user(dbsession, user.id)


def revoke(provider: Provider, shop: RelyingParty, tokens: dict[str, Any]) -> None:
    shop.post("/oauth/revoke", token=tokens["refresh_token"], status=200)


@pytest.mark.parametrize("event", [disable, withdraw, revoke])
def test_exchanged_tokens_end_with_the_authorization(
    provider: Provider, shop: RelyingParty, orders: RelyingParty, event: Any
) -> None:
    tokens = tokens_of(shop)
    received = exchange(shop, tokens["access_token"], resource=ORDERS)["access_token"]
    passed_on = exchange(orders, received, resource=STOCK)["access_token"]
    assert orders.introspect(passed_on)["active"]
    event(provider, shop, tokens)
    assert not shop.introspect(received)["active"]
    assert not orders.introspect(passed_on)["active"]
    assert exchange(orders, received, 400, resource=STOCK)["error"] == "invalid_request"
    refused = exchange(shop, tokens["id_token"], 400, kind="id_token", resource=ORDERS)
    assert refused["error"] == "invalid_request"


def test_one_exchanged_token_is_revoked_alone(shop: RelyingParty) -> None:
    tokens = tokens_of(shop)
    exchanged = exchange(shop, tokens["access_token"], resource=ORDERS)["access_token"]
    shop.post("/oauth/revoke", token=exchanged, status=200)
    assert not shop.introspect(exchanged)["active"]
    assert shop.introspect(tokens["access_token"])["active"]


# -- clients and policies ----------------------------------------------------------------------


def test_a_public_client_exchanges_nothing(provider: Provider, shop: RelyingParty) -> None:
    with pytest.raises(InvalidClientMetadata, match="token-exchange needs a client"):
        register(
            provider,
            "public",
            token_endpoint_auth_method="none",
            grant_types=["authorization_code", EXCHANGE],
        )
    with provider.database() as dbsession:
        row = dbsession.merge(shop.client)
        method = {"token_endpoint_auth_method": "none"}
        row.client_metadata = {**row.client_metadata, **method}
    public = RelyingParty(provider, row, None)
    refused = exchange(public, tokens_of(public)["access_token"], 400, resource=ORDERS)
    assert refused["error"] == "unauthorized_client"


def test_a_client_that_did_not_register_the_grant_exchanges_nothing(provider: Provider) -> None:
    shop = register(provider, "shop", grant_types=["authorization_code"])
    refused = exchange(shop, tokens_of(shop)["access_token"], 400, resource=ORDERS)
    assert refused["error"] == "unauthorized_client"


def test_a_client_assertion_authenticates_and_is_no_subject(
    provider: Provider, shop: RelyingParty
) -> None:
    key = ECKey.generate_key("P-256")
    signing = register(provider, "signing", jwks=public(key),
                       token_endpoint_auth_method="private_key_jwt")  # fmt: skip
    signer = Signer("signing", "ES256", key, provider.issuer)
    form = signer.form(grant_type=EXCHANGE, subject_token=signer.assertion(), resource=ORDERS,
                       subject_token_type=f"{TYPE}id_token")  # fmt: skip
    refused = signing.http.post("/oauth/token", form, status=400)
    assert refused.json["error"] == "invalid_request"


def test_a_policy_of_a_plugin_decides(make_provider: Any) -> None:
    provider = make_provider(
        oauth__grants=SETTINGS["oauth__grants"],
        oidcserver__includes="exchange_policy",
        oauth__token_exchange_policy="own_domain",
    )
    shop = register(provider, "shop", client_uri="https://shop.example/")
    token = tokens_of(shop)["access_token"]
    allowed = exchange(shop, token, resource="https://api.shop.example/v1")
    assert shop.introspect(allowed["access_token"])["act"] == actor("shop")
    assert exchange(shop, token, 400, resource=ORDERS)["error"] == "invalid_target"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"oauth__token_exchange_rules": ""}, "token_exchange_rules is empty"),
        ({"oauth__token_exchange_rules": "shop https://a.example"}, "cannot be read"),
        ({"oauth__token_exchange_rules": "shop https://a.example both"}, "cannot be read"),
        (
            {"oauth__token_exchange_rules": "shop a delegation\n shop a impersonation"},
            "cannot be read",
        ),
        ({"oauth__token_exchange_policy": "rulez"}, "Did you mean 'rules'"),
    ],
)
def test_a_mistake_stops_the_start(
    make_provider: Any, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_provider(**{**SETTINGS, **changes})
