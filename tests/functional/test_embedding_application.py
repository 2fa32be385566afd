"""The provider inside an application in the form of Pyramid's cookiecutter: ``examples/embedding``.

Neither notices the other: every page of the application is as it is without the provider, and every
flow of the provider is as it is by itself, with the application's own users and login page.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import intranet
import pytest
import webtest
from intranet.create_user import create_user
from intranet.models import Base
from intranet.models import User as Employee
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.scripting import prepare
from sqlalchemy import select
from support.app import Provider, RelyingParty, follow_to_answer
from support.factors import App, enter

from oidcserver.models import Passkey, RecordedRejection, User
from oidcserver.sessions import LoginSessionPolicy
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

ISSUER = "http://localhost:6544/auth"
MakeHost = Callable[..., Any]


@pytest.fixture
def settings(tmp_path: Path, keys_directory: Path, provider_url: str) -> dict[str, str]:
    """The settings of ``development.ini``, over one database each."""
    return {
        "sqlalchemy.url": f"sqlite:///{tmp_path / 'intranet.sqlite'}",
        "auth.secret": "seekrit",
        "session.secret": "seekrit too",
        "tm.commit_veto": "pyramid_tm.default_commit_veto",
        "oidcserver.mode": "development",
        "oidc.issuer": ISSUER,
        "oidcserver.database_url": provider_url,
        "oidcserver.keys_directory": str(keys_directory),
        "oidc.user_directory": "intranet",
        "oidc.directory_sync_interval": "0",
        "oidc.login_route": "login",
        "oidc.pages": "home login consent logout account api_me",
        "oauth.grants": "authorization_code implicit hybrid password refresh_token",
        "oauth.endpoints": (
            "authorization token jwks userinfo introspection revocation end_session registration "
            "client_configuration openid_configuration"
        ),
        "oauth.registration": "open",
    }


def add_employees(wsgi: Any) -> Any:
    """Add the users of the application."""
    with prepare(registry=wsgi.registry) as env, env["request"].tm:
        for name in ("alice", "bob"):
            mail = f"{name}@example.com"
            create_user(env["request"], name, name.title(), mail, f"word of {name}")
    return wsgi


class Embedded(Provider):
    """The provider within the application."""

    def __init__(self, wsgi: Any) -> None:
        self.wsgi = Prefixed(wsgi)
        self.application = wsgi
        self.registry = wsgi.registry
        self.issuer = ISSUER

    def open(self) -> webtest.TestApp:
        """Return a browser that is not at the provider but at the application."""
        return webtest.TestApp(self.application, extra_environ={"HTTP_HOST": "localhost:6544"})


class Prefixed:
    """Lets tests that know the provider's own paths reach them below the prefix."""

    OWN = ("/oauth/", "/consent", "/account", "/api/", "/logout_of_provider")

    def __init__(self, wsgi: Any) -> None:
        self.wsgi = wsgi

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"].startswith(self.OWN):
            environ["PATH_INFO"] = "/auth" + environ["PATH_INFO"]
        return self.wsgi(environ, start_response)


@pytest.fixture
def embedded(settings: dict[str, str]) -> Iterator[Embedded]:
    """The application with the provider."""
    provider = Embedded(add_employees(intranet.main({}, **settings)))
    yield provider
    provider.close()
    provider.registry["dbsession_factory"].kw["bind"].dispose()


class NoProvider:
    """Stands for ``request.oidc`` in the application without the provider."""

    def __init__(self, request: Any) -> None:
        self.sign_in = self.sign_out = lambda *arguments: None


@pytest.fixture
def alone(settings: dict[str, str], tmp_path: Path) -> Iterator[webtest.TestApp]:
    """A browser at the same application without the provider."""
    url = f"sqlite:///{tmp_path / 'alone.sqlite'}"
    with Configurator(settings={**settings, "sqlalchemy.url": url}) as config:
        config.include(intranet.configure)
        config.add_request_method(NoProvider, "oidc", reify=True)
    wsgi = add_employees(config.make_wsgi_app())
    yield webtest.TestApp(wsgi, extra_environ={"HTTP_HOST": "localhost:6544"})
    wsgi.registry["dbsession_factory"].kw["bind"].dispose()


def sign_in(browser: webtest.TestApp, name: str = "alice", **submit: Any) -> webtest.TestResponse:
    """Sign in on the application's own page."""
    return fill_in(browser.get("/login"), name, **submit)


