"""The page where users edit their profile; what applications then get."""

from typing import Any

import pytest
from sqlalchemy import select
from support.app import Browser, Provider

import oidcserver
from oidcserver.models import User
from oidcserver.settings import ConfigurationProblem

ALL = (
    "name given_name middle_name family_name nickname gender birthdate picture profile website "
    "zoneinfo locale phone_number address"
)
VALUES = {
    "name": "Ada Lovelace", "given_name": "Ada", "middle_name": "King", "family_name": "Lovelace",
    "nickname": "Countess", "gender": "female", "birthdate": "1815-12-10",
    "picture": "https://ada.example/ada.png", "profile": "https://ada.example/",
    "website": "http://ada.example/notes", "zoneinfo": "Europe/London", "locale": "en-GB",
    "phone_number": "+44 20 7946 0000", "address": "12 St James's Square\nLondon",
}  # fmt: skip


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(
        oidc__pages="home login consent logout account profile", oidc__editable_claims=ALL
    )
    return provider


@pytest.fixture
def browser(provider: Provider) -> Browser:
    browser = provider.browser()
    browser.sign_in("ada")
    return browser


def claims(provider: Provider) -> dict[str, Any]:
    with provider.database() as dbsession:
        return dict(dbsession.scalars(select(User.claims)).one())


def save(browser: Browser, status: int = 303, **values: str) -> Any:
    form = browser.get("/account/profile").forms["profile"]
    for name, value in values.items():
        form[name].force_value(value) if name == "zoneinfo" else form.set(name, value)
    return form.submit(status=status)


@pytest.mark.both_databases
def test_what_is_entered_reaches_applications(provider: Provider, browser: Browser) -> None:
    page = save(browser, **VALUES).follow()
    assert "Your profile was saved" in page
    assert "Ada Lovelace" in page
    client = provider.register(scope="openid profile phone address")
    answer = client.login(browser, scope="openid profile phone address")
    told = client.userinfo(client.exchange(answer["code"])["access_token"]).json
    expected = {**VALUES, "address": {"formatted": VALUES["address"]}}
    assert {name: told[name] for name in VALUES} == expected
    form = browser.get("/account/profile").forms["profile"]
    shown = {name: "\n".join(form[name].value.strip().splitlines()) for name in VALUES}
    assert shown == VALUES


def test_an_empty_field_takes_the_claim_away(provider: Provider, browser: Browser) -> None:
    save(browser, nickname="Countess", given_name="Ada")
    save(browser, nickname=" ")
    assert claims(provider) == {"given_name": "Ada"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "x" * 201), ("nickname", "a\u202eb"), ("website", "javascript:alert(1)"),
        ("picture", "https://"), ("profile", "//ada.example"), ("website", "https://a b"),
        ("website", "https://user@ada.example/"), ("picture", "https://[x/"),
        ("birthdate", "1815-13-01"), ("birthdate", "1815-02-29"), ("birthdate", "0000"),
        ("birthdate", "10.12.1815"), ("zoneinfo", "Europe/Atlantis"), ("zoneinfo", "../etc/passwd"),
        ("locale", "english, please"), ("phone_number", "020 7946 0000"), ("phone_number", "+x"),
        ("address", "x" * 1001),
    ],
)  # fmt: skip
def test_a_value_of_a_wrong_shape_is_refused_and_nothing_is_lost(
    provider: Provider, browser: Browser, name: str, value: str
) -> None:
    page = save(browser, 400, **{"given_name": "Ada", name: value})
    assert page.html.find(id=f"{name}-error")
    assert page.html.find("title").text.startswith("Error: ")
    form = page.forms["profile"]
    assert form["given_name"].value == "Ada"
    if name != "zoneinfo":
        assert form[name].value.strip() == value.strip()
    assert claims(provider) == {}


@pytest.mark.parametrize("value", ["1815", "0000-02-29", "2000-02-29"])
def test_a_date_of_birth_may_leave_the_year_or_the_day_out(
    provider: Provider, browser: Browser, value: str
) -> None:
    save(browser, birthdate=value)
    assert claims(provider) == {"birthdate": value}


def test_what_the_ini_does_not_list_is_not_written(make_provider: Any) -> None:
    provider = make_provider(
        oidc__pages="home login consent logout profile", oidc__editable_claims="nickname"
    )
    browser = provider.browser()
    browser.sign_in("ada")
    with provider.database() as dbsession:
        dbsession.scalars(select(User)).one().claims = {"email": "a@example.com", "groups": ["x"]}
    form = browser.get("/account/profile").forms["profile"]
    fields = {
        "csrf_token": form["csrf_token"].value, "nickname": "Countess", "name": "Root",
        "groups": "admins", "roles": "admin", "email": "x@example.com", "email_verified": "true",
        "sub": "1", "id": "1", "username": "root",
    }  # fmt: skip
    browser.post("/account/profile", fields, status=303)
    assert claims(provider) == {
        "email": "a@example.com", "groups": ["x"], "nickname": "Countess"
    }  # fmt: skip


def test_another_phone_number_is_not_verified_any_more(
    provider: Provider, browser: Browser
) -> None:
    verified = {"phone_number": "+44 20 7946 0000", "phone_number_verified": True}
    with provider.database() as dbsession:
        dbsession.scalars(select(User)).one().claims = verified
    save(browser, nickname="Countess")
    assert claims(provider) == {**verified, "nickname": "Countess"}
    save(browser, phone_number="+44 20 7946 0001")
    assert claims(provider) == {"phone_number": "+44 20 7946 0001", "nickname": "Countess"}


def test_a_user_of_another_directory_has_no_profile_here(
    provider: Provider, browser: Browser
) -> None:
    with provider.database() as dbsession:
        dbsession.scalars(select(User)).one().realm = "company"
    browser.get("/account/profile", status=404)


@pytest.mark.parametrize("name", ["groups", "roles", "email_verified", "sub", "email", "nonsense"])
def test_claims_that_users_may_not_write_stop_the_start(name: str) -> None:
    settings = {
        "oidcserver.mode": "development", "oidc.issuer": "http://localhost:6543",
        "oidc.user_directory": "demo", "oidc.editable_claims": f"name {name}",
    }  # fmt: skip
    with pytest.raises(ConfigurationProblem, match=f"editable_claims takes some of .*, not {name}"):
        oidcserver.main({}, **settings)


def test_times_are_in_the_zone_and_the_language_of_the_user(
    provider: Provider, browser: Browser
) -> None:
    page = browser.get("/account")
    time = page.html.find("time")
    assert time.text.endswith(" UTC")
    assert time.has_attr("data-utc")
    assert "local_times.js" in page
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    save(browser, zoneinfo="Asia/Tokyo")
    page = browser.get("/account", headers={"Accept-Language": "de"})
    time = page.html.find("time")
    assert not time.has_attr("data-utc")
    assert "local_times.js" not in page
    assert "script-src" not in page.headers["Content-Security-Policy"]
    hour = (int(time["datetime"][11:13]) + 9) % 24
    assert f", {hour:02}:{time['datetime'][14:16]}" in time.text
    assert "UTC" not in time.text
