"""Authorization responses as a JWT: JWT Secured Authorization Response Mode (JARM)."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey
from support.app import REDIRECT_URI, Provider, RelyingParty, decode_id_token
from support.pushing import ENDPOINTS, push, visit
from support.request_signing import make_private_keys, public, register, unsigned
from webtest import TestApp

from oidcserver import clock as provider_clock
from oidcserver.models import Client

MODES = "query fragment form_post query.jwt fragment.jwt form_post.jwt jwt"
ALL_TYPES = {
    "grant_types": ["authorization_code", "implicit"],
    "response_types": ["code", "id_token token", "code id_token token"],
}


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(oauth__response_modes=MODES, oauth__endpoints=ENDPOINTS)
    return made


def carried(response: Any, place: str) -> str:
    """Return the JWT of a response, which has nothing beside it."""
    if place == "form":
        assert response.status_int == 200
        form = response.forms["form_post"]
        assert form.action == REDIRECT_URI
        assert {name for name in form.fields if name} == {"response"}
        return str(form["response"].value)
    assert response.status_int == 303, response
    parts = urlsplit(response.location)
    assert (parts.query if place == "fragment" else parts.fragment) == ""
    parameters = parse_qs(getattr(parts, place), keep_blank_values=True)
    assert set(parameters) == {"response"}
    [token] = parameters["response"]
    return token


def opened(
    client: RelyingParty, token: str, alg: str = "RS256", *, secret: str | None = None
) -> dict[str, Any]:
    """Verify the JWT of a response; return the parameters that it has."""
    claims = decode_id_token(client.provider, token, alg, secret=secret)
    assert claims["iss"] == client.provider.issuer
    assert claims.pop("aud") == client.client_id
    assert 0 < claims.pop("exp") - provider_clock.now() <= 600
    return claims


def ask(client: RelyingParty, mode: str = "jwt", **changes: Any) -> Any:
    """Ask in a mode and sign in; return the response."""
    browser = client.provider.browser()
    return client.complete(client.authorize(browser, response_mode=mode, **changes))


@pytest.mark.parametrize(
    ("mode", "place"),
    [("jwt", "query"), ("query.jwt", "query"), ("fragment.jwt", "fragment"),
     ("form_post.jwt", "form")],
)  # fmt: skip
def test_a_code_is_in_the_one_parameter_of_the_response(
    provider: Provider, mode: str, place: str
) -> None:
    client = provider.register()
    answer = opened(client, carried(ask(client, mode), place))
    assert set(answer) == {"code", "state", "iss"}
    assert answer["state"] == "the-state"
    assert client.exchange(answer["code"])["access_token"]


@pytest.mark.parametrize("response_type", ["id_token token", "code id_token token"])
@pytest.mark.parametrize(("mode", "place"), [("jwt", "fragment"), ("form_post.jwt", "form")])
def test_tokens_are_in_it_too(
    provider: Provider, response_type: str, mode: str, place: str
) -> None:
    client = provider.register(**ALL_TYPES)
    answer = opened(client, carried(ask(client, mode, response_type=response_type), place))
    assert answer["expires_in"] == "600"
    assert decode_id_token(provider, answer["id_token"])["nonce"] == "the-nonce"
    assert client.userinfo(answer["access_token"]).json["sub"]


def test_tokens_are_not_in_a_query_unless_they_are_encrypted(provider: Provider) -> None:
    """JARM section 2.3.1. The error is protected too, and not in the query."""
    client = provider.register(**ALL_TYPES)
    response = client.authorize(
        provider.browser(), response_mode="query.jwt", response_type="id_token token"
    )
    answer = opened(client, carried(response, "fragment"))
    assert (answer["error"], answer["state"]) == ("invalid_request", "the-state")


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "Ed25519", "EdDSA", "HS256"])
def test_the_response_is_signed_as_the_client_registered(provider: Provider, alg: str) -> None:
    client = provider.register(authorization_signed_response_alg=alg)
    token = carried(ask(client), "query")
    secret = client.secret if alg == "HS256" else None
    assert opened(client, token, alg, secret=secret)["code"]


def test_by_default_it_is_signed_with_a_selected_algorithm(make_provider: Any) -> None:
    provider = make_provider(
        oauth__response_modes="query jwt", oidc__signing_algs="ES256 PS256",
        oauth__access_token_signing_alg="ES256",
    )  # fmt: skip
    client = provider.register()
    assert opened(client, carried(ask(client), "query"), "ES256")["code"]


# -- encrypted ------------------------------------------------------------------------------

ENCRYPTED = {"authorization_encrypted_response_alg": "ECDH-ES"}


@pytest.fixture(scope="module")
def encryption_key() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "enc", "kid": "e"})


def decrypted(token: str, key: ECKey, enc: str = "A128CBC-HS256") -> str:
    found = jwe.decrypt_compact(token, key, algorithms=["ECDH-ES", enc])
    assert (found.protected["enc"], found.protected["cty"]) == (enc, "JWT")
    return (found.plaintext or b"").decode()


@pytest.mark.parametrize("enc", [None, "A256GCM"])
def test_the_response_is_signed_and_then_encrypted(
    provider: Provider, encryption_key: ECKey, enc: str | None
) -> None:
    own = {"authorization_encrypted_response_enc": enc} if enc else {}
    client = provider.register(jwks=public(encryption_key), **ENCRYPTED, **own)
    token = carried(ask(client), "query")
    assert opened(client, decrypted(token, encryption_key, enc or "A128CBC-HS256"))["code"]


def test_encrypted_tokens_may_be_in_a_query(provider: Provider, encryption_key: ECKey) -> None:
    client = provider.register(**ALL_TYPES, jwks=public(encryption_key), **ENCRYPTED)
    response = ask(client, "query.jwt", response_type="id_token token")
    answer = opened(client, decrypted(carried(response, "query"), encryption_key))
    assert answer["access_token"]


def test_an_error_is_encrypted_too(provider: Provider, encryption_key: ECKey) -> None:
    client = provider.register(jwks=public(encryption_key), **ENCRYPTED)
    response = client.authorize(provider.browser(), response_mode="jwt", prompt="none")
    answer = opened(client, decrypted(carried(response, "query"), encryption_key))
    assert answer["error"] == "login_required"


def test_a_client_without_a_key_gets_no_response_and_the_user_a_page(
    provider: Provider, encryption_key: ECKey
) -> None:
    """It is found before the user is asked anything, and nothing is sent without encryption."""
    client = provider.register(jwks=public(encryption_key), **ENCRYPTED)
    with provider.database() as dbsession:
        stored = dbsession.get_one(Client, client.client_id)
        members = {**stored.client_metadata, "jwks": public(make_private_keys()["RS256"])}
        stored.client_metadata = members
    page = client.authorize(provider.browser(), response_mode="jwt")
    assert (page.status_int, page.content_type) == (400, "text/html")
    assert "no key for encryption with ECDH-ES" in page
    assert "login" in client.authorize(provider.browser(), response_mode="query").forms


# -- errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"prompt": "none"}, "login_required"),
        ({"response_type": "token"}, "unauthorized_client"),
        ({"response_type": "pigeon"}, "unsupported_response_type"),
        ({"scope": "unknown"}, "invalid_scope"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"request": "x"}, "request_not_supported"),
    ],
)
def test_an_error_is_signed_too(provider: Provider, changes: dict[str, str], error: str) -> None:
    client = provider.register()
    place = "fragment" if changes.get("response_type") == "token" else "query"
    response = client.authorize(provider.browser(), response_mode="jwt", **changes)
    assert response.headers["Error-Reference"]
    answer = opened(client, carried(response, place))
    assert set(answer) == {"error", "error_description", "state", "iss"}
    assert (answer["error"], answer["state"]) == (error, "the-state")


def test_a_denial_is_signed_too(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    browser.sign_in()
    page = client.authorize(browser, response_mode="form_post.jwt")
    denied = page.forms["consent"].submit("decision", value="deny").follow()
    assert opened(client, carried(denied, "form"))["error"] == "access_denied"


def test_without_a_redirect_uri_an_error_is_a_page(provider: Provider) -> None:
    client = provider.register()
    page = client.authorize(
        provider.browser(), response_mode="jwt", redirect_uri="https://evil.example/"
    )
    assert (page.status_int, page.content_type) == (400, "text/html")


@pytest.mark.parametrize("mode", ["form_post.jwt", "jwt"])
def test_the_way_onward_of_an_error_page_is_signed_too(make_provider: Any, mode: str) -> None:
    """The client registered itself, so its error is shown to the user first."""
    provider = make_provider(
        oauth__response_modes=MODES,
        oauth__registration="open",
        oauth__endpoints="authorization token registration jwks openid_configuration",
    )
    http = TestApp(provider.wsgi)
    members = http.post_json("/oauth/register", {"redirect_uris": [REDIRECT_URI]}).json
    with provider.database() as dbsession:
        stored = dbsession.get_one(Client, members["client_id"])
        dbsession.expunge(stored)
    client = RelyingParty(provider, stored, members["client_secret"])
    page = client.authorize(provider.browser(), response_mode=mode, scope="unknown")
    assert page.status_int == 400
    if mode == "jwt":
        link = page.html.find("a", href=lambda href: href and href.startswith(REDIRECT_URI))
        [token] = parse_qs(urlsplit(link["href"]).query)["response"]
    else:
        form = next(it for it in page.forms.values() if it.action == REDIRECT_URI)
        token = form["response"].value
        assert "form-action" not in page.headers["Content-Security-Policy"]
    assert opened(client, token)["error"] == "invalid_scope"


def test_where_only_an_unreadable_object_says_the_mode_the_error_is_a_page(
    make_provider: Any,
) -> None:
    provider = make_provider(oauth__response_modes=MODES, oidc__request_parameter="true")
    key = make_private_keys()["ES256"]
    own = {"authorization_signed_response_alg": "ES256"}
    client, signer = register(provider, key, **own)
    for request_object in ("x", unsigned({"response_mode": "jwt"}), signer.sign({"iss": "x"})):
        page = client.authorize(provider.browser(), request=request_object)
        assert (page.status_int, page.content_type) == (400, "text/html")
        assert "Location" not in page.headers
        beside = client.authorize(provider.browser(), request=request_object, response_mode="jwt")
        answer = opened(client, carried(beside, "query"), "ES256")
        assert answer["error"] == "invalid_request_object"
    read = client.authorize(
        provider.browser(), request=signer.sign({"response_mode": "jwt", "prompt": "none"})
    )
    assert opened(client, carried(read, "query"), "ES256")["error"] == "login_required"


# -- where nothing else is selected ----------------------------------------------------------


@pytest.mark.parametrize("asked", ["query", "fragment", "form_post", "pigeon", None])
def test_a_client_that_asks_for_plain_parameters_is_told_in_a_signed_response(
    make_provider: Any, asked: str | None
) -> None:
    provider = make_provider(oauth__response_modes="jwt")
    client = provider.register()
    response = client.authorize(provider.browser(), response_mode=asked)
    answer = opened(client, carried(response, "query"))
    assert (answer["error"], answer["state"]) == ("invalid_request", "the-state")
    assert opened(client, carried(ask(client), "query"))["code"]


def test_a_mode_that_needs_a_web_address_is_not_used_for_an_error(make_provider: Any) -> None:
    """Where no mode can carry it, the error is a page and not a server error."""
    provider = make_provider(oauth__response_modes="form_post.jwt")
    client = provider.register(
        redirect_uris=["com.example.app:/cb"], application_type="native",
        token_endpoint_auth_method="none",
    )  # fmt: skip
    for mode in ("form_post.jwt", "query", None):
        page = client.authorize(provider.browser(), response_mode=mode)
        assert (page.status_int, page.content_type) == (400, "text/html")


# -- in company -----------------------------------------------------------------------------


def test_a_pushed_request_is_answered_so_too(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    request_uri = push(client, response_mode="jwt")
    response = client.complete(visit(client, browser, request_uri))
    answer = opened(client, carried(response, "query"))
    again = opened(client, carried(visit(client, browser, request_uri), "query"))
    assert again == answer, "a double click gets the same code, signed again"


def test_it_is_no_id_token_and_no_hint(provider: Provider) -> None:
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser, response_mode="jwt")
    token = carried(client.complete(page), "query")
    answer = client.answer(client.authorize(browser, id_token_hint=token))
    assert answer["error"] == "invalid_request"
    assert client.introspect(token) == {"active": False}
    client.userinfo(token, status=401)


# -- selection ------------------------------------------------------------------------------


def metadata(provider: Provider) -> dict[str, Any]:
    document: dict[str, Any] = provider.browser().get("/.well-known/openid-configuration").json
    return document


def test_discovery_names_modes_and_algorithms(provider: Provider, make_provider: Any) -> None:
    document = metadata(provider)
    assert set(document["response_modes_supported"]) == set(MODES.split())
    signing = document["authorization_signing_alg_values_supported"]
    assert "none" not in signing
    assert {"RS256", "PS256", "ES256", "Ed25519", "EdDSA"} <= set(signing)
    assert "ECDH-ES" in document["authorization_encryption_alg_values_supported"]
    assert "A256GCM" in document["authorization_encryption_enc_values_supported"]
    plain = metadata(make_provider())
    assert not [name for name in plain if name.startswith("authorization_") and "alg" in name]
    assert not [mode for mode in plain["response_modes_supported"] if "jwt" in mode]


def test_where_it_is_not_selected_it_is_not_supported(make_provider: Any) -> None:
    provider = make_provider()
    client = provider.register()
    answer = client.answer(client.authorize(provider.browser(), response_mode="jwt"))
    assert answer["error"] == "invalid_request"
    names = [step.name for step in provider.registry.oidc.provider.flows["authorization_request"]]
    assert "require_response_key" not in names


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"authorization_signed_response_alg": "none"}, "is not one of"),
        ({"authorization_signed_response_alg": "RS256"}, "is not one of"),
        ({"authorization_encrypted_response_alg": "RSA1_5"}, "is not one of"),
        ({"authorization_encrypted_response_enc": "A256GCM"}, "needs authorization_encrypted"),
        ({"authorization_encrypted_response_alg": "ECDH-ES"}, "needs jwks or jwks_uri"),
    ],
)
def test_members_that_cannot_work_are_not_registered(
    make_provider: Any, members: dict[str, str], sentence: str
) -> None:
    provider = make_provider(
        oauth__response_modes=MODES, oidc__signing_algs="PS256 ES256",
        oauth__access_token_signing_alg="ES256",
    )  # fmt: skip
    with pytest.raises(Exception, match=sentence):
        provider.register(**members)
    with pytest.raises(Exception, match=r"is not available here|is not one of"):
        make_provider().register(authorization_signed_response_alg="ES256")


def test_a_public_client_has_no_secret_to_sign_with(provider: Provider) -> None:
    with pytest.raises(Exception, match="needs a client that has a secret"):
        provider.register(
            token_endpoint_auth_method="none", authorization_signed_response_alg="HS256"
        )
