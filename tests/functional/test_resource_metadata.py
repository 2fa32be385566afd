"""The metadata of protected resources and the challenges that lead there (RFC 9728)."""

import re
from pathlib import Path
from typing import Any

import pytest
import webtest
from pyramid.config import Configurator
from support.app import DEVELOPMENT, ISSUER, Provider
from support.processes import free_port
from support.resource_app import make_resource_app

from oidcserver.settings import ConfigurationProblem

MCP = "https://mcp.example.com/mcp"
WELL_KNOWN = "/.well-known/oauth-protected-resource"
ELSEWHERE = {
    "validator": "jwks", "issuer": "https://login.example.com", "resource": MCP,
    "scopes": "profile mcp:tools", "name": "The tools",
}  # fmt: skip
SCOPE = {"oidc__scope_claims": "mcp:tools: | Use the tools"}


def challenge(response: webtest.TestResponse) -> dict[str, str]:
    """Return the parameters of the one challenge of a response."""
    [header] = response.headers.getall("WWW-Authenticate")
    assert header.startswith("Bearer ")
    return dict(re.findall(r'(\w+)="([^"]*)"', header))


@pytest.fixture
def app() -> webtest.TestApp:
    """A resource application elsewhere."""
    return webtest.TestApp(make_resource_app(**ELSEWHERE))


def test_the_document_is_where_the_path_of_the_resource_says(app: webtest.TestApp) -> None:
    answer = app.get(f"{WELL_KNOWN}/mcp", headers={"Host": "evil.example"})
    assert answer.json == {
        "resource": MCP,
        "authorization_servers": ["https://login.example.com"],
        "scopes_supported": ["profile", "mcp:tools"],
        "bearer_methods_supported": ["header", "body"],
        "resource_name": "The tools",
    }
    assert answer.content_type == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "public, max-age=3600"


def test_the_only_resource_is_also_found_at_the_root(app: webtest.TestApp) -> None:
    assert app.get(WELL_KNOWN).json["resource"] == MCP
    app.get(f"{WELL_KNOWN}/other", status=404)


def test_a_script_of_any_origin_may_ask_with_its_own_headers(app: webtest.TestApp) -> None:
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    answer = app.options(f"{WELL_KNOWN}/mcp", headers=headers, status=204)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Headers"].endswith("*")
    assert app.post(f"{WELL_KNOWN}/mcp", status=405).headers["Allow"] == "GET, OPTIONS"


def test_a_request_without_a_token_learns_where_to_get_one(app: webtest.TestApp) -> None:
    answer = app.get("/both", headers={"Host": "evil.example"}, status=401)
    assert challenge(answer) == {
        "error": "invalid_token",
        "error_description": "The request has no access token.",
        "scope": "profile email",
        "resource_metadata": f"https://mcp.example.com{WELL_KNOWN}/mcp",
    }


def test_a_bad_token_gets_the_same_challenge(app: webtest.TestApp) -> None:
    answer = app.get("/orders", headers={"Authorization": "Bearer x"}, status=401)
    told = challenge(answer)
    assert (told["error"], told["scope"]) == ("invalid_token", "profile")
    assert told["resource_metadata"].endswith(f"{WELL_KNOWN}/mcp")
    assert "scope" not in challenge(app.get("/any", status=401))


def test_the_hosts_root_has_its_document_at_the_root() -> None:
    for uri in ("https://mcp.example.com", "https://mcp.example.com/"):
        app = webtest.TestApp(make_resource_app(**{**ELSEWHERE, "resource": uri}))
        assert app.get(WELL_KNOWN).json["resource"] == uri
        told = challenge(app.get("/orders", status=401))
        assert told["resource_metadata"] == f"https://mcp.example.com{WELL_KNOWN}"


def test_further_providers_come_after_ours() -> None:
    settings = {**ELSEWHERE, "authorization_servers": "https://other.example"}
    app = webtest.TestApp(make_resource_app(**settings))
    assert app.get(WELL_KNOWN).json["authorization_servers"] == [
        "https://login.example.com",
        "https://other.example",
    ]