def fill_in(page: webtest.TestResponse, name: str = "alice", **submit: Any) -> webtest.TestResponse:
    """Fill in the application's login page."""
    form = page.forms["login"]
    form["name"], form["password"] = name, f"word of {name}"
    return form.submit(**submit)


def seen(response: webtest.TestResponse) -> Any:
    """Return what a browser sees of a response: all but what is random or a time."""
    cookies = [cookie.partition("=")[0] for cookie in response.headers.getall("Set-Cookie")]
    headers = sorted(
        (name, value)
        for name, value in response.headers.items()
        if name not in {"Set-Cookie", "Date", "Expires", "Last-Modified", "ETag", "Content-Length"}
    )
    body = re.sub(r'(?<=name="csrf_token" value=")[^"]*', "", response.text)
    # That of the session is sent anew whenever a second has passed.
    return response.status, headers, sorted({*cookies} - {"session"}), body


VISITS: list[tuple[str, str, dict[str, str]]] = [
    ("GET", "/", {}),
    ("GET", "/?page=%FF", {}),
    ("GET", "/staff", {}),
    ("GET", "/static/intranet.css", {}),
    ("GET", "/static/none.css", {}),
    ("GET", "/archive", {}),
    ("GET", "/archive/", {}),
    ("GET", "/nowhere", {}),
    ("GET", "/auth-not", {}),
    ("GET", "/broken", {}),
    ("POST", "/staff", {}),
    ("POST", "/login", {"name": "alice", "password": "word of alice"}),
    ("POST", "/login", {"csrf_token": "wrong", "name": "alice", "password": "word of alice"}),
    ("POST", "/logout", {}),
    ("PUT", "/staff", {}),
    ("DELETE", "/", {}),
]


@pytest.mark.parametrize("signed_in", [False, True])
def test_every_page_of_the_application_is_as_it_is_without_the_provider(
    embedded: Embedded, alone: webtest.TestApp, signed_in: bool
) -> None:
    browser = embedded.open()
    if signed_in:
        for each in (browser, alone):
            sign_in(each, status=303)
    for method, path, form in VISITS:
        there, here = (
            seen(each.request(path, method=method, POST=form or None, expect_errors=True))
            for each in (alone, browser)
        )
        assert here == there, (method, path)


def test_the_application_keeps_its_sessions_permissions_forms_and_transactions(
    embedded: Embedded,
) -> None:
    browser = embedded.open()
    assert "Visits of this browser: 1" in browser.get("/")
    assert browser.get("/staff").location.endswith("/login?next=%2Fstaff")
    sign_in(browser, status=303)
    assert "Visits of this browser: 2" in browser.get("/")
    form = browser.get("/staff").forms["rename"]
    form["full_name"] = "Alice Liddell"
    form.submit(status=303)
    assert "Alice Liddell, alice@example.com" in browser.get("/staff")
    assert browser.post("/staff", {"full_name": "Mallory"}, status=400), "the form has no token"
    assert "Mallory" not in browser.get("/staff")
    assert browser.get("/broken", status=500).text == "The intranet has a problem."
    with embedded.registry["dbsession_factory"]() as dbsession:
        names = dbsession.scalars(select(Employee.name).order_by(Employee.name)).all()
    assert names == ["alice", "bob"], "what failed was rolled back"


def test_the_whole_flow_of_the_provider(embedded: Embedded) -> None:
    client, browser = embedded.register(), embedded.browser()
    page = client.authorize(browser, scope="openid profile email", login_hint="alice")
    assert page.request.path == "/login"
    assert page.forms["login"]["name"].value == "alice"
    page = follow_to_answer(fill_in(page))
    assert "The Example Application" in page
    answer = client.answer(
        follow_to_answer(page.forms["consent"].submit("decision", value="allow"))
    )
    assert answer["iss"] == ISSUER
    tokens = client.exchange(answer["code"])
    claims = client.userinfo(tokens["access_token"]).json
    assert (claims["name"], claims["email"]) == ("Alice", "alice@example.com")
    assert claims["preferred_username"] == "alice"
    assert client.http.get(
        "/api/me", headers={"Authorization": f"Bearer {tokens['access_token']}"}
    ).json["username"] == "alice"  # fmt: skip
    refreshed = client.refresh(client.refresh(tokens["refresh_token"])["refresh_token"])
    client.post("/oauth/revoke", token=refreshed["refresh_token"], status=200)
    client.refresh(refreshed["refresh_token"], status=400)


