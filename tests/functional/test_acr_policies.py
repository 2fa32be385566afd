"""Policies of the ini: which methods reach which class, and who needs a second factor."""

import json
from typing import Any

import pytest
import webtest
from sqlalchemy import select
from support.app import Browser, Provider, RelyingParty, decode_id_token, follow_to_answer
from support.authenticator import BE, BS, UP, Authenticator, passkey_form
from support.factors import App, enrolled, enter, second_step
from support.upstream import Upstream

from oidcserver.accounts.passwords import hash_password
from oidcserver.models import Group, LoginSession, Membership, User
from oidcserver.models.user import find_user
from oidcserver.settings import ConfigurationProblem

FACTORS = "totp passkey recovery_codes"
#: A code of an app reaches the middle class, a passkey the highest.
LINES = """
    low: password
    middle: password+totp password+recovery_codes
    high: passkey
"""
SETTINGS = {"oidc__second_factors": FACTORS, "oidc__acr_methods": LINES}


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(**SETTINGS)
    return made


def claims(client: RelyingParty, page: webtest.TestResponse) -> dict[str, Any]:
    """Return the claims of the ID token at the end."""
    answer = client.answer(client.complete(follow_to_answer(page)))
    found: dict[str, Any] = decode_id_token(
        client.provider, client.exchange(answer["code"])["id_token"]
    )
    return found


def add_passkey(browser: Browser) -> Authenticator:
    key = Authenticator()
    key.make(passkey_form(browser.get("/account/passkeys"))).submit()
    return key


def test_the_classes_are_published_the_weakest_first(provider: Provider) -> None:
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["acr_values_supported"] == ["low", "middle", "high"]


def test_a_request_leads_to_the_factor_that_reaches_its_class(
    provider: Provider, clock: Any
) -> None:
    browser, app = enrolled(provider, clock)
    key = add_passkey(browser)
    client, clean = provider.register(), provider.browser()
    # While the sign-in is under way ...
    page = client.authorize(clean, acr_values="high")
    page = follow_to_answer(_password(page))
    assert page.request.path == "/login/passkey"
    said = claims(client, key.use(passkey_form(page)).submit())
    assert (said["acr"], said["amr"]) == ("high", ["pwd", "swk", "user", "mfa"])
    # ... and in a session of a weaker class.
    lower = provider.browser()
    page = client.authorize(lower, acr_values="middle")
    page = follow_to_answer(_password(page))
    assert page.request.path == "/login/totp"
    said = claims(client, enter(page, app.code()))
    assert (said["acr"], said["amr"]) == ("middle", ["pwd", "otp", "mfa"])
    page = client.authorize(lower, acr_values="high")
    assert page.request.path == "/login/passkey"
    said = claims(client, key.use(passkey_form(page)).submit())
    assert said["acr"] == "high"
    assert said["amr"] == ["pwd", "otp", "mfa", "swk", "user"]
    # The strongest class satisfies a request for a weaker one without a question.
    said = claims(client, client.authorize(lower, acr_values="middle", prompt="consent"))
    assert said["acr"] == "middle"


def _password(page: webtest.TestResponse, username: str = "alice") -> webtest.TestResponse:
    form = page.forms["login"]
    form["username"], form["password"] = username, "valid"
    return form.submit()


def test_max_age_asks_for_both_factors_again(provider: Provider, clock: Any) -> None:
    browser, app = enrolled(provider, clock)
    client = provider.register()
    claims(client, client.authorize(browser, acr_values="middle"))
    clock.advance(400)
    page = client.authorize(browser, acr_values="middle", max_age="300")
    page = follow_to_answer(_password(page))
    said = claims(client, enter(page, app.code()))
    assert said["acr"] == "middle"


