"""Rich authorization requests (RFC 9396), with the type that the example plugin offers."""

import json
from functools import partial
from typing import Any

import pytest
from payments import NAME
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty, follow_to_answer
from support.request_signing import unsigned

from oidcserver.models import Authorization
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

INVALID = "invalid_authorization_details"
BANK = "https://bank.example.com/payments"
SHOP = "https://shop.example.com/api"


def payment(amount: str = "123.50", **changes: Any) -> dict[str, Any]:
    """Return an entry; None takes a member out."""
    entry = {
        "type": NAME,
        "instructedAmount": {"currency": "EUR", "amount": amount},
        "creditorName": "Merchant & Sons",
        "creditorAccount": {"iban": "DE02100100109307118603"},
        "remittanceInformationUnstructured": "Ref <b>123</b>",
        **changes,
    }
    return {name: value for name, value in entry.items() if value is not None}


def details(*entries: Any) -> str:
    return json.dumps(list(entries))


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(
        oidcserver__includes="payments", oauth__resources=f"{BANK}\n{SHOP}"
    )
    return provider


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(authorization_details_types=[NAME])


@pytest.fixture
def browser(provider: Provider) -> Browser:
    """A browser in which alice is signed in."""
    browser = provider.browser()
    browser.sign_in()
    return browser


def tokens_for(client: RelyingParty, *entries: Any, **request: Any) -> dict[str, Any]:
    answer = client.login(
        client.provider.browser(), authorization_details=details(*entries), **request
    )
    return client.exchange(answer["code"])


# -- the request


def test_the_answer_the_token_and_introspection_have_the_allowed_details(
    provider: Provider, client: RelyingParty
) -> None:
    tokens = tokens_for(client, payment(), payment("1.00"))
    assert tokens["authorization_details"] == [payment(), payment("1.00")]
    assert client.introspect(tokens["access_token"])["authorization_details"] == [
        payment(), payment("1.00"),
    ]  # fmt: skip
    with provider.database() as dbsession:
        row = dbsession.scalars(select(Authorization)).one()
        assert row.authorization_details == [payment(), payment("1.00")]
    assert provider.browser().get("/.well-known/openid-configuration").json[
        "authorization_details_types_supported"
    ] == [NAME]


def test_jwts_have_the_details_too(make_provider: Any) -> None:
    provider: Provider = make_provider(
        oidcserver__includes="payments", oauth__access_token_format="jwt"
    )
    client = provider.register(authorization_details_types=[NAME])
    tokens = tokens_for(client, payment())
    assert client.introspect(tokens["access_token"])["authorization_details"] == [payment()]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "x",
        '""',
        "null",
        "[1]",
        "[[]]",
        details({"type": "account_information"}),
        details({"type": 7}),
        details({"type": [NAME]}),
        details({}),
        details(payment(), {"type": "account_information"}),
        details(payment(), payment(creditorName=None)),
        details(payment(creditorName=7)),
        details(payment(creditorName="")),
        details(payment(creditorName="x" * 1001)),
        details(payment(creditorName=["x"])),
        details(payment(creditorName="Merchant \u202e00.001")),
        details(payment(executionDate="2026-12-01")),
        details(payment(instructedAmount="123.50 EUR")),
        details(payment(instructedAmount={"currency": "EUR"})),
        details(payment(instructedAmount={"currency": "EUR", "amount": 123.5})),
        details(payment(instructedAmount={"currency": "EUR", "amount": "-1.00"})),
        details(payment(instructedAmount={"currency": "XXX", "amount": "1.00"})),
        details(payment(instructedAmount={"currency": ["EUR"], "amount": "1.00"})),
        details(payment(instructedAmount={"currency": "EUR", "amount": "1.00", "more": 1})),
        details(payment(creditorAccount={"iban": "DE02100100109307118604"})),
        details(payment(creditorAccount={"iban": None})),
        details(payment(locations=[])),
        details(payment(locations="https://bank.example.com")),
        details(payment(locations=[7])),
        details(*[{"type": NAME}] * 21),
        "[" * 100 + "]" * 100,
        '[{"type":"payment_initiation","type":"payment_initiation"}]',
        '[{"type":"payment_initiation","creditorName":"\\ud800"}]',
        '[{"type":"payment_initiation","creditorName":"\\u0000"}]',
        '[{"type":"payment_initiation","creditorName":1e400}]',
    ],
)
def test_one_bad_entry_rejects_the_whole_request(client: RelyingParty, text: str) -> None:
    page = client.authorize(client.provider.browser(), authorization_details=text)
    answer = client.answer(page)
    assert answer["error"] == INVALID
    assert answer["state"] == "the-state"