def test_a_code_that_is_used_again_ends_its_tokens_whatever_the_application_vetoes(
    embedded: Embedded,
) -> None:
    client, browser = embedded.register(), embedded.browser()
    code = client.answer(complete(client, client.authorize(browser)))["code"]
    token = client.exchange(code)["access_token"]
    client.userinfo(token)
    client.exchange(code, status=400)
    client.userinfo(token, status=401)


def complete(client: RelyingParty, page: webtest.TestResponse, name: str = "alice") -> Any:
    """Sign in on the application's page and allow; return the redirect to the client."""
    if "login" in page.forms:
        page = follow_to_answer(fill_in(page, name))
    if page.status_int == 200 and "consent" in page.forms:
        page = follow_to_answer(page.forms["consent"].submit("decision", value="allow"))
    return page


def test_the_password_grant_asks_the_application(embedded: Embedded) -> None:
    client = embedded.register(grant_types=["password"], redirect_uris=[], response_types=[])
    form = {"grant_type": "password", "username": "bob", "scope": "openid profile"}
    tokens = client.token(**form, password="word of bob").json
    assert client.userinfo(tokens["access_token"]).json["name"] == "Bob"
    refused = client.token(**form, password="word of alice", status=400)
    assert refused.json["error"] == "invalid_grant"


def test_registration(embedded: Embedded) -> None:
    app = embedded.open()
    metadata = {"redirect_uris": ["https://new.example/cb"], "client_name": "New"}
    client = app.post_json("/auth/oauth/register", metadata, status=201).json
    headers = {"Authorization": f"Bearer {client['registration_access_token']}"}
    path = client["registration_client_uri"].removeprefix("http://localhost:6544")
    assert app.get(path, headers=headers).json["client_name"] == "New"
    app.delete(path, headers=headers, status=204)
    app.get(path, headers=headers, status=401)
    malformed = app.post("/auth/oauth/register", "[", status=400, expect_errors=True)
    assert malformed.json["error"]


def test_error_pages_are_the_providers_own_and_their_references_are_kept(
    embedded: Embedded,
) -> None:
    browser = embedded.open()
    page = browser.get("/auth/oauth/authorize?client_id=none", status=400)
    assert "oidcserver-static" in page
    assert "Content-Security-Policy" in page.headers
    reference = re.search(r"[A-Z]{5}-[A-Z]{5}", page.text)
    assert reference is not None
    with embedded.database() as dbsession:
        assert dbsession.get(RecordedRejection, reference[0]) is not None
    assert browser.put("/auth/account", status=404).headers["X-Frame-Options"] == "DENY"
    assert "sent from another site" in browser.post(
        "/auth/logout", headers={"Origin": "https://evil.example"}, status=403
    )
    form = {"grant_type": "refresh_token", "refresh_token": "none"}
    assert browser.post("/auth/oauth/token", form, status=401).json["error"] == "invalid_client"
    assert browser.get("/auth/oauth/token", status=405)
    assert "There is no such page" in browser.get("/auth/nowhere", status=404), "the application's"


def test_who_signed_in_at_the_application_is_signed_in_at_the_provider(embedded: Embedded) -> None:
    client, browser = embedded.register(), embedded.browser()
    sign_in(browser, status=303)
    page = client.authorize(browser)
    assert "consent" in page.forms, "no other sign-in"
    assert "code" in client.answer(complete(client, page))
    assert "<bdi>alice</bdi>" in browser.get("/account")
    silent = client.answer(client.authorize(browser, prompt="none"))
    assert silent["error"] == "consent_required", "and not login_required"


def test_who_signs_in_for_a_client_is_signed_in_at_the_application(embedded: Embedded) -> None:
    client, browser = embedded.register(), embedded.browser()
    complete(client, client.authorize(browser))
    assert "Hello, Alice" in browser.get("/")
    assert "bob@example.com" in browser.get("/staff")


@pytest.mark.parametrize("wish", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "5"},
                                  {"prompt": "select_account"}])  # fmt: skip
