"""The pages of clients: create, list, edit, new secret, delete; and who may."""

import json
import re
import shlex
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import webtest
import webtest.forms
from support import devices
from support.app import DEVELOPMENT, Browser, Provider, RelyingParty, decode_id_token
from support.client_host import JWKSHost

from oidcserver.clients.fields import FIELDS
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


def test_a_grant_has_a_description_and_its_name(make_provider: Any) -> None:
    provider = make_provider(
        **{**devices.SETTINGS, "oidc__pages": "login consent logout clients device"}
    )
    browser = provider.browser()
    browser.sign_in("alice")
    box = browser.get("/create_client").html.find(id="grant_types")
    for label, name in (
        ("Authorization code: users sign in", "authorization_code"),
        (
            "Device code: users enter a code that a device shows",
            "urn:ietf:params:oauth:grant-type:device_code",
        ),
    ):
        field = box.find("input", value=name)
        assert box.find("label", attrs={"for": field["id"]}).get_text() == label
        assert box.find(id=field["aria-describedby"]).find("code").get_text() == name


def test_a_reload_neither_shows_the_secret_nor_creates_another(
    provider: Provider, browser: Browser
) -> None:
    form = fill(browser.get("/create_client"))
    _, secret = created(form.submit())
    again = form.submit()
    assert again.status_int == 303
    page = again.follow()
    assert "This application already exists" in page.text
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
    assert "Redirect URI 2 has the scheme javascript." in error.text
    assert "autofocus" in page.html.find(id="redirect_uris").attrs
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
    rotated = saved.click("Create a new secret").forms["new_secret"]
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
    own = mallory.get("/create_client").forms["client"]
    protection = {name: own[name].value for name in ("csrf_token", "csrf_account")}
    stolen = {**dict(form.submit_fields()), **protection, "client_name": "Mine"}
    for path in ("", "/secret", "/delete"):
        mallory.get(f"/clients/{client_id}{path}", status=404)
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
    assert "submit it again" in form.submit(status=400).text


def test_fields_that_the_form_does_not_have_are_not_taken(
    provider: Provider, browser: Browser
) -> None:
    form = fill(browser.get("/create_client"))
    pairs = [*form.submit_fields(), ("resource_server", "1"),
             ("owner_id", "x"), ("client_id", "chosen"), ("secret_digest", "x")]  # fmt: skip
    client_id, _ = created(browser.post("/create_client", pairs))
    assert client_id != "chosen"
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        assert client.resource_server is False


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
    root.sign_in("Root")
    assert client_id in root.get("/clients").text
    form = root.get(f"/clients/{client_id}").forms["client"]
    form["client_name"] = "Looked after"
    assert "Saved." in form.submit().follow()
    listed = alice.get("/clients")
    assert "Looked after" in listed
    assert "Owned by alice" in listed.html.get_text(), "its owner stays who it was"


def test_the_way_to_the_pages_is_shown_to_those_who_may(make_provider: Any) -> None:
    provider = make_provider(oidc__client_pages="administrators", oidc__administrators="alice")
    for username, shown in (("alice", True), ("mallory", False)):
        browser = provider.browser()
        browser.sign_in(username)
        for path in ("/", "/account"):
            links = [link["href"] for link in browser.get(path).html.find_all("a")]
            assert (f"{provider.issuer}/clients" in links) is shown


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
        provider.registry.oidc.provider.keys.jwks())["keys"] if key["alg"] == "ES256"]}  # fmt: skip
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


@pytest.mark.both_databases
def test_a_form_that_is_sent_several_times_at_once_makes_one_client(make_provider: Any) -> None:
    provider = make_provider()
    browser = provider.browser()
    browser.sign_in("alice")
    form = fill(browser.get("/create_client"))
    pairs = form.submit_fields()
    answers = at_once(lambda: same_person(provider, browser).post("/create_client", pairs))
    assert sorted(answer.status_int for answer in answers) == [200, 303, 303, 303]
    with provider.database() as dbsession:
        assert dbsession.query(Client).count() == 1