def test_a_parameter_that_is_too_long_is_rejected(client: RelyingParty) -> None:
    text = details(*[payment(locations=[BANK] * 50)] * 3)
    client.provider.browser().get(
        "/oauth/authorize", client.parameters(authorization_details=text), status=400
    )
    form = {"grant_type": "authorization_code", "code": "x", "authorization_details": text}
    assert client.token(**form, status=400).json["error"] == "invalid_request"


def test_a_type_that_the_client_did_not_register_is_rejected(provider: Provider) -> None:
    client = provider.register()
    page = client.authorize(provider.browser(), authorization_details=details(payment()))
    assert client.answer(page)["error"] == INVALID


def test_without_any_type_every_entry_is_unknown(make_provider: Any) -> None:
    provider: Provider = make_provider()
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser, authorization_details=details(payment()))
    assert client.answer(page)["error"] == INVALID
    document = browser.get("/.well-known/openid-configuration").json
    assert "authorization_details_types_supported" not in document


def test_a_request_for_details_alone_is_for_no_scope(client: RelyingParty) -> None:
    tokens = tokens_for(client, payment(), scope=None)
    assert "scope" not in tokens
    assert tokens["authorization_details"] == [payment()]


def test_a_token_in_the_authorization_response_has_the_details(provider: Provider) -> None:
    client = provider.register(
        response_types=["code id_token token"],
        grant_types=["authorization_code", "implicit"],
        authorization_details_types=[NAME],
    )
    answer = client.login(
        provider.browser(),
        response_type="code id_token token",
        authorization_details=details(payment()),
    )
    told = client.introspect(answer["access_token"])
    assert told["authorization_details"] == [payment()]


def test_a_request_object_has_details_and_resources_as_json(make_provider: Any) -> None:
    provider: Provider = make_provider(
        oidcserver__includes="payments",
        oauth__resources=f"{BANK}\n{SHOP}",
        oidc__request_parameter="true",
        oauth__request_object_signing_algs="none",
    )
    client = provider.register(authorization_details_types=[NAME])
    claims = {
        "iss": client.client_id,
        "aud": provider.issuer,
        "client_id": client.client_id,
        "authorization_details": [payment()],
        "resource": [BANK, SHOP],
    }
    answer = client.login(
        provider.browser(),
        request=unsigned(claims),
        resource="https://unknown.example",
        authorization_details="[]",
    )
    tokens = client.exchange(answer["code"])
    assert tokens["authorization_details"] == [payment()]
    assert client.introspect(tokens["access_token"])["aud"] == [BANK, SHOP]


# -- consent


def test_the_page_shows_every_entry_escaped(browser: Browser, client: RelyingParty) -> None:
    page = client.authorize(
        browser, authorization_details=details(payment(), payment("1.00", creditorName="<i>x</i>"))
    )
    assert "<h2>It asks you to allow</h2>" in page
    assert "<bdi>Pay 123.50 EUR to Merchant &amp; Sons</bdi>" in page
    assert "<bdi>Account DE02100100109307118603</bdi>" in page
    assert "<bdi>Purpose: Ref &lt;b&gt;123&lt;/b&gt;</bdi>" in page
    assert "<bdi>Pay 1.00 EUR to &lt;i&gt;x&lt;/i&gt;</bdi>" in page
    assert "<i>x</i>" not in page


def test_details_are_asked_about_each_time(browser: Browser, client: RelyingParty) -> None:
    form = client.authorize(browser).forms["consent"]
    form["remember"] = True
    follow_to_answer(form.submit("decision", value="allow"))
    assert "code" in client.answer(client.authorize(browser, prompt="none"))
    for amount in ("123.50", "123.50", "999.00"):
        asked = details(payment(amount))
        silent = client.authorize(browser, authorization_details=asked, prompt="none")
        assert client.answer(silent)["error"] == "consent_required"
        page = client.authorize(browser, authorization_details=asked)
        assert "remember" not in page.forms["consent"].fields
        assert "code" in client.answer(client.complete(page))
    assert "code" in client.answer(client.authorize(browser, prompt="none"))


