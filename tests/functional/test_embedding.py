"""The provider inside another Pyramid application, under a route prefix."""

from pathlib import Path
from typing import Any

import pytest
import webtest
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.security import Denied
from support.app import DEVELOPMENT, Provider
from support.pushing import ENDPOINTS, push, rejection, visit

ISSUER = "http://localhost:6543/auth"


def host_home(request: Any) -> Response:
    return Response(f"the host's own page for {request.matched_route.name}")


@pytest.fixture
def host(provider_url: str, keys_directory: Path) -> Any:
    settings = {
        **DEVELOPMENT,
        "oidc.issuer": ISSUER,
        "oauth.endpoints": f"{ENDPOINTS} oauth_authorization_server",
        "oidcserver.database_url": provider_url,
        "oidcserver.keys_directory": str(keys_directory),
    }
    with Configurator(settings=settings) as config:
        config.include("oidcserver", route_prefix="/auth")
        config.add_route("host_home", "/")
        config.add_view(host_home, route_name="host_home")
        config.add_route("host_post", "/post")
        config.add_view(host_home, route_name="host_post", request_method="POST")
    wsgi = config.make_wsgi_app()
    yield wsgi
    wsgi.registry.oidc.database.engine.dispose()


class Embedded(Provider):
    """The provider within its host, driven as one that stands alone."""

    def __init__(self, wsgi: Any) -> None:
        self.wsgi = Prefixed(wsgi)
        self.registry = wsgi.registry
        self.issuer = ISSUER


class Prefixed:
    """Lets tests that know the provider's own paths reach them below the prefix."""

    def __init__(self, wsgi: Any) -> None:
        self.wsgi = wsgi

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if not environ["PATH_INFO"].startswith("/auth/"):
            environ["PATH_INFO"] = "/auth" + environ["PATH_INFO"]
        return self.wsgi(environ, start_response)


def test_the_whole_flow_works_below_the_prefix(host: Any) -> None:
    provider = Embedded(host)
    client = provider.register()
    answer = client.login(provider.browser())
    assert answer["iss"] == ISSUER
    tokens = client.exchange(answer["code"])
    assert client.userinfo(tokens["access_token"]).json["preferred_username"] == "alice"
    assert "access_token" in client.refresh(tokens["refresh_token"])


@pytest.mark.parametrize("method", ["client_secret_basic", "none"])
def test_requests_are_pushed_below_the_prefix_too(host: Any, method: str) -> None:
    """There `pyramid_tm` manages the request, also of an endpoint that only programs call."""
    provider = Embedded(host)
    client = provider.register(token_endpoint_auth_method=method)
    assert rejection(client, scope="unknown") == "invalid_scope"
    page = visit(client, provider.browser(), push(client))
    assert client.exchange(client.answer(client.complete(page))["code"])["access_token"]