@pytest.mark.both_databases
def test_a_secret_that_is_replaced_several_times_at_once_is_replaced_once(
    make_provider: Any,
) -> None:
    provider = make_provider()
    browser = provider.browser()
    browser.sign_in("alice")
    client_id, first = created(fill(browser.get("/create_client")).submit())
    path = f"/clients/{client_id}/secret"
    pairs = browser.get(path).forms["new_secret"].submit_fields()
    answers = at_once(lambda: same_person(provider, browser).post(path, pairs))
    assert sorted(answer.status_int for answer in answers) == [200, 303, 303, 303]
    [shown] = [answer for answer in answers if answer.status_int == 200]
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        assert client.check_client_secret(created(shown)[1])
        assert client.check_client_secret(first), "the former still works"


def at_once(act: Callable[[], Any]) -> list[Any]:
    """Do the same in four threads at one moment; return what each got."""
    barrier = Barrier(4)

    def begin(_: int) -> Any:
        barrier.wait(timeout=30)
        return act()

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(begin, range(4)))


def same_person(provider: Provider, browser: Browser) -> Browser:
    """Return another window of the same browser, for a thread of its own."""
    window = provider.browser()
    for cookie in browser.cookiejar:
        window.cookiejar.set_cookie(cookie)
    return window


def test_to_ask_for_a_new_secret_does_not_make_one(provider: Provider, browser: Browser) -> None:
    client_id, secret = created(fill(browser.get("/create_client")).submit())
    ask = browser.get(f"/clients/{client_id}/secret")
    assert "keeps working for 1 day" in ask
    form = ask.forms["new_secret"]
    form["version"] = "0" * 16
    assert form.submit().status_int == 303, "a page from before another change does nothing"
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        assert client.previous_secret_digest is None
        assert client.check_client_secret(secret)


def test_a_client_without_a_secret_is_not_offered_one(browser: Browser) -> None:
    form = fill(browser.get("/create_client"), token_endpoint_auth_method="none")
    page = form.submit()
    client_id = page.html.find(id="client_id").text
    assert page.html.find(id="client_secret") is None
    assert "Create a new secret" not in browser.get(f"/clients/{client_id}")
    assert browser.get(f"/clients/{client_id}/secret").status_int == 303


def test_a_change_that_needs_another_secret_shows_it(provider: Provider, browser: Browser) -> None:
    client_id, first = created(fill(browser.get("/create_client")).submit())
    form = browser.get(f"/clients/{client_id}").forms["client"]
    form["id_token_signed_response_alg"] = "HS256"
    _, second = created(form.submit())
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        assert client.check_client_secret(second)
        assert client.check_client_secret(first)
        assert second not in str(client.secret_sealed)


def test_what_the_form_does_not_show_survives_it(provider: Provider, browser: Browser) -> None:
    client_id, _ = created(fill(browser.get("/create_client")).submit())
    hidden = {"contacts": ["ops@shop.example"], "client_name#de": "Laden", "default_max_age": 60}
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        client.client_metadata = {**client.client_metadata, **hidden}
    form = browser.get(f"/clients/{client_id}").forms["client"]
    form["client_uri"] = "https://shop.example/"
    form.submit().follow()
    form = browser.get(f"/clients/{client_id}").forms["client"]
    form["client_uri"] = ""
    form.submit().follow()
    with provider.database() as dbsession:
        metadata = dbsession.get_one(Client, client_id).client_metadata
        assert {name: metadata[name] for name in hidden} == hidden
        assert "client_uri" not in metadata, "what was emptied is gone"


MARKUP = "<script>alert(1)</script>\"'{{ 7 * 7 }}"


def test_markup_in_a_name_is_inert_on_every_page(provider: Provider, browser: Browser) -> None:
    page = fill(browser.get("/create_client"), client_name=MARKUP).submit()
    client_id, _ = created(page)
    pages = [page, browser.get("/clients")]
    pages += [browser.get(f"/clients/{client_id}{path}") for path in ("", "/secret", "/delete")]
    for shown in pages:
        assert "<script>alert" not in shown.text
        assert (
            MARKUP in shown.html.get_text() or MARKUP in shown.forms["client"]["client_name"].value
        )