def test_a_client_that_requires_another_sign_in_gets_one(
    embedded: Embedded, clock: Any, wish: dict[str, str]
) -> None:
    client, browser = embedded.register(), embedded.browser()
    complete(client, client.authorize(browser))
    clock.advance(60)
    page = client.authorize(browser, **wish)
    assert page.request.path == "/login"
    here = follow_to_answer(browser.get(f"/auth/login?{page.request.query_string}"))
    assert here.request.path in {"/login", "/auth/home", "/auth/"}, "no way around it"
    [path] = parse_qs(urlsplit(page.request.url).query)["next"]
    assert follow_to_answer(browser.get(path)).request.path == "/login", "nobody signed in"
    assert "code" in client.answer(complete(client, page))


def test_pages_that_require_a_recent_sign_in_get_one(embedded: Embedded, clock: Any) -> None:
    client, browser = embedded.register(), embedded.browser()
    complete(client, client.authorize(browser))
    clock.advance(3000)
    path = f"/account/applications?client={client.client_id}"
    page = follow_to_answer(browser.get(path))
    assert page.request.path == "/login"
    page = follow_to_answer(fill_in(page))
    assert "The Example Application" in page


def test_a_weaker_factor_leads_on_to_the_strongest(settings: dict[str, str], clock: Any) -> None:
    factors = {
        "oidc.second_factors": "totp passkey",
        "oidc.acr_methods": "low: password\nmiddle: password+totp\nhigh: passkey",
    }
    embedded = Embedded(add_employees(intranet.main({}, **{**settings, **factors})))
    browser = embedded.browser()
    sign_in(browser)
    page = browser.get("/account/totp")
    app = App(page)
    page.forms["totp"]["code"] = app.code()
    page.forms["totp"].submit(status=303)
    with embedded.database() as dbsession:
        user_id = dbsession.scalars(select(User.id)).one()
        columns = {"public_key": "", "name": "Key", "synchronised": True}
        dbsession.add(Passkey(credential_id="key", user_id=user_id, **columns))
    clock.advance(60)
    for seconds in (0, 3000):
        clock.advance(seconds)
        sign_in(browser)
        to_factor = browser.get("/account/totp").follow()
        assert urlsplit(to_factor.location).path == "/auth/login/passkey"
        page = browser.get(to_factor.location.replace("/login/passkey", "/login/totp"))
        back = enter(page, app.code())
        assert urlsplit(back.location).path == "/auth/account/totp"
        again = back.follow().follow()
        assert urlsplit(again.location).path == "/auth/login/passkey", "the code does not suffice"
        named = browser.get("/auth/login?next=%2Fauth%2Faccount%2Ftotp&again=1&acr=high")
        again = named.follow().follow()
        assert urlsplit(again.location).path == "/auth/login/passkey"
    clock.advance(3000)
    assert follow_to_answer(browser.get("/account/totp")).request.path == "/login"
    embedded.close()
    embedded.registry["dbsession_factory"].kw["bind"].dispose()


def test_signing_out_at_either_side_is_signing_out_at_both(embedded: Embedded) -> None:
    client, browser = embedded.register(), embedded.browser()
    tokens = client.exchange(client.answer(complete(client, client.authorize(browser)))["code"])
    browser.get("/").forms["logout"].submit(status=303)
    assert "Hello" not in browser.get("/")
    assert client.answer(client.authorize(browser, prompt="none"))["error"] == "login_required"
    client.userinfo(tokens["access_token"], status=401)

    complete(client, client.authorize(browser))
    browser.get("/auth/logout").forms["logout"].submit(status=303)
    assert client.answer(client.authorize(browser, prompt="none"))["error"] == "login_required"
    assert "Hello" not in browser.get("/")


def test_a_sign_out_that_a_client_starts_signs_out_at_the_application(embedded: Embedded) -> None:
    client = embedded.register(post_logout_redirect_uris=["https://client.example/bye"])
    browser = embedded.browser()
    tokens = client.exchange(client.answer(complete(client, client.authorize(browser)))["code"])
    query = {
        "id_token_hint": tokens["id_token"],
        "post_logout_redirect_uri": "https://client.example/bye",
    }
    answer = browser.get("/oauth/end_session", query, status=303)
    assert answer.location == "https://client.example/bye"
    assert "Hello" not in browser.get("/")


def test_a_user_who_is_disabled_at_the_provider_signs_in_at_the_application_alone(
    embedded: Embedded,
) -> None:
    browser = embedded.browser()
    sign_in(browser, status=303)
    with embedded.database() as dbsession:
        account = dbsession.scalars(select(User)).one()
        assert (account.realm, account.external_id) == ("intranet", "1")
        account.disabled_at = 1
    sign_in(browser, status=303)
    assert "Hello, Alice" in browser.get("/")
    client = embedded.register()
    assert client.authorize(browser).request.path == "/login"


