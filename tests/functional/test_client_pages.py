"""The pages of clients: create, list, edit, new secret, delete; and who may."""

import json
from typing import Any

import pytest
import webtest
from support.app import Browser, Provider, RelyingParty

from oidcserver.models import Client


@pytest.fixture
def browser(provider: Provider) -> Browser:
    browser = provider.browser()
    browser.sign_in("alice")
    return browser


def fill(page: webtest.TestResponse, **values: Any) -> webtest.Form:
    form = page.forms["client"]
    boxes = {"scope": ["profile"], "grant_types": ["password"], "response_types": []}
    for name, chosen in {**boxes, **{n: v for n, v in values.items() if n in boxes}}.items():
        for field in form.fields[name]:
            field.checked = field._value in chosen
    texts = {"client_name": "Shop", "redirect_uris": ""}
    for name, value in {**texts, **{n: v for n, v in values.items() if n not in boxes}}.items():
        form[name] = value
    return form


def created(page: webtest.TestResponse) -> tuple[str, str]:
    html = page.html
    return html.find(id="client_id").text, html.find(id="client_secret").text


def test_the_walk_through_creates_a_client_and_uses_it(
    provider: Provider, browser: Browser
) -> None:
    page = fill(browser.get("/create_client")).submit()
    client_id, secret = created(page)
    assert page.headers["Cache-Control"] == "no-store"
    assert "will not be shown again" in page.text
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        assert client.secret_digest != secret
        dbsession.expunge(client)
    shop = RelyingParty(provider, client, secret)
    tokens = shop.token(
        grant_type="password", username="alice", password="valid", scope="profile"
    ).json
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    me = shop.http.get("/api/me", headers=headers).json
    assert me["username"] == "alice"


def test_a_reload_neither_shows_the_secret_nor_creates_another(
    provider: Provider, browser: Browser
) -> None:
    form = fill(browser.get("/create_client"))
    _, secret = created(form.submit())
    again = form.submit()
    assert again.status_int == 303
    page = again.follow()
    assert "created already" in page.text
    assert secret not in page.text
    with provider.database() as dbsession:
        assert dbsession.query(Client).count() == 1


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(browser: Browser) -> None:
    form = fill(
        browser.get("/create_client"),
        client_name="My <b>Shop</b>",
        redirect_uris="https://ok.example/cb\njavascript:alert(1)",
        grant_types=["authorization_code"],
        response_types=["code"],
        scope=["email"],
    )
    page = form.submit(status=400)
    again = page.forms["client"]
    assert again["client_name"].value == "My <b>Shop</b>"
    assert "<b>Shop" not in page.text
    assert "javascript:alert(1)" in again["redirect_uris"].value
    assert [box._value for box in again.fields["scope"] if box.checked] == ["email"]
    error = page.html.find(id="redirect_uris-error")
    assert "javascript" in error.text
    assert "redirect_uris-error" in page.html.find(id="redirect_uris")["aria-describedby"]


def test_a_client_is_listed_edited_given_a_new_secret_and_deleted(
    provider: Provider, browser: Browser
) -> None:
    client_id, first = created(fill(browser.get("/create_client")).submit())
    assert "Shop" in browser.get("/clients").text
    page = browser.get(f"/clients/{client_id}")
    form = page.forms["client"]
    form["client_name"] = "Better Shop"
    saved = form.submit().follow()
    assert "Saved." in saved.text
    rotated = saved.forms["new_secret"]
    _, second = created(rotated.submit())
    assert second != first
    assert rotated.submit().status_int == 303, "a reload makes no third secret"
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        assert client.client_name == "Better Shop"
        assert client.check_client_secret(first)
        assert client.check_client_secret(second)
    ask = browser.get(f"/clients/{client_id}/delete")
    assert ask.forms["delete"].submit().status_int == 303
    browser.get(f"/clients/{client_id}", status=404)
    assert "Better Shop" not in browser.get("/clients").text