def test_a_client_whose_identifier_is_a_url_has_pages_like_every_other(
    make_provider: Any,
) -> None:
    provider = make_provider(oidc__administrators="alice")
    url = "https://client.example/oauth/client.json?a=$(id)&b=%2F"
    robot = {"grant_types": ["client_credentials"], "response_types": [], "redirect_uris": []}
    client = provider.register(client_id=url, client_name="Wiki", scope="email", **robot)
    browser = provider.browser()
    browser.sign_in()
    page = browser.get("/clients").click("Wiki")
    assert url in page.html.get_text()
    form = page.forms["client"]
    form["client_name"] = "Wiki 2"
    page = form.submit().follow()
    _, secret = created(page.click("Create a new secret").forms["new_secret"].submit())
    blocks = {block["aria-label"]: block.get_text() for block in page.html.find_all("pre")}
    command = blocks["Get a token for the application itself"]
    assert curl(client.http, command, client_secret=secret).json["access_token"]
    browser.get("/clients").click("Wiki 2").click("Delete this application")


@pytest.mark.parametrize(
    "client_id", ["x", "%00", "%2500", "a" * 5000, "..", "%0d%0a", "%F0%9F%98%80", "%25F0"]
)
def test_a_client_that_does_not_exist_is_not_found(browser: Browser, client_id: str) -> None:
    for path in ("", "/secret", "/delete"):
        assert 400 <= browser.get(f"/clients/{client_id}{path}", status="*").status_int < 500


@pytest.mark.parametrize(
    "junk", ["", " ", "\x01", "\u202e", "\U0001f600" * 50, "x" * 4000, "[[[[", "{}", "5", "%00"]
)
def test_junk_in_every_field_is_answered(browser: Browser, junk: str) -> None:
    page = browser.get("/create_client")
    form = page.forms["client"]
    fixed = {"csrf_token", "csrf_account", "ticket"}
    names = {name for name in form.fields if name and name not in fixed}
    for spoiled in names:
        pairs = [(name, form[name].value) for name in fixed]
        pairs += [(name, junk) for name in (spoiled, spoiled)]
        assert browser.post("/create_client", pairs, status="*").status_int in {200, 303, 400}
    everything = [(name, form[name].value) for name in fixed] + [(name, junk) for name in names]
    assert browser.post("/create_client", everything, status="*").status_int in {200, 303, 400, 413}


def test_a_form_without_its_fields_and_a_huge_one_are_answered(browser: Browser) -> None:
    form = browser.get("/create_client").forms["client"]
    own = {"csrf_token": form["csrf_token"].value}
    assert "submit it again" in browser.post("/create_client", own, status=400)
    own["ticket"] = form["ticket"].value
    browser.post("/create_client", {**own, "client_name": "x" * 1_000_000}, status=413)
    browser.post("/create_client", {**own, "client_name": "x" * 5000}, status=400)
    browser.post("/create_client", {**own, "jwks": "[" * 4000}, status=400)


def test_to_delete_a_client_ends_all_its_tokens(provider: Provider, browser: Browser) -> None:
    form = fill(
        browser.get("/create_client"),
        grant_types=["password", "refresh_token", "client_credentials"],
        scope=["openid", "profile"],
    )
    client_id, secret = created(form.submit())
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        dbsession.expunge(client)
    shop = RelyingParty(provider, client, secret)
    person = {"username": "alice", "password": "valid", "scope": "openid profile"}
    tokens = shop.token(grant_type="password", **person).json
    own = shop.token(grant_type="client_credentials").json["access_token"]
    watcher = provider.register(
        grant_types=["client_credentials"], redirect_uris=[], resource_server=True
    )
    assert watcher.introspect(own)["active"]
    shop.userinfo(tokens["access_token"])
    browser.get(f"/clients/{client_id}/delete").forms["delete"].submit()
    shop.userinfo(tokens["access_token"], status=401)
    assert watcher.introspect(own) == {"active": False}
    shop.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"], status=401)


def test_many_clients_are_listed_in_parts(provider: Provider, browser: Browser) -> None:
    created(fill(browser.get("/create_client")).submit())
    with provider.database() as dbsession:
        owner_id = dbsession.query(Client).one().owner_id
        for number in range(100):
            name = {"client_name": f"Application {number:03}"}
            dbsession.add(
                Client(client_metadata=name, owner_id=owner_id, client_id_issued_at=number)
            )
    first = browser.get("/clients")
    assert first.text.count('<a href="http://localhost:6543/clients/') == 100
    assert "Application 000" not in first
    last = first.click("Older")
    assert "Application 000" in last
    assert "Older" not in last
    assert "Shop" in last.click("Newer")
    for page in ("0", "-1", "x", "999999", "9" * 50, "٣"):
        assert browser.get("/clients", {"page": page}).status_int == 200


