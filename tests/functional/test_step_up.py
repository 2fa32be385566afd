"""Step-up (RFC 9470): a resource requires another or a more recent sign-in, and gets it."""

import re
from typing import Any

import pytest
import webtest
from pyramid.config import Configurator
from second_factor import ACR as TWO_FACTORS
from second_factor import code_at, key_of
from support.app import Provider, RelyingParty, follow_to_answer
from support.processes import free_port

from oidcserver import clock as oidcserver_clock
from oidcserver.models.user import find_user
from oidcserver.settings import ConfigurationProblem

SECRET = "a-secret-of-thirty-two-characters"
SETTINGS = {
    "oidcserver__includes": "second_factor support.step_up_plugin",
    "second_factor__secret": SECRET,
    "oidc__pages": "home login consent logout second_factor",
}


@pytest.fixture(params=["sealed", "jwt", "introspection"])
def place(
    request: pytest.FixtureRequest,
    make_provider: Any,
    serve: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[Provider, webtest.TestApp]:
    """A provider, and an application with the views: here by either format, and elsewhere."""
    if request.param != "introspection":
        provider: Provider = make_provider(**SETTINGS, oauth__access_token_format=request.param)
        return provider, webtest.TestApp(provider.wsgi)
    port = free_port()
    provider = make_provider(**SETTINGS, oidc__issuer=f"http://127.0.0.1:{port}")
    serve(provider.wsgi, port)
    resource = provider.register(resource_server=True)
    monkeypatch.setenv("RESOURCE_SECRET", resource.secret or "")
    settings = {
        "oauth_resource.validator": "introspection",
        "oauth_resource.introspection_endpoint": f"{provider.issuer}/oauth/introspect",
        "oauth_resource.client_id": resource.client_id,
        "oauth_resource.client_secret": "env:RESOURCE_SECRET",
        "oauth_resource.audience": provider.issuer,
    }
    with Configurator(settings=settings) as config:
        config.include("oidcserver.resource")
        config.include("support.step_up_plugin")
    return provider, webtest.TestApp(config.make_wsgi_app())


def challenge(response: webtest.TestResponse) -> dict[str, str]:
    """Return the parameters of the challenge for bearer tokens."""
    [header] = response.headers.getall("WWW-Authenticate")
    assert header.startswith("Bearer ")
    return dict(re.findall(r'(\w+)="([^"]*)"', header.partition(", DPoP ")[0]))


def bearer(client: RelyingParty, page: webtest.TestResponse) -> dict[str, str]:
    """Return the header of a token for the answer at the end of a sign-in."""
    token = client.exchange(client.answer(page)["code"])["access_token"]
    return {"Authorization": f"Bearer {token}"}


def give_code(page: webtest.TestResponse) -> webtest.TestResponse:
    """Fill in the page of the second factor with alice's code."""
    with page.test_app.provider.database() as dbsession:
        alice = find_user(dbsession, "alice")
        assert alice is not None
        key = key_of(SECRET, alice.id)
    form = page.forms["code"]
    form["code"] = code_at(key, oidcserver_clock.now())
    return follow_to_answer(form.submit())


def test_a_stronger_sign_in_is_asked_for_and_then_suffices(
    place: tuple[Provider, webtest.TestApp],
) -> None:
    provider, app = place
    client, browser = provider.register(), provider.browser()
    weak = bearer(client, client.complete(client.authorize(browser)))
    assert app.get("/plain", headers=weak).json["acr"] == "1"
    answer = app.get("/acr", headers=weak, status=401)
    assert answer.json["error"] == "insufficient_user_authentication"
    told = challenge(answer)
    assert told == {
        "error": "insufficient_user_authentication",
        "error_description": "The user has to sign in by another method.",
        "acr_values": TWO_FACTORS,
    }
    page = client.authorize(browser, acr_values=told["acr_values"])
    strong = bearer(client, client.complete(give_code(page)))
    assert app.get("/acr", headers=strong).json["acr"] == TWO_FACTORS
    assert app.get("/both", headers=strong).json["acr"] == TWO_FACTORS


def test_a_recent_sign_in_is_asked_for_and_then_suffices(
    place: tuple[Provider, webtest.TestApp], clock: Any
) -> None:
    provider, app = place
    client, browser = provider.register(), provider.browser()
    tokens = client.exchange(client.answer(client.complete(client.authorize(browser)))["code"])
    app.get("/age", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    clock.advance(301)
    old = {"Authorization": f"Bearer {tokens['access_token']}"}
    app.get("/plain", headers=old)
    told = challenge(app.get("/age", headers=old, status=401))
    assert told["error"] == "insufficient_user_authentication"
    assert told["max_age"] == "300"
    refreshed = client.refresh(tokens["refresh_token"])
    still_old = {"Authorization": f"Bearer {refreshed['access_token']}"}
    app.get("/age", headers=still_old, status=401)
    page = client.authorize(browser, max_age=told["max_age"])
    assert "login" in page.forms
    app.get("/age", headers=bearer(client, client.complete(page)))


def test_a_challenge_says_all_that_is_missing(place: tuple[Provider, webtest.TestApp]) -> None:
    provider, app = place
    client = provider.register(
        scope="profile", grant_types=["client_credentials"], redirect_uris=[]
    )
    token = client.token(grant_type="client_credentials").json["access_token"]
    told = challenge(app.get("/both", headers={"Authorization": f"Bearer {token}"}, status=401))
    assert (told["acr_values"], told["max_age"]) == (TWO_FACTORS, "300")
    app.get("/age", headers={"Authorization": f"Bearer {token}"}, status=401)


def test_the_challenge_of_a_resource_names_its_metadata_too(make_provider: Any) -> None:
    uri = "http://localhost:6543/acr"
    provider: Provider = make_provider(**SETTINGS, oauth_resource__resource=uri)
    client = provider.register()
    page = client.complete(client.authorize(provider.browser(), resource=uri))
    told = challenge(client.http.get("/acr", headers=bearer(client, page), status=401))
    assert told["acr_values"] == TWO_FACTORS
    assert told["scope"] == "profile"
    assert told["resource_metadata"].endswith("/.well-known/oauth-protected-resource/acr")


def make_app(**options: Any) -> Any:
    settings = {
        "oauth_resource.validator": "jwks", "oauth_resource.issuer": "https://login.example.com",
        "oauth_resource.audience": "x",
    }  # fmt: skip
    with Configurator(settings=settings) as config:
        config.include("oidcserver.resource")
        config.add_route("x", "/x")
        config.add_view(lambda request: {}, route_name="x", renderer="json", **options)
    return config.make_wsgi_app()


def test_either_option_alone_requires_a_token() -> None:
    for options in ({"oauth_acr": "1"}, {"oauth_max_age": 60}):
        webtest.TestApp(make_app(**options)).get("/x", status=401)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"oauth_acr": 'a"b'}, "is no list of classes"),
        ({"oauth_acr": ["\u00e9"]}, "is no list of classes"),
        ({"oauth_max_age": -1}, "it takes seconds"),
        ({"oauth_max_age": "5m"}, "it takes seconds"),
    ],
)
def test_a_mistake_stops_the_start(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_app(**options)
