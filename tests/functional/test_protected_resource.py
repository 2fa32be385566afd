"""A view protected with scopes: here, and in an application elsewhere (RFC 6750)."""

import json
import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import webtest
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.util import json_b64encode
from pyramid.scripting import prepare
from support.app import Provider, RelyingParty
from support.processes import free_port
from support.resource_app import make_resource_app

from oidcserver.models import User
from oidcserver.oauth.tokens import JWTFormat, find_access_token
from oidcserver.resource.validators import LocalValidator
from oidcserver.settings import ConfigurationProblem


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(scope="openid profile email")


@pytest.fixture
def tokens(provider: Provider, client: RelyingParty) -> dict[str, Any]:
    return client.exchange(client.login(provider.browser())["code"])


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


#: Like a JWT that somebody signed.
SIGNED = ".".join([json_b64encode({"alg": "RS256", "kid": "1"}).decode(), "e30", "AAAA"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_the_walk_throughs_resource_says_who_it_is(
    client: RelyingParty, tokens: dict[str, Any]
) -> None:
    me = client.http.get("/api/me", headers=bearer(tokens["access_token"]))
    assert me.json["username"] == "alice"
    assert me.json["sub"] == client.userinfo(tokens["access_token"]).json["sub"]
    assert me.headers["Cache-Control"] == "no-store"


def test_the_identity_of_a_protected_view_is_the_token_and_not_the_cookies_person(
    make_provider: Any,
) -> None:
    provider = make_provider(oidcserver__includes="support.orders_plugin")
    client = provider.register()
    tokens = client.exchange(client.login(provider.browser())["code"])
    bob = provider.browser()
    bob.sign_in("bob")
    bob.get("/orders", status=401)
    answer = bob.get("/orders", headers=bearer(tokens["access_token"])).json
    assert answer["owner"] == client.userinfo(tokens["access_token"]).json["sub"]
    assert answer["userid"] == answer["owner"]


def test_without_a_token_the_challenge_is_bare(client: RelyingParty) -> None:
    for headers in ({}, {"Authorization": "Basic eDp5"}):
        refused = client.http.get("/api/me", headers=headers, status=401)
        assert (
            refused.headers["WWW-Authenticate"] == 'Bearer, DPoP algs="ES256 PS256 Ed25519 EdDSA"'
        )


@pytest.mark.parametrize("token", ["x", "at_x.y", "\u00e9", "a b", "", 'x"', "eyJ.e30.x"])
def test_a_bad_token_is_invalid(client: RelyingParty, token: str) -> None:
    value = f"Bearer {token}".encode().decode("latin-1")
    refused = client.http.get("/api/me", headers={"Authorization": value}, status=401)
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert refused.json["error"] == "invalid_token"


def test_a_token_without_the_scope_is_refused_with_the_scope_that_is_needed(
    provider: Provider, client: RelyingParty
) -> None:
    tokens = client.exchange(client.login(provider.browser(), scope="openid")["code"])
    refused = client.http.get("/api/me", headers=bearer(tokens["access_token"]), status=403)
    challenge = refused.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="profile"' in challenge


def test_a_token_of_an_application_itself_is_about_nobody(provider: Provider) -> None:
    robot = provider.register(grant_types=["client_credentials"], redirect_uris=[], scope="profile")
    token = robot.token(grant_type="client_credentials").json["access_token"]
    assert "not about a user" in robot.http.get("/api/me", headers=bearer(token), status=403).text
    robot.userinfo(token, status=403)


def test_a_token_in_the_url_or_in_two_places_is_refused(
    client: RelyingParty, tokens: dict[str, Any]
) -> None:
    token = tokens["access_token"]
    for path in ("/api/me", "/oauth/userinfo"):
        client.http.get(f"{path}?access_token={token}", status=400)
        client.http.get(f"{path}?access_token={token}", headers=bearer(token), status=400)
    form = {"access_token": token}
    client.http.post("/oauth/userinfo", form, headers=bearer(token), status=400)


def test_userinfo_answers_get_post_and_a_token_in_the_body_alike(
    client: RelyingParty, tokens: dict[str, Any]
) -> None:
    token = tokens["access_token"]
    answers = [
        client.userinfo(token),
        client.http.post("/oauth/userinfo", headers=bearer(token)),
        client.http.post("/oauth/userinfo", {"access_token": token}),
        client.http.get("/oauth/userinfo", headers={"Authorization": f"bEaReR  {token}"}),
    ]
    assert all(answer.json == answers[0].json for answer in answers)
    assert answers[0].headers["Cache-Control"] == "no-store"
    assert answers[0].content_type == "application/json"


def test_userinfo_wants_the_scope_openid(provider: Provider, client: RelyingParty) -> None:
    tokens = client.exchange(client.login(provider.browser(), scope="profile")["code"])
    refused = client.userinfo(tokens["access_token"], status=403)
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]


def test_userinfo_tells_what_the_scopes_cover_and_nothing_empty(
    provider: Provider, client: RelyingParty
) -> None:
    browser = provider.browser()
    tokens = client.exchange(client.login(browser, scope="openid email")["code"])
    with provider.database() as dbsession:
        dbsession.query(User).one().claims = {
            "email": "alice@example.com", "email_verified": True, "phone_number": "+1",
            "nickname": "", "gender": None,
        }  # fmt: skip
    told = client.userinfo(tokens["access_token"]).json
    assert set(told) == {"sub", "email", "email_verified"}
    more = client.exchange(client.login(browser, scope="openid profile")["code"])
    told = client.userinfo(more["access_token"]).json
    assert not {"nickname", "gender", "email", "phone_number"} & set(told)


def test_only_the_clients_own_pages_may_read_userinfo(
    client: RelyingParty, tokens: dict[str, Any]
) -> None:
    for origin, allowed in (("https://client.example", True), ("https://evil.example", False)):
        headers = {**bearer(tokens["access_token"]), "Origin": origin}
        answer = client.http.get("/oauth/userinfo", headers=headers)
        assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is allowed


@pytest.fixture
def served(make_provider: Any) -> Iterator[Provider]:
    """A provider that answers over HTTP, for applications elsewhere."""
    port = free_port()
    provider: Provider = make_provider(
        oidc__issuer=f"http://127.0.0.1:{port}", oauth__access_token_format="jwt"
    )
    server = make_server("127.0.0.1", port, provider.wsgi, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    thread.join(timeout=5)
    server.server_close()


@pytest.fixture(params=["introspection", "jwks"])
def elsewhere(
    request: pytest.FixtureRequest, served: Provider, monkeypatch: pytest.MonkeyPatch
) -> webtest.TestApp:
    """An application elsewhere, by either way to check tokens."""
    if request.param == "jwks":
        return webtest.TestApp(
            make_resource_app(validator="jwks", issuer=served.issuer, audience=served.issuer)
        )
    server = served.register(resource_server=True)
    monkeypatch.setenv("RESOURCE_SECRET", server.secret or "")
    return webtest.TestApp(
        make_resource_app(
            validator="introspection",
            introspection_endpoint=f"{served.issuer}/oauth/introspect",
            client_id=server.client_id,
            client_secret="env:RESOURCE_SECRET",
            audience=served.issuer,
        )
    )


def test_an_application_elsewhere_takes_a_live_token_by_its_scopes(
    served: Provider, elsewhere: webtest.TestApp
) -> None:
    client = served.register(scope="openid profile")
    tokens = client.exchange(client.login(served.browser())["code"])
    headers = bearer(tokens["access_token"])
    answer = elsewhere.get("/orders", headers=headers).json
    assert answer["client"] == client.client_id
    assert answer["owner"] == client.userinfo(tokens["access_token"]).json["sub"]
    assert elsewhere.get("/either", headers=headers).json == answer
    assert elsewhere.get("/any", headers=headers).json == answer
    refused = elsewhere.get("/both", headers=headers, status=403)
    assert 'scope="profile email"' in refused.headers["WWW-Authenticate"]
    assert elsewhere.get("/open", headers=headers).json == {"open": True}
    elsewhere.get("/orders", headers=bearer("forged"), status=401)
    elsewhere.get("/orders", status=401)
    elsewhere.get("/orders", headers=bearer(tokens["id_token"]), status=401)


def test_an_expired_token_is_refused_elsewhere(
    served: Provider, elsewhere: webtest.TestApp, clock: Any
) -> None:
    client = served.register(scope="profile", grant_types=["client_credentials"], redirect_uris=[])
    token = client.token(grant_type="client_credentials").json["access_token"]
    assert elsewhere.get("/orders", headers=bearer(token)).json["owner"] == client.client_id
    clock.advance(600)
    elsewhere.get("/orders", headers=bearer(token), status=401)


def test_a_revocation_shows_at_once_where_the_provider_is_asked(
    served: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = served.register(resource_server=True)
    monkeypatch.setenv("RESOURCE_SECRET", server.secret or "")
    settings = {
        "validator": "introspection", "client_id": server.client_id,
        "client_secret": "env:RESOURCE_SECRET", "audience": served.issuer,
        "introspection_endpoint": f"{served.issuer}/oauth/introspect",
    }  # fmt: skip
    eager = webtest.TestApp(make_resource_app(**settings))
    lazy = webtest.TestApp(make_resource_app(**settings, max_staleness="1h"))
    client = served.register(scope="profile", grant_types=["client_credentials"], redirect_uris=[])
    token = client.token(grant_type="client_credentials").json["access_token"]
    for app in (eager, lazy):
        app.get("/orders", headers=bearer(token))
    client.post("/oauth/revoke", token=token, status=200)
    eager.get("/orders", headers=bearer(token), status=401)
    lazy.get("/orders", headers=bearer(token))


def test_every_validator_returns_every_field_of_a_token(
    served: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view may decide by each of them, such as by the actor of a delegation."""
    server = served.register(resource_server=True)
    monkeypatch.setenv("RESOURCE_SECRET", server.secret or "")
    client = served.register()
    tokens = client.exchange(client.login(served.browser())["code"])
    with prepare(registry=served.registry) as env:
        request = env["request"]
        issued = find_access_token(request, tokens["access_token"])
        assert issued is not None
        token = issued._replace(
            bearer=None,
            confirmation={"jkt": "x"},
            authorization_details=[{"type": "payment"}],
            actor={"sub": "shop"},
            claims={"groups": ["staff"]},
        )
        assert None not in token[:-1]
        text = JWTFormat().encode(served.registry.oidc.provider, token)
        local = LocalValidator().validate(request, text)
        assert local is not None
        assert local._replace(bearer=None) == token
    settings = {
        "issuer": served.issuer,
        "audience": served.issuer,
        "introspection_endpoint": f"{served.issuer}/oauth/introspect",
        "client_id": server.client_id,
        "client_secret": "env:RESOURCE_SECRET",
    }
    for name in ("introspection", "jwks"):
        app = make_resource_app(validator=name, **settings)
        read = app.registry.oidc.token_validator.validate(None, text)
        assert read == token._replace(authorization_id=None), name


@pytest.mark.parametrize("form", ["jwk", "pem"])
@pytest.mark.parametrize("kind", ["EC", "RSA", "OKP"])
def test_a_resource_server_authenticates_by_a_key(
    served: Provider, monkeypatch: pytest.MonkeyPatch, form: str, kind: str
) -> None:
    made = {"EC": lambda: ECKey.generate_key("P-256"), "RSA": lambda: RSAKey.generate_key(2048),
            "OKP": lambda: OKPKey.generate_key("Ed25519")}  # fmt: skip
    key = made[kind]()
    parameters = {"kid": "orders"} if form == "jwk" else {}
    public = {**key.as_dict(private=False), **parameters}
    private = {**key.as_dict(private=True), **parameters}
    server = served.register(
        resource_server=True,
        grant_types=[],
        redirect_uris=[],
        response_types=[],
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [public]},
    )
    text = json.dumps(private) if form == "jwk" else key.as_pem(private=True).decode()
    monkeypatch.setenv("RESOURCE_KEY", text)
    app = webtest.TestApp(
        make_resource_app(
            validator="introspection",
            introspection_endpoint=f"{served.issuer}/oauth/introspect",
            issuer=served.issuer,
            client_id=server.client_id,
            client_key="env:RESOURCE_KEY",
            audience=served.issuer,
        )
    )
    client = served.register(scope="profile", grant_types=["client_credentials"], redirect_uris=[])
    token = client.token(grant_type="client_credentials").json["access_token"]
    for _ in range(2):
        assert app.get("/orders", headers=bearer(token)).json["owner"] == client.client_id
    client.post("/oauth/revoke", token=token, status=200)
    app.get("/orders", headers=bearer(token), status=401)


def test_a_token_for_another_audience_is_refused_by_its_signature(served: Provider) -> None:
    app = webtest.TestApp(
        make_resource_app(validator="jwks", issuer=served.issuer, audience="https://other.example")
    )
    client = served.register(scope="profile", grant_types=["client_credentials"], redirect_uris=[])
    token = client.token(grant_type="client_credentials").json["access_token"]
    app.get("/orders", headers=bearer(token), status=401)


def test_a_rotated_key_is_fetched_without_a_restart(
    served: Provider, elsewhere: webtest.TestApp, clock: Any
) -> None:
    client = served.register(scope="profile", grant_types=["client_credentials"], redirect_uris=[])
    token = client.token(grant_type="client_credentials").json["access_token"]
    elsewhere.get("/orders", headers=bearer(token))
    served.registry.oidc.provider.keys.rotate(["RS256"])
    clock.advance(86400)
    token = client.token(grant_type="client_credentials").json["access_token"]
    elsewhere.get("/orders", headers=bearer(token))


def test_while_the_provider_is_down_nothing_is_let_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RESOURCE_SECRET", "cs_x")
    url = f"http://127.0.0.1:{free_port()}"
    for settings in (
        {"validator": "jwks", "issuer": url, "audience": url},
        {"validator": "introspection", "introspection_endpoint": url, "client_id": "x",
         "client_secret": "env:RESOURCE_SECRET", "audience": url},
    ):  # fmt: skip
        app = webtest.TestApp(make_resource_app(**settings))
        refused = app.get("/orders", headers=bearer(SIGNED), status=503)
        assert refused.headers["Retry-After"]


#: An application that introspects, without its credentials.
ASKING = {
    "validator": "introspection",
    "introspection_endpoint": "https://login.example/oauth/introspect",
    "client_id": "x",
    "audience": "x",
}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "oauth_resource.validator is missing"),
        ({"validator": "magic"}, "it takes one of local, introspection, jwks"),
        ({"validator": "local"}, "needs the provider in the same application"),
        ({"validator": "jwks", "issuer": "https://login.example"}, "oauth_resource.audience"),
        ({"validator": "jwks", "issuer": "http://login.example", "audience": "x"}, "is not https"),
        (
            {
                "validator": "jwks", "issuer": "https://login.example", "audience": "x",
                "jwks_uri": "https://[::1",
            },
            "is not a URL",
        ),
        ({"validator": "introspection"}, "oauth_resource.introspection_endpoint"),
        ({"validator": "introspection", "introspection_endpoint": "https://login.example/i",
          "client_id": "x", "client_secret": "cs_x", "audience": "x"},
         "write env:NAME or file:PATH"),
        ({"validator": "introspection", "introspection_endpoint": "https://login.example/i",
          "client_id": "x", "client_secret": "env:PATH"}, "missing: oauth_resource.audience"),
        (ASKING, "Set either oauth_resource.client_secret or oauth_resource.client_key"),
        ({**ASKING, "client_secret": "env:PATH", "client_key": "env:PATH"}, "Set either"),
        ({**ASKING, "client_key": "-----BEGIN"}, "client_key must not contain the key itself"),
        ({**ASKING, "client_key": "env:PATH"}, "missing: oauth_resource.issuer"),
        ({**ASKING, "client_key": "env:PATH", "issuer": "https://login.example"},
         "oauth_resource.client_key cannot be used. It is no private key"),
        ({"ca_bundle": "/no/such"}, "oauth_resource.ca_bundle"),
        ({"audiance": "x"}, "oauth_resource.audiance is unknown"),
    ],
)  # fmt: skip
def test_settings_that_do_not_fit_stop_the_start(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        make_resource_app(**settings)
    assert sentence in str(problem.value)