def test_the_page_says_what_the_client_would_get(provider: Provider, browser: Browser) -> None:
    form = fill(browser.get("/create_client"), scope=["openid", "email"])
    client_id, secret = created(form.submit())
    page = browser.get(f"/clients/{client_id}").html
    blocks = {block["aria-label"]: block.get_text() for block in page.find_all("pre")}
    assert "email, email_verified" in page.get_text()
    assert "works for 10 minutes" in page.get_text()
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        dbsession.expunge(client)
    shop = RelyingParty(provider, client, secret)
    person = {"username": "alice", "password": "valid", "scope": "openid email"}
    tokens = shop.token(grant_type="password", **person).json
    assert json.loads(blocks["UserInfo"]) == shop.userinfo(tokens["access_token"]).json
    id_token = decode_id_token(provider, tokens["id_token"])
    promised = json.loads(blocks["ID token"])
    assert promised.keys() - {"sid", "acr", "amr", "auth_time"} <= id_token.keys()
    same = ("iss", "sub", "aud")
    assert {name: promised[name] for name in same} == {name: id_token[name] for name in same}


def curl(http: webtest.TestApp, command: str, **variables: str) -> webtest.TestResponse:
    """Do what the shell and curl would do with a command of one of our pages."""
    command = re.sub(r"\$([a-z_]+)", lambda name: variables[name[1]], command)
    program, *words = shlex.split(command.replace("\\\n", " "))
    assert program == "curl"
    headers, form, url = {}, [], ""
    while words:
        word = words.pop(0)
        if word == "-u":
            headers["Authorization"] = f"Basic {b64encode(words.pop(0).encode()).decode()}"
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word in {"-d", "--data-urlencode"}:
            name, _, value = words.pop(0).partition("=")
            form.append((name, value))
        else:
            assert not url
            url = word
    return http.post(url, form, headers=headers) if form else http.get(url, headers=headers)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("username", ["alice", 'o\'Brien; $(reboot) "x" \\'])
def test_the_commands_work(provider: Provider, method: str, username: str) -> None:
    browser = provider.browser()
    browser.sign_in(username)
    form = fill(
        browser.get("/create_client"),
        redirect_uris="https://shop.example/cb?a='b'",
        token_endpoint_auth_method=method,
        grant_types=["authorization_code", "refresh_token", "password", "client_credentials"],
        response_types=["code"],
        scope=["openid", "profile"],
    )
    page = form.submit()
    client_id, secret = created(page)
    blocks = {block["aria-label"]: block.get_text() for block in page.html.find_all("pre")}
    assert len(blocks) == 6
    assert 'password=$password"' in blocks["Get a token with a password"]
    http = webtest.TestApp(provider.wsgi)
    own = curl(http, blocks["Get a token for the application itself"]).json
    assert own["token_type"] == "Bearer"
    tokens = curl(http, blocks["Get a token with a password"], password="valid").json
    me = curl(http, blocks["Use the token"], access_token=tokens["access_token"]).json
    assert me["username"] == username
    refresh = blocks["Get a fresh token later"]
    assert curl(http, refresh, refresh_token=tokens["refresh_token"]).json["access_token"]
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        dbsession.expunge(client)
    shop = RelyingParty(provider, client, secret)
    commands = blocks["Print a URL, open it in a browser, and allow access"]
    echo = shlex.split(commands.splitlines()[-1])
    url = echo[1].replace("$code_challenge", shop.challenge)
    code = shop.answer(shop.complete(browser.get(url).follow(), username))["code"]
    exchange = blocks["Exchange the code in the browser's address bar"]
    answer = curl(http, exchange, code=code, code_verifier=shop.verifier).json
    assert answer["scope"] == "openid profile"
    later = browser.get(f"/clients/{client_id}").html
    shown = {block["aria-label"]: block.get_text() for block in later.find_all("pre")}
    assert secret not in later.get_text()
    password = shown["Get a token with a password"]
    assert curl(http, password, client_secret=secret, password="valid").json["access_token"]