def test_another_persons_client_does_not_exist_for_one(
    provider: Provider, browser: Browser
) -> None:
    client_id, _ = created(fill(browser.get("/create_client")).submit())
    form = browser.get(f"/clients/{client_id}").forms["client"]
    mallory = provider.browser()
    mallory.sign_in("mallory")
    assert client_id not in mallory.get("/clients").text
    mallory.get(f"/clients/{client_id}", status=404)
    mallory.get(f"/clients/{client_id}/delete", status=404)
    token = mallory.get("/create_client").forms["client"]["csrf_token"].value
    stolen = {**dict(form.submit_fields()), "csrf_token": token, "client_name": "Mine"}
    for path in ("", "/secret", "/delete"):
        mallory.post(f"/clients/{client_id}{path}", stolen, status=404)
    with provider.database() as dbsession:
        assert dbsession.get_one(Client, client_id).client_name == "Shop"


def test_a_stolen_ticket_names_no_client_of_another_person(
    provider: Provider, browser: Browser
) -> None:
    ticket = browser.get("/create_client").forms["client"]["ticket"].value
    mallory = provider.browser()
    mallory.sign_in("mallory")
    form = fill(mallory.get("/create_client"))
    form["ticket"] = ticket
    assert "send it again" in form.submit(status=400).text


def test_fields_that_the_form_does_not_have_are_not_taken(
    provider: Provider, browser: Browser
) -> None:
    form = fill(browser.get("/create_client"))
    pairs = [*form.submit_fields(), ("resource_server", "1"), ("pkce_optional", "1"),
             ("owner_id", "x"), ("client_id", "chosen"), ("secret_digest", "x")]  # fmt: skip
    client_id, _ = created(browser.post("/create_client", pairs))
    assert client_id != "chosen"
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        assert (client.resource_server, client.pkce_optional) == (False, False)


def test_the_pages_want_somebody_signed_in_and_lead_back(provider: Provider) -> None:
    response = provider.browser().get("/create_client")
    assert response.status_int == 303
    assert response.location.endswith("/login?next=%2Fcreate_client")


def test_only_administrators_manage_clients_unless_the_ini_says_otherwise(
    make_provider: Any,
) -> None:
    provider = make_provider(oidc__client_pages="administrators", oidc__administrators="alice root")
    mallory, alice = provider.browser(), provider.browser()
    mallory.sign_in("mallory")
    mallory.get("/clients", status=403)
    mallory.get("/create_client", status=403)
    alice.sign_in("alice")
    client_id, _ = created(fill(alice.get("/create_client")).submit())
    root = provider.browser()
    root.sign_in("root")
    assert client_id in root.get("/clients").text
    root.get(f"/clients/{client_id}")


def test_a_form_without_its_token_changes_nothing(provider: Provider, browser: Browser) -> None:
    form = fill(browser.get("/create_client"))
    form["csrf_token"] = "forged"
    form.submit(status=403)
    pairs = [pair for pair in form.submit_fields() if pair[0] != "csrf_token"]
    browser.post("/create_client", pairs, status=403)
    with provider.database() as dbsession:
        assert dbsession.query(Client).count() == 0


def test_a_client_with_keys_needs_no_secret(provider: Provider, browser: Browser) -> None:
    jwks = {"keys": [json.loads(json.dumps(key)) for key in json.loads(
        provider.registry.provider.keys.jwks())["keys"] if key["alg"] == "ES256"]}  # fmt: skip
    form = fill(
        browser.get("/create_client"),
        token_endpoint_auth_method="private_key_jwt",
        grant_types=["client_credentials"],
        jwks=json.dumps(jwks),
    )
    page = form.submit()
    assert page.html.find(id="client_secret") is None
    assert page.html.find(id="client_id") is not None
    form = fill(browser.get("/create_client"), jwks="[nonsense")
    assert "not JSON" in form.submit(status=400).html.find(id="jwks-error").text
