"""The answer to a user or a program after a fault: never a stack trace."""

import logging
import re
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPForbidden, HTTPSeeOther
from pyramid.response import Response
from sqlalchemy.exc import OperationalError
from support.app import DEVELOPMENT, Provider
from webtest import TestApp

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def broken(request: Any) -> Response:
    """Has a bug."""
    raise LookupError("the secret detail")


def without_database(request: Any) -> Response:
    """Finds no database."""
    raise OperationalError("SELECT the_secret_detail", {}, Exception("refused"))


def forbidden(request: Any) -> Response:
    """May be seen by nobody."""
    raise HTTPForbidden


def elsewhere(request: Any) -> Response:
    """Raises what is no error."""
    raise HTTPSeeOther("https://client.example/")


VIEWS = (broken, without_database, forbidden, elsewhere)


def includeme(config: Any) -> None:
    """Offer pages and endpoints that go wrong, as a plugin would."""
    for view in VIEWS:
        name = view.__name__

        def register(config: Any, name: str = name, view: Any = view) -> None:
            config.add_route(name, f"/{name}")
            config.add_view(view, route_name=name)

        config.add_oauth_page(name, register)
        config.add_oauth_endpoint(f"{name}_too", f"/oauth/{name}", view, methods=("GET", "POST"))


def settings() -> dict[str, str]:
    """Return what selects all of it."""
    names = [view.__name__ for view in VIEWS]
    return {
        "oidc.pages": " ".join(["home", "login", "consent", "logout", *names]),
        "oauth.endpoints": " ".join(
            ["authorization", "token", "jwks", *(f"{name}_too" for name in names)]
        ),
    }


@pytest.fixture
def wrong(make_provider: Any) -> Provider:
    """A provider on which things go wrong."""
    own = {name.replace(".", "__", 1): value for name, value in settings().items()}
    provider: Provider = make_provider(oidcserver__includes=__name__, **own)
    return provider


def test_an_unknown_page_is_a_page_with_a_way_back(provider: Provider) -> None:
    browser = provider.browser()
    page = browser.get("/no-such-page", headers=HTML, status=404)
    assert "Page not found" in page
    assert "One account" in page.click("Go to the start page")
    assert "Content-Security-Policy" in page.headers


def test_a_program_gets_json(provider: Provider) -> None:
    response = provider.browser().get("/no-such-page", status=404)
    assert response.json["error"] == "not_found"
    assert response.headers["Cache-Control"] == "no-store"


def test_another_method_than_a_page_has_is_not_found(provider: Provider) -> None:
    assert provider.browser().put("/consent", status="4*", headers=HTML).status_int in (403, 404)