def test_what_is_not_selected_is_no_example(make_provider: Any) -> None:
    provider = make_provider(
        oauth__grants="implicit", oauth__endpoints="authorization jwks",
        oauth__token_endpoint_auth_methods="client_secret_basic none",
    )  # fmt: skip
    browser = provider.browser()
    browser.sign_in("alice")
    form = fill(
        browser.get("/create_client"), redirect_uris="https://shop.example/cb",
        grant_types=["implicit"], response_types=["id_token"], scope=["openid"],
    )  # fmt: skip
    page = form.submit()
    assert "curl" not in page
    later = browser.get(f"/clients/{created(page)[0]}")
    assert "curl" not in later
    assert "UserInfo" not in later


# -- every member ---------------------------------------------------------------------------

#: The fields that protect a form.
PROTECTION = {"csrf_token", "csrf_account"}
EVERYTHING = {
    "oidc__administrators": "root",
    "oauth__response_modes": "query jwt",
    "oidc__logout_channels": "frontchannel backchannel",
    "oidc__request_parameter": "true",
    "oidc__request_uri_parameter": "true",
    "oidc__decryption_algs": "RSA-OAEP-256 ECDH-ES",
    "oauth__sender_constraints": "dpop mtls",
    "oauth__token_endpoint_auth_methods": "client_secret_basic private_key_jwt tls_client_auth",
    "oauth__client_certificate_proxies": "127.0.0.1",
    "oidcserver__includes": "tiers payments",
    "oauth__grants": f"{DEVELOPMENT['oauth.grants']} ciba",
    "oauth__endpoints": "authorization pushed_authorization_request token introspection userinfo "
    "jwks backchannel_authentication",
}
EDITED = {
    "client_uri": "https://shop.example/",
    "application_type": "web",
    "redirect_uris": "https://shop.example/cb",
    "require_pkce": "true",
    "jwks_uri": "https://shop.example/jwks.json",
    "token_endpoint_auth_signing_alg": "ES256",
    "token_endpoint_auth_method": "private_key_jwt",
    "require_pushed_authorization_requests": True,
    "require_signed_request_object": True,
    "dpop_bound_access_tokens": True,
    "tls_client_certificate_bound_access_tokens": True,
    "tls_client_auth_subject_dn": "CN=shop,O=Example",
    "request_object_signing_alg": "ES256",
    "request_object_encryption_alg": "RSA-OAEP-256",
    "request_object_encryption_enc": "A256GCM",
    "request_uris": "https://shop.example/request.jwt",
    "id_token_claims": "scopes",
    "subject_type": "pairwise",
    "id_token_signed_response_alg": "ES256",
    "id_token_encrypted_response_alg": "ECDH-ES",
    "id_token_encrypted_response_enc": "A256GCM",
    "userinfo_signed_response_alg": "ES256",
    "userinfo_encrypted_response_alg": "ECDH-ES",
    "userinfo_encrypted_response_enc": "A256GCM",
    "authorization_signed_response_alg": "ES256",
    "authorization_encrypted_response_alg": "ECDH-ES",
    "authorization_encrypted_response_enc": "A256GCM",
    "introspection_signed_response_alg": "ES256",
    "introspection_encrypted_response_alg": "ECDH-ES",
    "introspection_encrypted_response_enc": "A256GCM",
    "initiate_login_uri": "https://shop.example/login",
    "default_max_age": "3600",
    "require_auth_time": True,
    "default_acr_values": "urn:example:loa 1\nurn:example:loa 2",
    "post_logout_redirect_uris": "https://shop.example/bye",
    "backchannel_logout_uri": "https://shop.example/backchannel",
    "backchannel_logout_session_required": True,
    "frontchannel_logout_uri": "https://shop.example/frontchannel",
    "frontchannel_logout_session_required": True,
    "backchannel_token_delivery_mode": "ping",
    "backchannel_client_notification_endpoint": "https://shop.example/ciba",
    "backchannel_authentication_request_signing_alg": "ES256",
    "logo_uri": "https://shop.example/logo.png",
    "policy_uri": "https://shop.example/privacy",
    "tos_uri": "https://shop.example/terms",
    "languages": "client_name#de: Laden: der beste\nlogo_uri#zh-Hant: https://shop.example/zh",
    "contacts": "Ops <ops@shop.example>\nsales@shop.example",
    "software_id": "shop",
    "software_version": "1.2",
    "access_token_format": "jwt",
    "resource_server": True,
    "allowed_groups": "staff\nguests, old ones",
    "skip_consent": True,
    "example_tier": '"gold"',
}