def test_every_url_of_discovery_begins_with_the_issuer_and_answers(host: Any) -> None:
    app = webtest.TestApp(host)
    document = app.get("/auth/.well-known/openid-configuration").json
    assert document["issuer"] == ISSUER
    urls = [value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(urls) >= 6
    for url in urls:
        assert url.startswith(f"{ISSUER}/")
        response = app.get(url.removeprefix("http://localhost:6543"), expect_errors=True)
        assert response.status_int != 404


@pytest.mark.parametrize("name", ["openid-configuration", "oauth-authorization-server"])
def test_discovery_is_also_at_the_root_of_the_host(host: Any, name: str) -> None:
    app = webtest.TestApp(host)
    below = app.get(f"/auth/.well-known/{name}")
    at_root = app.get(f"/.well-known/{name}/auth")
    assert at_root.json == below.json
    assert at_root.headers["Access-Control-Allow-Origin"] == "*"
    assert at_root.headers["X-Content-Type-Options"] == "nosniff"
    app.options(f"/.well-known/{name}/auth", status=204)
    app.get(f"/.well-known/{name}", status=404)
    app.get(f"/.well-known/{name}/other", status=404)


def test_the_hosts_own_pages_stay_its_own(host: Any) -> None:
    app = webtest.TestApp(host)
    response = app.get("/")
    assert response.text == "the host's own page for host_home"
    assert "Content-Security-Policy" not in response.headers
    assert "X-Frame-Options" not in response.headers
    assert app.post("/post", {"a": "x" * 5000}).status_int == 200
    assert "Content-Security-Policy" in app.get("/auth/login").headers
    style_sheet = "/auth/oidcserver-static/oidcserver.css"
    assert app.delete(style_sheet, status=405).headers["Allow"] == "GET, HEAD, OPTIONS"
    assert app.get(style_sheet).headers["X-Content-Type-Options"] == "nosniff"


class Refusing:
    """A security policy that permits nothing."""

    def identity(self, request: Any) -> None:
        return None

    authenticated_userid = identity

    def permits(self, request: Any, context: Any, permission: str) -> Any:
        return Denied("nobody may do anything")


def root(request: Any) -> Any:
    raise AssertionError("the host's root factory is asked")


def test_what_the_host_sets_for_its_views_does_not_reach_the_providers(
    provider_url: str, keys_directory: Path
) -> None:
    settings = {
        **DEVELOPMENT,
        "oidc.issuer": ISSUER,
        "oidcserver.database_url": provider_url,
        "oidcserver.keys_directory": str(keys_directory),
    }
    with Configurator(settings=settings) as config:
        config.set_security_policy(Refusing())
        config.set_default_permission("anything")
        config.set_default_csrf_options(require_csrf=True)
        config.set_root_factory(root)
        config.include("oidcserver", route_prefix="/auth")
        config.add_route("host_home", "/")
        config.add_view(host_home, route_name="host_home")
    wsgi = config.make_wsgi_app()
    provider = Embedded(wsgi)
    client, browser = provider.register(), provider.browser()
    tokens = client.exchange(client.login(browser)["code"])
    assert client.userinfo(tokens["access_token"]).json["preferred_username"] == "alice"
    for page in ("/", "/account", "/clients", "/logout"):
        assert browser.get(page).status_int == 200
    assert browser.put("/account", status=404).content_type == "text/html"
    assert browser.post("/logout", status=403), "the provider's own check of forms"
    assert browser.get("/logout").forms["logout"].submit().status_int in {200, 303}
    assert browser.delete("/oidcserver-static/oidcserver.css", status=405)
    with pytest.raises(AssertionError, match="the host's root factory"):
        webtest.TestApp(wsgi).get("/")
    provider.close()


@pytest.mark.parametrize("first", ["oidcserver", "oidcserver.resource"])
def test_what_is_included_twice_is_there_once(
    provider_url: str, keys_directory: Path, first: str
) -> None:
    settings = {
        **DEVELOPMENT,
        "oidc.issuer": ISSUER,
        "oidcserver.database_url": provider_url,
        "oidcserver.keys_directory": str(keys_directory),
    }
    with Configurator(settings=settings) as config:
        if first == "oidcserver.resource":
            config.include("oidcserver.resource")
        for _ in range(2):
            config.include("oidcserver", route_prefix="/auth")
        config.include("oidcserver.resource")
        config.add_route("mine", "/mine")
        config.add_view(
            lambda request: Response(request.oidc.access_token.client_id),
            route_name="mine", oauth_scope="profile",
        )  # fmt: skip
    wsgi = config.make_wsgi_app()
    provider = Embedded(wsgi)
    client = provider.register()
    token = client.exchange(client.login(provider.browser())["code"])["access_token"]
    app = webtest.TestApp(wsgi)
    assert app.get("/mine", headers={"Authorization": f"Bearer {token}"}).text == client.client_id
    assert app.get("/mine", status=401).headers["WWW-Authenticate"].startswith("Bearer")
    provider.close()


def test_without_a_prefix_the_hosts_uploads_are_its_own_and_the_providers_are_rejected(
    provider_url: str, keys_directory: Path
) -> None:
    settings = {
        **DEVELOPMENT,
        "oidcserver.database_url": provider_url,
        "oidcserver.keys_directory": str(keys_directory),
    }
    with Configurator(settings=settings) as config:
        config.include("oidcserver")
        config.add_route("upload", "/upload")
        config.add_view(
            lambda request: Response(str(len(request.body) > 5000)),
            route_name="upload", request_method="POST",
        )  # fmt: skip
    app = webtest.TestApp(config.make_wsgi_app())
    file = [("file", "photo.jpg", b"\xff" * 5000)]
    assert app.post("/upload", upload_files=file).text == "True"
    for path in ("/oauth/revoke", "/login", "/oidcserver-static/oidcserver.css"):
        small = [("file", "photo.jpg", b"\xff")]
        app.post(path, upload_files=small, status=415)
    range_ = {"Range": "bytes=-"}
    assert app.get("/oidcserver-static/oidcserver.css", headers=range_).status_int == 200
    app.app.registry.oidc.database.engine.dispose()