def test_a_bug_shows_a_reference_and_the_log_the_rest(
    wrong: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    page = wrong.browser().get("/broken", status=500)
    found = re.search(r"<code dir=\"ltr\">([A-Z-]+)</code>", page.text)
    assert found is not None
    assert "secret detail" not in page
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert found[1] in record.getMessage()
    assert "the secret detail" in caplog.text


def test_a_bug_of_an_endpoint_is_json_for_a_program_and_a_page_for_a_person(
    wrong: Provider,
) -> None:
    browser = wrong.browser()
    response = browser.get("/oauth/broken", status=500)
    assert response.json["error"] == "server_error"
    sentence = r"Unexpected error\. Reference: [A-Z]{5}-[A-Z]{5}\."
    assert re.fullmatch(sentence, response.json["error_description"])
    assert "Something went wrong" in browser.get("/oauth/broken", status=500, headers=HTML)


def test_without_a_database_it_says_when_to_come_back(wrong: Provider) -> None:
    browser = wrong.browser()
    page = browser.get("/without_database", status=503)
    assert page.headers["Retry-After"] == "5"
    assert "Please try again" in page
    assert "secret_detail" not in page
    response = browser.get("/oauth/without_database", status=503)
    assert response.headers["Retry-After"] == "5"
    assert response.json["error"] == "temporarily_unavailable"


def test_a_database_that_is_really_gone_breaks_no_page(make_provider: Any, tmp_path: Any) -> None:
    path = tmp_path / "gone.sqlite"
    provider = make_provider(oidcserver__database_url=f"sqlite:///{path}")
    browser = provider.browser()
    browser.sign_in()
    provider.close()
    for file in tmp_path.glob("gone.sqlite*"):
        file.unlink()
    path.mkdir()
    for url in ("/", "/login", "/logout", "/oauth/authorize?client_id=x"):
        page = browser.get(url, status=503)
        assert page.headers["Retry-After"] == "5"
        assert "Please try again in a moment" in page
    assert browser.get("/.well-known/openid-configuration").json["issuer"] == provider.issuer


def test_what_may_not_be_seen_leads_to_the_login_and_back(wrong: Provider) -> None:
    browser = wrong.browser()
    response = browser.get("/forbidden?a=1", status=303)
    assert response.location == f"{wrong.issuer}/login?next=%2Fforbidden%3Fa%3D1"
    browser.sign_in()
    assert "You are not allowed to see this page" in browser.get("/forbidden", status=403)
    assert browser.get("/oauth/forbidden", status=403).json["error"] == "access_denied"


def test_a_raised_redirect_is_no_error(wrong: Provider) -> None:
    response = wrong.browser().get("/elsewhere", status=303)
    assert response.location == "https://client.example/"


def test_an_aborted_request_keeps_nothing(wrong: Provider) -> None:
    browser = wrong.browser()
    browser.sign_in()
    browser.get("/broken", status=500)
    assert "Hello" in browser.get("/")


# -- inside another application


@pytest.fixture
def host(provider_url: str, keys_directory: Any) -> Any:
    """An application that embeds the provider and has pages, errors and rules of its own."""
    own = {
        **DEVELOPMENT,
        **settings(),
        "oidc.issuer": "http://localhost:6543/auth",
        "oidcserver.database_url": provider_url,
        "oidcserver.keys_directory": str(keys_directory),
    }
    with Configurator(settings=own) as config:
        config.include("oidcserver", route_prefix="/auth")
        config.include(includeme, route_prefix="/auth")
        config.add_route("host_broken", "/broken")
        config.add_view(broken, route_name="host_broken")
        config.add_route("host_form", "/form")
        config.add_view(
            lambda request: Response(f"posted by {request.authenticated_userid}"),
            route_name="host_form",
            request_method="POST",
        )
    wsgi = config.make_wsgi_app()
    yield TestApp(wsgi, extra_environ={"HTTP_HOST": "localhost:6543"})
    wsgi.registry.oidc.database.engine.dispose()


def test_the_hosts_errors_stay_its_own(host: TestApp) -> None:
    with pytest.raises(LookupError):
        host.get("/broken")
    assert "<title>" in host.get("/no-such-page", status=404, headers=HTML)
    assert "Page not found" not in host.get("/no-such-page", status=404, headers=HTML)


def test_our_errors_are_ours(host: TestApp) -> None:
    assert "Something went wrong" in host.get("/auth/broken", status=500)
    page = host.put("/auth/login", status="4*", headers=HTML)
    assert "localhost" in page


def test_the_hosts_forms_and_identity_stay_its_own(host: TestApp) -> None:
    form = host.get("/auth/login").forms["login"]
    form["username"], form["password"] = "alice", "valid"
    form.submit(status=303)
    response = host.post("/form", {"a": "b"}, headers={"Origin": "https://other.example"})
    assert response.text == "posted by None"


def test_our_forms_are_checked_in_there_too(host: TestApp) -> None:
    host.post("/auth/login", {"username": "alice", "password": "valid"}, status=403)
    form = host.get("/auth/login").forms["login"]
    form.submit(headers={"Origin": "https://evil.example"}, status=403)


def test_the_style_sheet_is_found_below_the_prefix(host: TestApp) -> None:
    page = host.get("/auth/login")
    [path] = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.text)
    assert path.startswith("/auth/")
    assert host.get(path).content_type == "text/css"


@pytest.mark.parametrize("origin", ["http://127.0.0.1:6543", "https://login.example.com"])
def test_a_wrong_issuer_is_told_in_the_log_and_in_development_on_the_page(
    provider: Provider, caplog: pytest.LogCaptureFixture, origin: str
) -> None:
    browser = provider.browser()
    form = browser.get("/login?next=/account").forms["login"]
    pages = [form.submit(headers={"Origin": origin}, status=403) for _ in range(3)]
    for page in pages:
        [hint] = page.html.find_all(class_="message")
        assert origin in hint.text
        assert "oidc.issuer is http://localhost:6543" in hint.text
        assert page.html.find("a", href="http://localhost:6543/login?next=/account")
    [line] = [line for line in caplog.messages if "oidc.issuer" in line]
    assert origin in line
    assert "http://localhost:6543" in line


def test_in_production_the_page_has_no_hint_for_developers(provider: Provider) -> None:
    provider.registry.oidc.provider.settings._values["oidcserver.mode"] = "production"
    form = provider.browser().get("/login").forms["login"]
    page = form.submit(headers={"Origin": "https://evil.example"}, status=403)
    assert "sent from another site" in page
    assert "oidc.issuer" not in page
