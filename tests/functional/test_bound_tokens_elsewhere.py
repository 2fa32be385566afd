"""Tokens that are bound to a key, at applications other than the provider itself."""

import re
import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import webtest
from pyramid.config import Configurator
from support.app import DEVELOPMENT, Provider, RelyingParty
from support.certificates import PROXY, ClientCertificate
from support.dpop import ProofKey
from support.processes import free_port
from support.resource_app import make_resource_app

from oidcserver.settings import ConfigurationProblem

URL = "https://api.example/v1"
ROBOT: dict[str, Any] = {
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "response_types": [],
    "scope": "profile",
}
BOUND_BY = {
    "url": URL,
    "sender_constraints": "dpop mtls",
    "client_certificate_proxies": PROXY,
}


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def served(make_provider: Any) -> Iterator[Provider]:
    """A provider that answers over HTTP."""
    port = free_port()
    provider: Provider = make_provider(
        oidc__issuer=f"http://127.0.0.1:{port}",
        oauth__access_token_format="jwt",
        oauth__sender_constraints="dpop mtls",
        oauth__client_certificate_proxies=PROXY,
    )
    server = make_server("127.0.0.1", port, provider.wsgi, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    thread.join(timeout=5)
    server.server_close()


@pytest.fixture(params=["introspection", "jwks"])
def validation(
    request: pytest.FixtureRequest, served: Provider, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The settings of either way to check tokens."""
    if request.param == "jwks":
        return {"validator": "jwks", "issuer": served.issuer, "audience": served.issuer}
    server = served.register(resource_server=True)
    monkeypatch.setenv("RESOURCE_SECRET", server.secret or "")
    return {
        "validator": "introspection",
        "introspection_endpoint": f"{served.issuer}/oauth/introspect",
        "client_id": server.client_id,
        "client_secret": "env:RESOURCE_SECRET",
        "audience": served.issuer,
    }


@pytest.fixture
def key() -> ProofKey:
    return ProofKey()


def new_token(client: RelyingParty, headers: dict[str, str]) -> str:
    token: str = client.token(grant_type="client_credentials", headers=headers).json["access_token"]
    return token


def test_a_token_is_accepted_with_a_proof_for_the_public_url_of_the_application(
    served: Provider, validation: dict[str, str], key: ProofKey
) -> None:
    app = webtest.TestApp(make_resource_app(**validation, **BOUND_BY))
    token = new_token(client := served.register(**ROBOT), key.for_token(client))
    headers = key.for_resource(f"{URL}/orders", token)
    assert app.get("/orders", headers=headers).json["client"] == client.client_id
    refused = app.get("/orders", headers=headers, status=401)
    assert 'error="invalid_dpop_proof"' in refused.headers["WWW-Authenticate"], "it was used"
    for wrong in (
        key.for_resource("https://api.example/orders", token),
        key.for_resource(f"{served.issuer}/orders", token),
        key.for_resource(f"{URL}/orders", token, ath="x"),
        ProofKey().for_resource(f"{URL}/orders", token),
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"DPoP {token}"},
    ):
        app.get("/orders", headers=wrong, status=401)
    bare = app.get("/orders", status=401)
    assert bare.headers["WWW-Authenticate"] == 'Bearer, DPoP algs="ES256 PS256 Ed25519 EdDSA"'


def test_an_unbound_token_goes_on_as_before(
    served: Provider, validation: dict[str, str], key: ProofKey
) -> None:
    app = webtest.TestApp(make_resource_app(**validation, **BOUND_BY))
    client = served.register(**ROBOT)
    token = new_token(client, client.basic())
    assert app.get("/orders", headers={"Authorization": f"Bearer {token}"}).json["client"]
    app.get("/orders", headers=key.for_resource(f"{URL}/orders", token), status=401)


def test_an_application_may_require_bound_tokens(
    served: Provider, validation: dict[str, str], key: ProofKey
) -> None:
    settings = {**validation, "issuer": served.issuer, "resource": f"{URL}/orders"}
    bound = {"url": URL, "sender_constraints": "dpop", "require_sender_constraint": "true"}
    app = webtest.TestApp(make_resource_app(**settings, **bound))
    client = served.register(**ROBOT)
    unbound = {"Authorization": f"Bearer {new_token(client, client.basic())}"}
    for headers, error in (({}, "invalid_token"), (unbound, "invalid_token")):
        refused = app.get("/orders", headers=headers, status=401)
        [challenge] = refused.headers.getall("WWW-Authenticate")
        assert challenge.startswith(f'DPoP error="{error}"')
        assert "Bearer" not in challenge
    document = app.get("/.well-known/oauth-protected-resource").json
    assert document["dpop_bound_access_tokens_required"] is True
    assert document["dpop_signing_alg_values_supported"] == ["ES256", "PS256", "Ed25519", "EdDSA"]
    assert document["bearer_methods_supported"] == ["header"]


def test_tokens_that_are_bound_to_a_certificate_keep_the_scheme_bearer() -> None:
    both = {"require_sender_constraint": "true", "issuer": "https://login.example.com"}
    settings = {"validator": "jwks", "resource": f"{URL}/orders", **both, **BOUND_BY}
    app = webtest.TestApp(make_resource_app(**settings))
    [challenge] = app.get("/orders", status=401).headers.getall("WWW-Authenticate")
    assert re.match('Bearer .*, DPoP algs="ES256 PS256 Ed25519 EdDSA"$', challenge)
    document = app.get("/.well-known/oauth-protected-resource").json
    assert document["tls_client_certificate_bound_access_tokens"] is True
    assert "dpop_bound_access_tokens_required" not in document


def test_required_binding_needs_a_way() -> None:
    with pytest.raises(ConfigurationProblem, match="sender_constraints is empty"):
        make_resource_app(
            validator="jwks",
            issuer="https://login.example.com",
            audience=URL,
            require_sender_constraint="true",
        )


def test_a_token_is_accepted_with_the_certificate_that_it_is_bound_to(
    served: Provider, validation: dict[str, str]
) -> None:
    wsgi = make_resource_app(**validation, **BOUND_BY)
    client = served.register(**ROBOT, tls_client_certificate_bound_access_tokens=True)
    client.http = webtest.TestApp(served.wsgi, extra_environ={"REMOTE_ADDR": PROXY})
    certificate = ClientCertificate()
    token = new_token(client, {**client.basic(), **certificate.headers()})
    bearer = {"Authorization": f"Bearer {token}"}
    behind = webtest.TestApp(wsgi, extra_environ={"REMOTE_ADDR": PROXY})
    assert behind.get("/orders", headers={**bearer, **certificate.headers()}).json["client"]
    for wrong in ({}, ClientCertificate().headers(), {"Client-Cert": "x"}):
        behind.get("/orders", headers={**bearer, **wrong}, status=401)
    stranger = webtest.TestApp(wsgi, extra_environ={"REMOTE_ADDR": "192.0.2.1"})
    stranger.get("/orders", headers={**bearer, **certificate.headers()}, status=401)


def test_without_the_settings_no_bound_token_is_accepted(
    served: Provider, validation: dict[str, str], key: ProofKey
) -> None:
    app = webtest.TestApp(make_resource_app(**validation))
    token = new_token(client := served.register(**ROBOT), key.for_token(client))
    app.get("/orders", headers={"Authorization": f"Bearer {token}"}, status=401)
    refused = app.get("/orders", headers=key.for_resource(f"{URL}/orders", token), status=401)
    assert refused.headers["WWW-Authenticate"] == "Bearer"


JWKS = {"validator": "jwks", "issuer": "https://login.example", "audience": "x"}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"sender_constraints": "dpop"}, "oauth_resource.url is missing"),
        ({"sender_constraints": "mtls"}, "oauth_resource.client_certificate_proxies is missing"),
        ({"sender_constraints": "magic"}, "takes some of dpop, mtls"),
        ({"url": "api.example"}, "a URL such as"),
        ({"dpop_signing_algs": "HS256"}, "takes some of"),
    ],
)
def test_settings_that_do_not_fit_stop_the_start(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        make_resource_app(**JWKS, **settings)
    assert sentence in str(problem.value)


# -- beside the provider ------------------------------------------------------------------------


@pytest.fixture
def make_host(provider_url: str, keys_directory: Any) -> Iterator[Any]:
    """Return a function that makes an application that embeds the provider below /auth."""
    made: list[Any] = []

    def make(**settings: str) -> Any:
        own = {
            **DEVELOPMENT,
            "oidc.issuer": "https://intranet.example/auth",
            "oidcserver.database_url": provider_url,
            "oidcserver.keys_directory": str(keys_directory),
            **{name.replace("__", ".", 1): value for name, value in settings.items()},
        }
        with Configurator(settings=own) as config:
            config.include("oidcserver", route_prefix="/auth")
            config.add_route("orders", "/orders/{name}")
            config.add_view(
                lambda request: {"client": request.oidc.access_token.client_id},
                route_name="orders",
                renderer="json",
                oauth_scope="profile",
            )
        made.append(config.make_wsgi_app())
        return made[-1]

    yield make
    for wsgi in made:
        wsgi.registry.oidc.database.engine.dispose()


class Embedded(Provider):
    """The provider within its host."""

    def __init__(self, wsgi: Any) -> None:
        self.wsgi = wsgi
        self.registry = wsgi.registry
        self.issuer = "https://intranet.example/auth"


@pytest.mark.parametrize(
    ("settings", "base"),
    [({}, "https://intranet.example"),
     ({"oauth_resource__url": "https://api.example"}, "https://api.example")],
)  # fmt: skip
def test_a_view_of_the_embedding_application_has_the_url_that_its_users_know(
    make_host: Any, key: ProofKey, settings: dict[str, str], base: str
) -> None:
    provider = Embedded(make_host(**settings))
    client = provider.register(**ROBOT)
    proof = key.proof("POST", f"{provider.issuer}/oauth/token")
    headers = {**client.basic(), "DPoP": proof}
    form = {"grant_type": "client_credentials"}
    token = client.http.post("/auth/oauth/token", form, headers=headers).json["access_token"]
    for path in ("/orders/plain", "/orders/a%20b", "/orders/%C3%A9", "/orders/~x"):
        headers = key.for_resource(base + path, token)
        assert client.http.get(path, headers=headers).json["client"] == client.client_id
        client.http.get(path, headers=headers, status=401)
    headers = key.for_resource(f"{provider.issuer}/orders/plain", token)
    client.http.get("/orders/plain", headers=headers, status=401)


def test_settings_without_effect_beside_the_provider_stop_the_start(make_host: Any) -> None:
    with pytest.raises(
        ConfigurationProblem, match=r"here the setting is oauth\.dpop_proof_lifetime"
    ):
        make_host(oauth_resource__dpop_proof_lifetime="10")