def test_every_member_is_edited_and_removed_on_the_page(make_provider: Any) -> None:
    provider = make_provider(**EVERYTHING)
    root = provider.browser()
    root.sign_in("root")
    client = provider.register(client_name="Made by a command")
    path = f"/clients/{client.client_id}"
    named = {name for name in root.get(path).forms["client"].fields if name} - PROTECTION
    apart = {"client_name", "scope", "grant_types", "response_types", "jwks",
             "authorization_details_types", "profile", "sector_identifier_uri",
             "tls_client_auth_san_dns", "tls_client_auth_san_uri", "tls_client_auth_san_ip",
             "tls_client_auth_san_email"}  # fmt: skip
    assert named == set(FIELDS) | {"example_tier", "languages"}
    assert named == set(EDITED) | apart
    form = root.get(path).forms["client"]
    for name, value in EDITED.items():
        form[name] = value
    assert form.submit().status_int == 303
    again = root.get(path).forms["client"]
    assert {name: shown(again, name) for name in EDITED} == EDITED
    with provider.database() as dbsession:
        stored = dbsession.get_one(Client, client.client_id)
        assert stored.member("contacts") == ["Ops <ops@shop.example>", "sales@shop.example"]
        assert stored.member("client_name#de") == "Laden: der beste"
        assert stored.member("logo_uri#zh-Hant") == "https://shop.example/zh"
        assert (stored.member("default_max_age"), stored.member("example_tier")) == (3600, "gold")
        assert (stored.resource_server, stored.access_token_format) == (True, "jwt")
        assert stored.allowed_groups == ["staff", "guests, old ones"]
        assert stored.skip_consent is True
    kept = ("application_type", "redirect_uris", "token_endpoint_auth_method", "subject_type",
            "id_token_signed_response_alg")  # fmt: skip
    for name, value in EDITED.items():
        if name not in kept:
            again[name] = False if value is True else ""
    again["token_endpoint_auth_method"] = "client_secret_basic"
    root_secret = again.submit()
    assert root_secret.html.find(id="client_secret") is not None, "it needs a secret again"
    with provider.database() as dbsession:
        stored = dbsession.get_one(Client, client.client_id)
        left = {name for name in EDITED if stored.client_metadata.get(name)}
        assert left == set(kept)
        assert not [name for name in stored.client_metadata if "#" in name]
        assert (stored.resource_server, stored.access_token_format) == (False, None)
        assert (stored.skip_consent, stored.allowed_groups) == (False, None)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("client_name: Laden", "Line 1 has to be a member with a language"),
        ("client_name#de: Laden\nclient_name#fr:", "Line 2 has to be"),
        ("client_name#de: A\nclient_name#de: B", "Line 2 has to be"),
        ("client_nam#de: Laden", "Did you mean 'client_name'?"),
        ("scope#de: openid", "There is no member scope#de."),
        ("logo_uri#de: ftp://shop.example/", "logo_uri#de is not https."),
    ],
)
def test_a_language_that_cannot_be_taken_is_explained(
    browser: Browser, lines: str, sentence: str
) -> None:
    page = fill(browser.get("/create_client"), languages=lines).submit(status=400)
    assert sentence in page.html.find(id="languages-error").text
    assert page.forms["client"]["languages"].value.split() == lines.split()


def shown(form: webtest.Form, name: str) -> Any:
    """Return the value of an input as a user sees it."""
    [field] = form.fields[name]
    return field.checked if isinstance(field, webtest.forms.Checkbox) else field.value