def test_a_denied_payment_gives_nothing(browser: Browser, client: RelyingParty) -> None:
    page = client.authorize(browser, authorization_details=details(payment()))
    answer = follow_to_answer(page.forms["consent"].submit("decision", value="deny"))
    assert client.answer(answer)["error"] == "access_denied"


# -- tokens


def test_a_code_is_redeemed_for_less_and_never_for_more(client: RelyingParty) -> None:
    granted = details(payment(), payment("5.00", creditorName="Other"))
    code = client.login(client.provider.browser(), authorization_details=granted)["code"]
    for asked in (
        payment("123.51"),
        payment(creditorName="Somebody"),
        payment(remittanceInformationUnstructured=None),
        payment("5.01", creditorName="Other"),
        {"type": "account_information"},
    ):
        rejected = client.exchange(code, authorization_details=details(asked), status=400)
        assert rejected["error"] == INVALID
    tokens = client.exchange(code, authorization_details=details(payment("100.00")))
    assert tokens["authorization_details"] == [payment("100.00")]


def test_a_refresh_narrows_one_token_and_not_the_grant(client: RelyingParty) -> None:
    tokens = tokens_for(client, payment())
    narrow = client.refresh(
        tokens["refresh_token"], authorization_details=details(payment("10.00"))
    )
    assert narrow["authorization_details"] == [payment("10.00")]
    told = client.introspect(narrow["access_token"])
    assert told["authorization_details"] == [payment("10.00")]
    for more in (payment("123.51"), payment(creditorName="Somebody")):
        rejected = client.refresh(
            narrow["refresh_token"], authorization_details=details(more), status=400
        )
        assert rejected["error"] == INVALID
    assert client.refresh(narrow["refresh_token"])["authorization_details"] == [payment()]


@pytest.mark.parametrize("redeemed_by", ["code", "refresh"])
def test_one_granted_payment_is_one_payment_and_not_several(
    client: RelyingParty, redeemed_by: str
) -> None:
    granted = details(payment("100.00"), payment("50.00"))
    code = client.login(client.provider.browser(), authorization_details=granted)["code"]
    redeem = partial(client.exchange, code)
    if redeemed_by == "refresh":
        redeem = partial(client.refresh, redeem()["refresh_token"])
    for several in (
        ["100.00", "99.99"],
        ["100.00", "100.00"],
        ["50.00", "50.00", "50.00"],
        ["40.00", "30.00", "20.00"],
    ):
        asked = details(*map(payment, several))
        assert redeem(authorization_details=asked, status=400)["error"] == INVALID
    # The smaller payment comes first, and leaves the larger one to the entry that needs it.
    asked = [payment("40.00"), payment("90.00")]
    assert redeem(authorization_details=details(*asked))["authorization_details"] == asked


def test_a_retry_for_other_details_does_not_get_the_successor(client: RelyingParty) -> None:
    tokens = tokens_for(client, payment())
    asked = details(payment("10.00"))
    first = client.refresh(tokens["refresh_token"], authorization_details=asked)
    for other in (details(payment("9.00")), None):
        rejected = client.refresh(tokens["refresh_token"], authorization_details=other, status=400)
        assert rejected["error"] == "invalid_grant"
    again = client.refresh(tokens["refresh_token"], authorization_details=asked)
    assert again["refresh_token"] == first["refresh_token"]


def test_a_grant_without_details_gets_none_later(client: RelyingParty) -> None:
    tokens = client.exchange(client.login(client.provider.browser())["code"])
    assert "authorization_details" not in tokens
    rejected = client.refresh(
        tokens["refresh_token"], authorization_details=details(payment()), status=400
    )
    assert rejected["error"] == INVALID


def test_the_details_end_with_the_registration_of_their_type(
    provider: Provider, client: RelyingParty
) -> None:
    tokens = tokens_for(client, payment())
    with provider.database() as dbsession:
        registered = dbsession.merge(client.client)
        registered.client_metadata = {
            **registered.client_metadata,
            "authorization_details_types": [],
        }
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"