def test_a_renamed_employee_keeps_the_account(embedded: Embedded) -> None:
    client = embedded.register()
    subjects = []
    for name in ("alice", "alicia"):
        with embedded.registry["dbsession_factory"].begin() as dbsession:
            dbsession.get(Employee, 1).name = name
        browser = embedded.browser()
        form = client.authorize(browser).forms["login"]
        form["name"], form["password"] = name, "word of alice"
        answer = client.answer(complete(client, follow_to_answer(form.submit())))
        token = client.exchange(answer["code"])["access_token"]
        claims = client.userinfo(token).json
        assert claims["preferred_username"] == name
        subjects.append(claims["sub"])
    assert subjects[0] == subjects[1]


def test_an_employee_who_left_has_no_access_any_more(embedded: Embedded) -> None:
    client = embedded.register(scope="openid offline_access")
    tokens = {}
    for name in ("alice", "bob"):
        form = client.authorize(embedded.browser(), scope="openid offline_access").forms["login"]
        form["name"], form["password"] = name, f"word of {name}"
        answer = client.answer(complete(client, follow_to_answer(form.submit())))
        tokens[name] = client.exchange(answer["code"])["refresh_token"]
    with embedded.registry["dbsession_factory"].begin() as dbsession:
        dbsession.delete(dbsession.get(Employee, 1))
        dbsession.get(Employee, 2).name = "robert"
    check = embedded.registry.oidc.directory_sync.check
    assert check(2**40) == (2, 1, 1)
    assert client.refresh(tokens["alice"], status=400)["error"] == "invalid_grant"
    assert client.refresh(tokens["bob"])
    with embedded.database() as dbsession:
        assert set(dbsession.scalars(select(User.username))) == {"alice", "robert"}


def test_both_may_use_one_database(settings: dict[str, str]) -> None:
    settings["sqlalchemy.url"] = settings["oidcserver.database_url"].replace(
        "postgresql://", "postgresql+psycopg://"
    )
    embedded = Embedded(add_employees(intranet.main({}, **settings)))
    client, browser = embedded.register(), embedded.browser()
    tokens = client.exchange(client.answer(complete(client, client.authorize(browser)))["code"])
    assert client.userinfo(tokens["access_token"]).json["name"] == "Alice"
    assert "Hello, Alice" in browser.get("/")
    embedded.close()
    engine = embedded.registry["dbsession_factory"].kw["bind"]
    Base.metadata.drop_all(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("log-in", "Did you mean 'login'"), ("oidc.login", "is not a route of the application")],
)
def test_a_login_route_that_does_not_exist_stops_the_start(
    settings: dict[str, str], name: str, sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        intranet.main({}, **{**settings, "oidc.login_route": name})


def test_an_application_without_a_security_policy_takes_the_providers(
    settings: dict[str, str],
) -> None:
    """The reverse: who signed in at the provider is signed in at the application."""

    def desk(request: Any) -> Response:
        user = request.identity
        return Response(f"{user.username} {user.external_id == user.id} {user.id}")

    def leave(request: Any) -> Response:
        return Response(str(request.oidc.sign_out() is not None))

    own = {
        name: value for name, value in settings.items()
        if name.startswith(("oidc.issuer", "oidcserver."))
    }  # fmt: skip
    with Configurator(settings={**own, "oidc.user_directory": "demo"}) as config:
        config.set_security_policy(LoginSessionPolicy())
        config.set_default_permission("work")
        config.set_root_factory("support.desk.Desk")
        config.add_route("desk", "/desk")
        config.add_view(desk, route_name="desk")
        config.add_route("leave", "/leave")
        config.add_view(leave, route_name="leave", permission="work")
        config.add_forbidden_view("support.desk.sign_in_first")
        config.include("oidcserver", route_prefix="/auth")
    provider = Embedded(config.make_wsgi_app())
    browser = provider.open()
    page = browser.get("/desk").follow()
    form = page.forms["login"]
    form["username"], form["password"] = "carol", "valid"
    at_desk = form.submit().follow()
    assert at_desk.request.path == "/desk"
    assert at_desk.text.startswith("carol True")
    assert browser.get("/leave").text == "True"
    assert browser.get("/desk").location.startswith(f"{ISSUER}/login?next=%2Fdesk")
    provider.close()