def test_all_that_is_wrong_is_said_at_once(browser: Browser) -> None:
    form = fill(
        browser.get("/create_client"),
        logo_uri="ftp://shop.example/",
        default_max_age="soon",
        contacts="\u202e",
    )
    page = form.submit(status=400)
    assert page.html.title.text.startswith("Error: ")
    alert = page.html.find(role="alert")
    links = {link["href"]: link.text for link in alert.find_all("a")}
    assert links == {
        "#default_max_age": "Maximum age of a sign-in, in seconds",
        "#logo_uri": "Logo",
        "#contacts": "Contacts",
    }
    for link in links:
        field = page.html.find(id=link[1:])
        assert field["aria-invalid"] == "true"
        assert page.html.find(id=f"{link[1:]}-error").text
        assert field.find_parent("details").has_attr("open")
    assert len(page.html.find_all(autofocus=True)) == 1


def test_what_is_wrong_with_several_members_together_is_said_at_once_too(browser: Browser) -> None:
    form = fill(
        browser.get("/create_client"),
        grant_types=["authorization_code"],
        response_types=["code"],
        token_endpoint_auth_method="private_key_jwt",
    )
    page = form.submit(status=400)
    assert page.html.find(id="redirect_uris-error")
    assert page.html.find(id="jwks-error")


def test_what_is_for_administrators_is_neither_shown_to_owners_nor_taken_from_them(
    make_provider: Any,
) -> None:
    provider = make_provider(oidc__administrators="root")
    browsers = {}
    for username in ("alice", "root"):
        browsers[username] = provider.browser()
        browsers[username].sign_in(username)
    client_id, _ = created(fill(browsers["alice"].get("/create_client")).submit())
    form = browsers["root"].get(f"/clients/{client_id}").forms["client"]
    form["resource_server"], form["access_token_format"] = True, "jwt"
    form.submit().follow()
    form = browsers["alice"].get(f"/clients/{client_id}").forms["client"]
    columns = {"resource_server", "access_token_format", "allowed_groups", "skip_consent"}
    assert not columns & form.fields.keys()
    form["client_name"] = "Better Shop"
    form.submit().follow()
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        assert (client.resource_server, client.access_token_format) == (True, "jwt")
        assert client.client_name == "Better Shop"


def test_only_an_administrator_exempts_a_client_from_pkce(make_provider: Any) -> None:
    provider = make_provider(oidc__administrators="root", oauth__pkce_required="all")
    alice, root = provider.browser(), provider.browser()
    alice.sign_in("alice")
    root.sign_in("root")
    client_id, _ = created(fill(alice.get("/create_client")).submit())
    form = alice.get(f"/clients/{client_id}").forms["client"]
    form["require_pkce"] = "false"
    page = form.submit(status=400)
    assert "Only an administrator" in page.html.find(id="require_pkce-error").text
    form = root.get(f"/clients/{client_id}").forms["client"]
    form["require_pkce"] = "false"
    form.submit().follow()
    form = alice.get(f"/clients/{client_id}").forms["client"]
    form["client_name"] = "Better Shop"
    form.submit().follow()
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        assert (client.member("require_pkce"), client.client_name) == (False, "Better Shop")


def test_a_value_that_is_not_on_offer_any_more_is_not_lost_unseen(
    provider: Provider, browser: Browser
) -> None:
    client_id, _ = created(fill(browser.get("/create_client")).submit())
    with provider.database() as dbsession:
        client = dbsession.get_one(Client, client_id)
        old = {"token_endpoint_auth_method": "tls_client_auth"}
        client.client_metadata = {**client.client_metadata, **old}
    form = browser.get(f"/clients/{client_id}").forms["client"]
    assert form["token_endpoint_auth_method"].value == "tls_client_auth"
    assert form.submit(status=400).html.find(id="token_endpoint_auth_method-error")


def test_a_sector_is_taken_only_of_a_document_that_names_the_redirect_uris(
    make_provider: Any,
) -> None:
    provider = make_provider(oauth__outbound_allow_loopback="true")
    host = JWKSHost()
    try:
        browser = provider.browser()
        browser.sign_in("alice")
        client_id, _ = created(fill(browser.get("/create_client")).submit())
        path = f"/clients/{client_id}"
        uri = "https://shop.example/cb"
        for document, status in ((["https://other.example/cb"], 400), ([uri], 303)):
            host.document = document
            form = browser.get(path).forms["client"]
            form["redirect_uris"], form["subject_type"] = uri, "pairwise"
            form["sector_identifier_uri"] = host.uri
            page = form.submit(status=status)
            if status == 400:
                assert page.html.find(id="sector_identifier_uri-error")
    finally:
        host.close()