def test_a_client_without_a_user_asks_for_itself_alone(provider: Provider) -> None:
    robot = provider.register(
        grant_types=["client_credentials", "password"],
        redirect_uris=[],
        scope="profile",
        authorization_details_types=[NAME],
    )
    asked = details(payment())
    tokens = robot.token(grant_type="client_credentials", authorization_details=asked).json
    assert tokens["authorization_details"] == [payment()]
    rejected = robot.token(
        grant_type="password", username="alice", password="valid",
        authorization_details=asked, status=400,
    ).json  # fmt: skip
    assert rejected["error"] == INVALID


# -- locations


def test_a_token_has_the_details_of_its_resources(provider: Provider, client: RelyingParty) -> None:
    at_bank, at_shop = payment("1.00", locations=[BANK]), payment("2.00", locations=[SHOP])
    anywhere = payment("3.00")
    tokens = tokens_for(client, at_bank, at_shop, anywhere, resource=[BANK, SHOP])
    assert tokens["authorization_details"] == [at_bank, at_shop, anywhere]
    narrow = client.refresh(tokens["refresh_token"], resource="https://BANK.example.com/payments")
    assert narrow["authorization_details"] == [at_bank, anywhere]
    elsewhere = tokens_for(client, at_bank, resource=SHOP)
    assert "authorization_details" not in elsewhere
    assert "authorization_details" not in client.introspect(elsewhere["access_token"])


def test_a_resource_server_learns_of_its_own_details(make_provider: Any) -> None:
    server = make_provider().register(grant_types=["client_credentials"], redirect_uris=[])
    provider: Provider = make_provider(
        oidcserver__includes="payments",
        oauth__resources=f"{BANK} | Bank | server={server.client_id}\n{SHOP}",
    )
    server.http.app = provider.wsgi
    client = provider.register(authorization_details_types=[NAME])
    at_bank, at_shop = payment("1.00", locations=[BANK]), payment("2.00", locations=[SHOP])
    tokens = tokens_for(client, at_bank, at_shop, resource=[BANK, SHOP])
    told = server.introspect(tokens["access_token"])
    assert told["authorization_details"] == [at_bank]
    told = client.introspect(tokens["access_token"])
    assert told["authorization_details"] == [at_bank, at_shop]


# -- registration and configuration


def test_a_client_registers_the_types_that_exist(make_provider: Any) -> None:
    provider: Provider = make_provider(
        oidcserver__includes="payments",
        oauth__endpoints="authorization token registration jwks openid_configuration",
        oauth__registration="open",
    )
    app = provider.browser()
    metadata = {"redirect_uris": ["https://client.example/cb"]}
    member = "authorization_details_types"
    answer = app.post_json("/oauth/register", {**metadata, member: [NAME]}, status=201)
    assert answer.json[member] == [NAME]
    for wrong in (["account_information"], NAME, [7]):
        answer = app.post_json("/oauth/register", {**metadata, member: wrong}, status=400)
        assert member in answer.json["error_description"]


def test_the_setting_selects_types(make_provider: Any) -> None:
    with pytest.raises(ConfigurationProblem, match="names 'payment', which nobody offers"):
        make_provider(oidcserver__includes="payments", oauth__authorization_details_types="payment")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("'x', {'a': bytes}, str", "bytes is not str, int, float or bool"),
        ("'x', {'a': [str, int]}, str", "a list has to hold one shape"),
        ("'x', {'a': {'b': 7}}, str", "7 is not a shape"),
        ("'x', {}, 'x'", "cannot be called"),
        ("'x', {}, str, covers='x'", "cannot be called"),
        ("'x', {}, str, validate='x'", "cannot be called"),
    ],
)
def test_a_type_that_cannot_be_used_stops_the_start(
    make_provider: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, call: str, sentence: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "lame_type", raising=False)
    (tmp_path / "lame_type.py").write_text(
        f"def includeme(config):\n    config.add_authorization_details_type({call})\n"
    )
    with pytest.raises(ConfigurationProblem) as problem:
        make_provider(oidcserver__includes="lame_type")
    assert sentence in str(problem.value)
    assert "lame_type.py:2" in str(problem.value)