def test_a_user_without_the_factor_sets_it_up_or_goes_on_without(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    browser.sign_in()
    page = client.authorize(browser, acr_values="high")
    assert "Set up: Passkey" in page
    assert "Set up: Authenticator app" not in page, "it does not reach the class"
    said = claims(client, page.forms["decline"].submit())
    assert said["acr"] == "low"
    # Of two classes, the weaker one is offered next.
    page = client.authorize(browser, acr_values="high middle")
    page = follow_to_answer(page.forms["decline"].submit())
    assert "A second factor is preferred" in page
    page = page.click("Set up: Authenticator app")
    app = App(page)
    page.forms["totp"]["code"] = app.code()
    said = claims(client, page.forms["totp"].submit())
    assert said["acr"] == "middle", "the request goes on after the set-up"


def test_a_page_of_a_request_to_another_device_says_whether_a_factor_is_required(
    provider: Provider,
) -> None:
    browser = provider.browser()
    browser.sign_in()
    query = {"acr": "high", "next": "/account"}
    assert "A second factor is preferred" in browser.get("/login/second-factor", query)
    query["required"] = "1"
    page = browser.get("/login/second-factor", query)
    assert "A second factor is required" in page
    assert page.forms["decline"].submit().location.endswith("/account")


def test_a_user_without_a_required_factor_goes_back_to_the_application(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    browser.sign_in()
    required = json.dumps({"id_token": {"acr": {"essential": True, "value": "high"}}})
    page = client.authorize(browser, claims=required)
    assert "A second factor is required" in page
    assert "Continue without it" not in page
    assert "Cancel" in page
    answer = client.answer(follow_to_answer(page.forms["decline"].submit()))
    assert answer["error"] == "unmet_authentication_requirements"


def test_a_sign_in_by_which_no_factor_reaches_the_class_begins_anew(make_provider: Any) -> None:
    provider = make_provider(
        oidc__second_factors="totp",
        oidc__first_factors="email_link",
        oidc__pages="home login consent logout account mail",
        oidc__acr_methods="mail: email_link\nlow: password\nmiddle: password+totp",
    )
    browser = provider.browser()
    browser.sign_in()
    page = browser.get("/account").click("Second factors").click("Set up: Authenticator app")
    app = App(page)
    page.forms["totp"]["code"] = app.code()
    page.forms["totp"].submit()
    with provider.database() as dbsession:
        session = dbsession.scalars(select(LoginSession)).one()
        session.methods, session.acr, session.amr = ["email_link"], "mail", ["email"]
    client = provider.register()
    page = client.authorize(browser, acr_values="middle")
    page = page.click("Sign in another way")
    assert page.forms["login"]["username"].value == "alice"
    page = follow_to_answer(_password(page))
    assert page.request.path == "/login/totp"
    said = claims(client, enter(page, app.code(1)))
    assert said["acr"] == "middle"


def test_the_strongest_factor_is_needed_to_change_the_ways_in(
    make_provider: Any, upstream: Upstream, clock: Any
) -> None:
    provider = make_provider(
        **upstream.settings(),
        oidc__second_factors=FACTORS,
        oidc__acr_methods=LINES.replace("low: password", "low: password upstream.other"),
        oidc__user_directory="database",
        oidc__pages="home login consent logout account mail address",
    )
    with provider.database() as dbsession:
        dbsession.add(User("alice", password_hash=hash_password("valid")))
    browser, app = enrolled(provider, clock)
    key = add_passkey(browser)
    weaker = provider.browser()
    page = second_step(weaker)
    if page.request.path != "/login/totp":
        page = page.click("Use instead: Authenticator app")
    enter(page, app.code())
    paths = (
        "/account/totp", "/account/passkeys", "/account/connections", "/account/address",
        "/account/recovery-codes",
    )  # fmt: skip
    for path in paths:
        page = follow_to_answer(weaker.get(path))
        assert page.request.path == "/login/passkey", path
    page = key.use(passkey_form(page)).submit().follow()
    assert page.request.path == "/account/recovery-codes"
    for path in paths:
        assert "/login" not in weaker.get(path).headers.get("Location", ""), path
    clock.advance(301)
    for path in paths:
        page = weaker.get(path).follow()
        assert "login" in page.forms, path
    page = follow_to_answer(_password(page))
    assert page.request.path == "/login/passkey"
    page = key.use(passkey_form(page)).submit().follow()
    assert page.request.path == "/account/recovery-codes"


def test_a_key_that_does_not_verify_its_user_counts_after_a_password_alone(
    provider: Provider, clock: Any
) -> None:
    browser = provider.browser()
    browser.sign_in()
    key = add_passkey(browser)
    client, clean = provider.register(), provider.browser()
    key.flags = UP | BE | BS
    assert "notice=passkey" in key.use(passkey_form(clean.get("/login"))).submit().location
    page = follow_to_answer(_password(client.authorize(clean)))
    said = claims(client, key.use(passkey_form(page)).submit())
    assert (said["acr"], said["amr"]) == ("high", ["pwd", "swk", "mfa"])


def test_an_upstream_has_its_place_in_the_policy(
    make_provider: Any, upstream: Upstream, clock: Any
) -> None:
    own = upstream.settings(allow_registration="true")
    [name] = own["oidc__upstreams"].split()
    lines = f"low: password\nmiddle: upstream.{name} password+totp\nhigh: upstream.{name}+totp"
    provider = make_provider(
        oidc__user_directory="demo",
        oidc__second_factors="totp",
        oidc__acr_methods=lines,
        **own,
    )
    browser = provider.browser()
    upstream.sign_in(browser)
    client = provider.register()
    said = claims(client, client.authorize(browser, acr_values="middle"))
    assert said["acr"] == "middle"
    assert "Set up: Authenticator app" in client.authorize(browser, acr_values="high")
    page = browser.get("/account/totp")
    app = App(page)
    page.forms["totp"]["code"] = app.code()
    page.forms["totp"].submit()
    clock.advance(60)
    page = client.authorize(browser, acr_values="high", prompt="consent")
    said = claims(client, page)
    assert (said["acr"], said["amr"]) == ("high", ["otp", "mfa"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"oidc__acr_values": "low high"}, "lacks 'middle', which oidc.acr_methods declares"),
        ({"oidc__acr_values": "low high middle"}, "has another order than oidc.acr_methods"),
        ({"oidc__acr_values": "low middle high top"}, "names 'top', which nobody offers"),
        (
            {
                "oidcserver__includes": "second_factor",
                "second_factor__secret": "a-secret-of-thirty-two-characters",
                "oidc__acr_methods": f"{LINES}\n urn:example:two-factors: password+passkey",
            },
            "has a line for 'urn:example:two-factors', which .* offers: remove the line",
        ),
        ({"oidc__second_factor": "groups"}, "but oidc.second_factor_groups names none"),
        ({"oidc__second_factor_groups": "staff"}, "set it to groups"),
        ({"oidc__second_factor_groups": "a\tb"}, "names of groups, one a line, not 'a"),
        ({"oidc__second_factor": "some"}, "one of enrolled, required, groups"),
    ],
)
def test_a_contradiction_stops_the_start(
    make_provider: Any, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_provider(**{**SETTINGS, **changes})


@pytest.mark.parametrize(
    ("acr", "lines", "sentence"),
    [
        ("other", "low: password", "has acr = other, which oidc.acr_methods does not declare"),
        ("low", "low: password\nhigh: {}", "has acr = low, but oidc.acr_methods has it for 'high'"),
        ("", "low: password", "has no class for {} alone"),
    ],
)
def test_an_upstream_has_one_class(
    make_provider: Any, upstream: Upstream, acr: str, lines: str, sentence: str
) -> None:
    own = upstream.settings(**({"acr": acr} if acr else {}))
    method = f"upstream.{own['oidc__upstreams']}"
    with pytest.raises(ConfigurationProblem, match=sentence.format(method)):
        make_provider(oidc__acr_methods=lines.format(method), **own)


def test_members_of_certain_groups_need_a_second_factor(make_provider: Any) -> None:
    provider = make_provider(
        oidc__second_factors=FACTORS,
        oidc__second_factor="groups",
        oidc__second_factor_groups="people of the house\nZu\u0308rcher\nstaff",
    )
    for username, group in (
        ("alice", "people of the house"),
        ("carol", "Z\u00fcrcher"),
        ("bob", "visitors"),
    ):
        provider.browser().sign_in(username)
        with provider.database() as dbsession:
            user = find_user(dbsession, username)
            assert user is not None
            dbsession.add(Group(name=group))
            dbsession.flush()
            dbsession.add(Membership(group_name=group, user_id=user.id))
    for username in ("alice", "carol"):
        browser = provider.browser()
        assert "Set up an authenticator app" in second_step(browser, username)
        assert "/login" in browser.get("/account").location
    assert second_step(provider.browser(), "bob").request.path == "/"


def test_a_plugin_adds_a_way_to_begin_a_sign_in(make_provider: Any, clock: Any) -> None:
    plugin = {"oidcserver__includes": "support.door_plugin", "oidc__second_factors": "totp"}
    provider = make_provider(**plugin, oidc__first_factors="door")
    browser = provider.browser()
    assert "Ask the doorkeeper" in browser.get("/login")
    browser.get("/door?name=alice")
    with provider.database() as dbsession:
        session = dbsession.scalars(select(LoginSession)).one()
        assert (session.acr, session.amr, session.methods) == ("1", ["door"], ["door"])
    enrolled(provider, clock)
    page = follow_to_answer(provider.browser().get("/door?name=alice"))
    assert page.request.path == "/login/totp"
    make_provider(**plugin).browser().get("/door?name=alice", status=404)
