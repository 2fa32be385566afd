"""Single claims by their names: the ``claims`` parameter (OpenID Connect Core section 5.5)."""

import json
from typing import Any

import pytest
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty, decode_id_token, follow_to_answer
from support.changed_client import change

from oidcserver.models import Authorization, Consent, User

KNOWN = {
    "name": "Alice Liddell",
    "name#fr": "Alice de Liddell",
    "birthdate": "1852-05-04",
    "zoneinfo": "Europe/London",
    "phone_number": "+44 1865 276492",
    "phone_number_verified": False,
    "address": {"locality": "Oxford", "region": ""},
    "nickname": "",
    "website": None,
    "updated_at": 1_700_000_000,
    "gender": 7,
}


@pytest.fixture
def browser(provider: Provider) -> Browser:
    """A browser in which alice is signed in, of whom much is known."""
    browser = provider.browser()
    browser.sign_in()
    with provider.database() as dbsession:
        dbsession.scalars(select(User)).one().claims = KNOWN
    return browser


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    """A relying party of every response type."""
    return provider.register(
        grant_types=["authorization_code", "implicit", "refresh_token"],
        response_types=["code", "id_token", "id_token token", "code id_token"],
        scope="openid profile email address phone offline_access",
    )


def asking(
    userinfo: dict[str, Any] | None = None, id_token: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """The parameters of a request for claims, which is about little else."""
    claims = {"userinfo": userinfo or {}, "id_token": id_token or {}}
    return {"scope": "openid", "claims": json.dumps(claims), **changes}


def allow(page: Any, *, remember: bool = False) -> Any:
    """Allow what the consent page asks for."""
    form = page.forms["consent"]
    form["remember"] = remember
    return follow_to_answer(form.submit("decision", value="allow"))


def answered(client: RelyingParty, browser: Browser, **changes: Any) -> tuple[Any, Any, Any]:
    """Allow all; return the tokens, the claims of the ID token, and what UserInfo says."""
    tokens = client.exchange(client.login(browser, **changes)["code"])
    claims = decode_id_token(client.provider, tokens["id_token"])
    return tokens, claims, client.userinfo(tokens["access_token"]).json


def error_of(client: RelyingParty, browser: Browser, **changes: Any) -> dict[str, str]:
    """Return the error that the request gets."""
    answer = client.answer(client.authorize(browser, **changes))
    assert "code" not in answer
    return answer


# -- what goes where


def test_each_claim_comes_where_it_was_asked_for(browser: Browser, client: RelyingParty) -> None:
    request = asking({"name": {"essential": True}, "address": None}, {"birthdate": None})
    _, id_token, userinfo = answered(client, browser, **request)
    assert userinfo == {
        "sub": id_token["sub"],
        "name": "Alice Liddell",
        "address": {"locality": "Oxford"},
    }
    assert id_token["birthdate"] == "1852-05-04"
    assert not {"name", "address"} & id_token.keys()


def test_claims_come_beside_those_of_the_scopes(browser: Browser, client: RelyingParty) -> None:
    request = asking({"phone_number": None}, {"email": None}, scope="openid profile")
    _, id_token, userinfo = answered(client, browser, **request)
    assert {"name", "zoneinfo", "updated_at", "phone_number"} <= userinfo.keys()
    assert "email" not in userinfo
    assert "email" in id_token
    assert "name" not in id_token


def test_what_is_not_known_or_of_no_use_is_left_out(browser: Browser, client: RelyingParty) -> None:
    names = ("nickname", "website", "gender", "picture", "http://example.info/claims/groups", "iss")
    request = asking({name: {"essential": True} for name in names}, dict.fromkeys(names))
    _, id_token, userinfo = answered(client, browser, **request)
    assert userinfo.keys() == {"sub"}
    assert not {"nickname", "website", "gender", "picture"} & id_token.keys()
    assert id_token["iss"] == client.provider.issuer


def test_a_value_that_is_asked_for_changes_no_claim(browser: Browser, client: RelyingParty) -> None:
    request = asking({"name": {"value": "Mallory"}}, {"name": {"values": ["Mallory", "Eve"]}})
    _, id_token, userinfo = answered(client, browser, **request)
    assert userinfo["name"] == id_token["name"] == "Alice Liddell"


def test_a_refreshed_token_says_the_same(browser: Browser, client: RelyingParty) -> None:
    request = asking({"name": None}, {"birthdate": None}, scope="openid offline_access")
    tokens, _, _ = answered(client, browser, **request)
    tokens = client.refresh(tokens["refresh_token"])
    assert client.userinfo(tokens["access_token"]).json["name"] == "Alice Liddell"
    assert decode_id_token(client.provider, tokens["id_token"])["birthdate"] == "1852-05-04"


def test_the_front_channel_has_what_was_asked_of_the_id_token(
    browser: Browser, client: RelyingParty
) -> None:
    request = asking({"zoneinfo": None}, {"name": None}, scope="openid email")
    answer = client.login(browser, response_type="id_token token", **request)
    id_token = decode_id_token(client.provider, answer["id_token"])
    assert id_token["name"] == "Alice Liddell"
    assert not {"zoneinfo", "email"} & id_token.keys()
    assert {"zoneinfo", "email"} <= client.userinfo(answer["access_token"]).json.keys()
    answer = client.login(browser, response_type="code id_token", **request)
    assert decode_id_token(client.provider, answer["id_token"])["name"] == "Alice Liddell"


def test_without_an_access_token_all_is_in_the_id_token(
    browser: Browser, client: RelyingParty
) -> None:
    request = asking({"zoneinfo": None}, {"name": None}, scope="openid email")
    answer = client.login(browser, response_type="id_token", **request)
    id_token = decode_id_token(client.provider, answer["id_token"])
    assert {"zoneinfo", "name", "email", "email_verified"} <= id_token.keys()


def test_auth_time_is_there_whoever_asks(browser: Browser, client: RelyingParty) -> None:
    _, id_token, _ = answered(
        client, browser, **asking(id_token={"auth_time": {"essential": True}})
    )
    assert isinstance(id_token["auth_time"], int)


# -- languages


def test_a_claim_in_a_language(browser: Browser, client: RelyingParty) -> None:
    request = asking({"name#fr-CA": None, "zoneinfo#fr": None}, {"name#de": None})
    _, id_token, userinfo = answered(client, browser, **request)
    assert userinfo["name#fr"] == "Alice de Liddell"
    assert userinfo["zoneinfo"] == "Europe/London"
    assert "name" not in userinfo
    assert id_token["name"] == "Alice Liddell"


@pytest.mark.parametrize(
    ("locales", "names"),
    [
        ("fr", {"name", "name#fr"}),
        ("se de-DE fr-CA", {"name", "name#fr"}),
        ("se", {"name"}),
        ("?? <b> " + "x" * 99, {"name"}),
        (" ".join(["de"] * 500), {"name"}),
    ],
)
def test_claims_locales_prefers_and_never_fails(
    browser: Browser, client: RelyingParty, locales: str, names: set[str]
) -> None:
    _, _, userinfo = answered(client, browser, scope="openid profile", claims_locales=locales)
    assert {name for name in userinfo if name.startswith("name")} == names


# -- what is rejected, and what is not


@pytest.mark.parametrize(
    "claims",
    [
        "name",
        "[]",
        '{"userinfo": []}',
        '{"userinfo": {"name": 1}}',
        '{"id_token": {"name": {"essential": 1}}}',
        '{"id_token": {"sub": {"value": {}}}}',
        '{"userinfo": {"name": null, "name": null}}',
        '{"userinfo": {"name": {"value": ' + "[" * 1000 + "]" * 1000 + "}}}",
        json.dumps({"userinfo": {str(number): None for number in range(200)}}),
    ],
)
def test_malformed_claims_are_an_invalid_request(
    browser: Browser, client: RelyingParty, claims: str
) -> None:
    answer = error_of(client, browser, claims=claims)
    assert answer["error"] == "invalid_request"
    assert answer["state"] == "the-state"


def test_where_it_is_not_selected_it_is_ignored_and_not_promised(make_provider: Any) -> None:
    provider = make_provider(oidc__claims_parameter="false")
    browser, client = provider.browser(), provider.register()
    document = browser.get("/.well-known/openid-configuration").json
    assert document["claims_parameter_supported"] is False
    request = asking({"name": None}, {"name": None})
    _, id_token, userinfo = answered(client, browser, **request)
    assert "name" not in userinfo
    assert "name" not in id_token
    assert "code" in client.login(browser, claims="[")


def test_it_is_promised(provider: Provider) -> None:
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["claims_parameter_supported"] is True
    assert {"sub", "name", "address", "phone_number_verified"} <= set(document["claims_supported"])
    assert document["display_values_supported"] == ["page"]
    assert document["ui_locales_supported"] == ["en", "de", "fr", "es", "ar"]


# -- one person


@pytest.mark.parametrize("member", ["userinfo", "id_token"])
@pytest.mark.parametrize("qualifier", ["value", "values"])
def test_only_the_person_that_is_asked_for_gets_an_answer(
    browser: Browser, client: RelyingParty, member: str, qualifier: str
) -> None:
    _, id_token, _ = answered(client, browser)
    sub = id_token["sub"] if qualifier == "value" else ["somebody", id_token["sub"]]
    request = asking(**{member: {"sub": {qualifier: sub}}})
    assert "code" in client.login(browser, **request)
    bob = client.provider.browser()
    bob.sign_in("bob")
    assert error_of(client, bob, **request, prompt="none")["error"] == "login_required"
    page = client.authorize(bob, **request)
    assert page.forms["login"]["username"].value == ""
    assert client.answer(client.complete(page, "bob"))["error"] == "login_required"
    assert "code" in client.answer(client.complete(client.authorize(bob, **request), "alice"))


def test_a_hint_and_a_value_that_contradict_each_other_are_answered_for_nobody(
    browser: Browser, client: RelyingParty
) -> None:
    tokens, _, _ = answered(client, browser)
    request = asking(id_token={"sub": {"value": "somebody"}}, id_token_hint=tokens["id_token"])
    assert error_of(client, browser, **request, prompt="none")["error"] == "login_required"
    page = client.authorize(browser, **request)
    assert client.answer(client.complete(page))["error"] == "login_required"


def test_a_pairwise_subject_is_the_one_that_counts(provider: Provider, browser: Browser) -> None:
    client = provider.register(subject_type="pairwise")
    _, id_token, _ = answered(client, browser)
    assert "code" in client.login(browser, **asking(id_token={"sub": {"value": id_token["sub"]}}))
    with provider.database() as dbsession:
        public = dbsession.scalars(select(User.id)).one()
    request = asking(id_token={"sub": {"value": public}}, prompt="none")
    assert error_of(client, browser, **request)["error"] == "login_required"


# -- consent


def consents(provider: Provider) -> list[tuple[str, str, bool]]:
    """Return scope, claims and memory of every stored consent."""
    with provider.database() as dbsession:
        return [
            (row.scope, row.claims, row.remembered) for row in dbsession.scalars(select(Consent))
        ]


def test_the_page_says_each_claim_beyond_the_scopes_in_plain_words(
    browser: Browser, client: RelyingParty
) -> None:
    request = asking(
        {"email": None, "name": None}, {"birthdate": None, "name#fr": None, "acr": None}
    )
    page = client.authorize(browser, **{**request, "scope": "openid email"})
    assert page.text.count("See your email address") == 1
    assert page.text.count("See your full name") == 1
    assert "See your date of birth" in page


def test_what_was_not_shown_is_not_given(browser: Browser, client: RelyingParty) -> None:
    """The claims of a scope that the client may not have any more are shown one by one."""
    request = asking({"name": None}, {"birthdate": None, "name#fr": None})
    page = client.authorize(browser, **{**request, "scope": "openid profile"})
    assert "See your date of birth" not in page
    change(client.provider, client, scope="openid")
    again = page.forms["consent"].submit("decision", value="allow", status=409)
    assert "See your date of birth" in again
    tokens = client.exchange(client.answer(allow(again))["code"])
    assert client.userinfo(tokens["access_token"]).json.keys() == {"sub", "name"}
    id_token = decode_id_token(client.provider, tokens["id_token"])
    assert {"birthdate", "name#fr"} <= id_token.keys()
    assert consents(client.provider) == [("openid", "name birthdate", False)]


def test_a_remembered_consent_covers_the_claims_that_were_allowed(
    browser: Browser, client: RelyingParty
) -> None:
    request = asking({"name": None, "phone_number": None})
    allow(client.authorize(browser, **request), remember=True)
    assert consents(client.provider) == [("openid", "name phone_number", True)]
    _, _, userinfo = answered(client, browser, **request, prompt="none")
    assert userinfo["name"] == "Alice Liddell"
    assert "code" in client.login(browser, **asking(id_token={"name": None}), prompt="none")
    page = client.authorize(browser, **asking({"name": None, "birthdate": None}))
    new, _, earlier = page.text.partition("<details>")
    assert "See your date of birth" in new
    assert "See your full name" not in new
    assert "See your full name" in earlier
    error = error_of(client, browser, **asking({"birthdate": None}), prompt="none")["error"]
    assert error == "consent_required"
    allow(page, remember=True)
    assert consents(client.provider) == [("openid", "name phone_number birthdate", True)]


@pytest.mark.both_databases
def test_either_database_keeps_what_was_asked_and_allowed(make_provider: Any) -> None:
    provider = make_provider()
    browser, client = provider.browser(), provider.register()
    browser.sign_in()
    request = asking(
        {"name": {"values": ["Zoë", "\U0001f40b"], "essential": True}, "website": None},
        {"updated_at": {"value": 1.5}},
        acr_values="1",
        claims_locales="de",
    )
    allow(client.authorize(browser, **request), remember=True)
    _, id_token, userinfo = answered(client, browser, **request, prompt="none")
    assert userinfo["name"] == "alice"
    assert id_token["updated_at"] > 1.5
    with provider.database() as dbsession:
        kept = dbsession.scalars(select(Authorization.claims_request)).first()
    assert kept["userinfo"]["name"] == {"values": ["Zoë", "\U0001f40b"], "essential": True}
    assert kept["id_token"]["acr"] == {"values": ["1"]}


def test_a_scope_that_is_remembered_covers_its_claims_but_not_the_other_way_round(
    browser: Browser, client: RelyingParty
) -> None:
    allow(client.authorize(browser, scope="openid email"), remember=True)
    request = asking({"email": None}, {"email_verified": None})
    _, id_token, userinfo = answered(client, browser, **request, prompt="none")
    assert "email" in userinfo
    assert "email_verified" in id_token
    allow(client.authorize(browser, **asking({"phone_number": None})), remember=True)
    error = error_of(client, browser, scope="openid phone", prompt="none")["error"]
    assert error == "consent_required"


def test_the_account_page_says_what_was_allowed(browser: Browser, client: RelyingParty) -> None:
    allow(client.authorize(browser, **asking({"birthdate": None})), remember=True)
    assert "See your date of birth" in browser.get("/account")