def test_without_a_resource_there_is_no_document() -> None:
    app = webtest.TestApp(
        make_resource_app(validator="jwks", issuer="https://login.example.com", audience="x")
    )
    app.get(WELL_KNOWN, status=404)
    assert app.get("/orders", status=401).headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        *(
            ({"resource": uri}, "it takes an https URL without query and fragment")
            for uri in (
                "mcp", "/mcp", "mcp.example.com/mcp", "http://mcp.example.com/mcp",
                f"{MCP}#x", f"{MCP}?x=1", f"{MCP}?", "urn:example:mcp", "https://", "https://[::1",
                "https://user@mcp.example.com/mcp", "https://mcp.example.com/{x}",
                'https://mcp.example.com/"', "https://mcp.example.com/a b",
            )
        ),
        ({"issuer": "", "resource": MCP, "validator": "introspection"}, "issuer"),
        ({"scopes": "offline_access"}, "offline_access is one of the provider"),
        ({"scopes": 'a"b'}, "names of scopes without spaces"),
    ],
)  # fmt: skip
def test_a_mistake_stops_the_start(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        make_resource_app(**{**ELSEWHERE, **settings})
    assert sentence in str(problem.value)


def view(request: Any) -> dict[str, Any]:
    return {"audience": request.oidc.access_token.audience}


def make_app(*uris: str, named: str | None = None, **settings: str) -> webtest.TestApp:
    """An application of several resources, whose view ``/x`` names one of them or none."""
    own = {"oauth_resource.validator": "jwks", "oauth_resource.issuer": "https://login.example.com"}
    with Configurator(settings={**own, **settings}) as config:
        config.include("oidcserver.resource")
        for uri in uris:
            config.add_protected_resource(uri, scopes=["profile"], name=uri[-1])
        config.add_route("x", "/x")
        options = {} if named is None else {"oauth_resource": named}
        config.add_view(view, route_name="x", renderer="json", oauth_scope="profile", **options)
    return webtest.TestApp(config.make_wsgi_app())


A, B = "https://api.example.com/a", "https://api.example.com/b"


def test_each_of_several_resources_has_its_document_and_its_challenge() -> None:
    for named, other in ((A, B), (B, A)):
        app = make_app(A, B, named=named)
        for uri in (A, B):
            document = app.get(f"{WELL_KNOWN}/{uri[-1]}").json
            assert (document["resource"], document["resource_name"]) == (uri, uri[-1])
        app.get(WELL_KNOWN, status=404)
        told = challenge(app.get("/x", status=401))
        assert told["resource_metadata"].endswith(f"{WELL_KNOWN}/{named[-1]}")
        assert other[-1] != named[-1]


def test_the_resource_of_the_settings_is_the_default_of_views() -> None:
    app = make_app(A, **{"oauth_resource.resource": B})
    assert challenge(app.get("/x", status=401))["resource_metadata"].endswith("/b")


def test_a_view_has_to_name_one_of_several_resources() -> None:
    with pytest.raises(ConfigurationProblem, match="A view with oauth_scope has to name one"):
        make_app(A, B)
    with pytest.raises(ConfigurationProblem, match=r"not declared\. Did you mean"):
        make_app(A, B, named=f"{A}x")
    with pytest.raises(ConfigurationProblem, match="is declared twice"):
        make_app(A, "https://API.example.com:443/a")
    with pytest.raises(ConfigurationProblem, match="cannot be used: it takes an https URL"):
        make_app("a")


@pytest.mark.parametrize("validator", ["introspection", "jwks"])
def test_an_application_elsewhere_accepts_tokens_for_its_resource_alone(
    make_provider: Any, serve: Any, monkeypatch: pytest.MonkeyPatch, validator: str
) -> None:
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    machine = {"grant_types": ["client_credentials"], "redirect_uris": [], "scope": "profile"}
    server = make_provider().register(**machine)
    lines = "\n".join(f"{uri} | Api | format=jwt server={server.client_id}" for uri in (A, B))
    provider: Provider = make_provider(oidc__issuer=issuer, oauth__resources=lines)
    serve(provider.wsgi, port)
    monkeypatch.setenv("RESOURCE_SECRET", server.secret or "")
    app = webtest.TestApp(
        make_resource_app(
            validator=validator,
            issuer=issuer,
            resource="https://API.example.com:443/a",
            introspection_endpoint=f"{issuer}/oauth/introspect",
            client_id=server.client_id,
            client_secret="env:RESOURCE_SECRET",
        )
    )
    client = provider.register(**machine)
    for resource, status in ((A, 200), (B, 401), (None, 401), ([A, B], 200)):
        token = client.token(grant_type="client_credentials", resource=resource).json
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        app.get("/orders", headers=headers, status=status)


# -- in the provider's own application


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    """A provider whose application is a resource too."""
    provider: Provider = make_provider(
        oidcserver__includes="support.orders_plugin",
        oauth_resource__resource="http://localhost:6543/orders",
        oauth_resource__scopes="profile mcp:tools",
        oauth_resource__name="Orders",
        **SCOPE,
    )
    return provider


def test_the_provider_knows_the_resource_of_its_own_application(provider: Provider) -> None:
    client = provider.register(scope="openid profile mcp:tools")
    uri = "http://localhost:6543/orders"
    document = client.http.get(f"{WELL_KNOWN}/orders").json
    assert (document["resource"], document["authorization_servers"]) == (uri, [ISSUER])
    assert document["scopes_supported"] == ["profile", "mcp:tools"]
    told = challenge(client.http.get("/orders", status=401))
    assert told["resource_metadata"] == f"http://localhost:6543{WELL_KNOWN}/orders"
    browser = provider.browser()
    answer = client.login(browser, scope="profile mcp:tools", resource=uri)
    token = client.exchange(answer["code"])["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert client.http.get("/orders", headers=headers).json["owner"]
    client.http.get("/api/me", headers=headers, status=401)


def test_a_token_for_the_provider_is_not_one_for_the_resource(provider: Provider) -> None:
    client = provider.register()
    token = client.exchange(client.login(provider.browser())["code"])["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    client.http.get("/api/me", headers=headers)
    answer = client.http.get("/orders", headers=headers, status=401)
    assert challenge(answer)["error"] == "invalid_token"


def test_a_resource_that_the_ini_declares_gives_its_scopes_and_name(make_provider: Any) -> None:
    uri = "http://localhost:6543/orders"
    provider: Provider = make_provider(
        oidcserver__includes="support.orders_plugin",
        oauth_resource__resource="http://LOCALHOST:6543/orders",
        oauth__resources=f"{uri}: mcp:tools | The orders",
        **SCOPE,
    )
    document = provider.browser().get(f"{WELL_KNOWN}/orders").json
    assert document["resource"] == uri
    assert document["scopes_supported"] == ["mcp:tools"]
    assert document["resource_name"] == "The orders"


def test_below_a_prefix_the_document_is_at_the_root_of_the_host(
    provider_url: str, keys_directory: Path
) -> None:
    settings = {
        **DEVELOPMENT,
        "oidc.issuer": f"{ISSUER}/auth",
        "oidcserver.database_url": provider_url,
        "oidcserver.keys_directory": str(keys_directory),
    }
    with Configurator(settings=settings) as config:
        config.set_default_permission("anything")
        config.include("oidcserver", route_prefix="/auth")
        config.add_protected_resource(f"{ISSUER}/mcp")
        config.add_route("mcp", "/mcp")
        config.add_view(view, route_name="mcp", renderer="json", oauth_scope="", permission="view")
    wsgi = config.make_wsgi_app()
    app = webtest.TestApp(wsgi)
    document = app.get(f"{WELL_KNOWN}/mcp").json
    assert document["resource"] == f"{ISSUER}/mcp"
    assert document["authorization_servers"] == [f"{ISSUER}/auth"]
    assert "scope" not in challenge(app.get("/mcp", status=401))
    wsgi.registry.oidc.database.engine.dispose()
