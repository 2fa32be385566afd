"""Introspection responses as a JWT (RFC 9701)."""

import json
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey
from support.app import Provider, RelyingParty, decode_id_token
from support.request_signing import public

from oidcserver import clock as provider_clock
from oidcserver.keys.jwt import read_header

TYP = "token-introspection+jwt"
MEDIA_TYPE = f"application/{TYP}"


def ask(client: RelyingParty, token: str, accept: str | None = MEDIA_TYPE, **form: Any) -> Any:
    """Ask for a token, as the client, with an Accept header."""
    headers = {**client.basic(), **({} if accept is None else {"Accept": accept})}
    form = {"token": token, **form}
    return client.http.post("/oauth/introspect", form, headers=headers, status="*")


def opened(
    client: RelyingParty, response: Any, alg: str = "RS256", *, secret: str | None = None
) -> dict[str, Any]:
    """Verify a signed response; return the members of RFC 7662 in it."""
    assert response.status_int == 200, response
    assert response.content_type == MEDIA_TYPE
    assert response.headers["Cache-Control"] == "no-store"
    header = read_header(response.text)
    assert (header["typ"], header["alg"]) == (TYP, alg)
    claims = decode_id_token(client.provider, response.text, alg, secret=secret)
    assert set(claims) == {"iss", "aud", "iat", "token_introspection"}
    assert claims["aud"] == client.client_id
    assert abs(claims["iat"] - provider_clock.now()) < 60
    members: dict[str, Any] = claims["token_introspection"]
    return members


@pytest.fixture
def tokens(provider: Provider) -> tuple[RelyingParty, dict[str, Any]]:
    client = provider.register()
    return client, client.exchange(client.login(provider.browser())["code"])


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_the_members_are_those_of_the_json(
    tokens: tuple[RelyingParty, dict[str, Any]], name: str
) -> None:
    client, issued = tokens
    members = opened(client, ask(client, issued[name]))
    assert members["active"] is True
    assert members == client.introspect(issued[name])


def test_of_a_token_that_is_not_live_it_says_nothing_more(
    provider: Provider, tokens: tuple[RelyingParty, dict[str, Any]]
) -> None:
    client, issued = tokens
    stranger, inactive = provider.register(), {"active": False}
    assert opened(stranger, ask(stranger, issued["access_token"])) == inactive
    assert opened(stranger, ask(stranger, issued["refresh_token"])) == inactive
    assert opened(client, ask(client, "unknown")) == inactive
    client.post("/oauth/revoke", token=issued["refresh_token"], status=200)
    assert opened(client, ask(client, issued["access_token"])) == inactive


def test_a_resource_server_gets_it_for_itself(
    provider: Provider, tokens: tuple[RelyingParty, dict[str, Any]]
) -> None:
    client, issued = tokens
    resource_server = provider.register(resource_server=True)
    members = opened(resource_server, ask(resource_server, issued["access_token"]))
    assert (members["client_id"], members["username"]) == (client.client_id, "alice")


@pytest.mark.parametrize(
    ("accept", "signed"),
    [
        (MEDIA_TYPE, True), (MEDIA_TYPE.upper(), True),
        (f"{MEDIA_TYPE}, application/json", True), (f"application/json, {MEDIA_TYPE}", True),
        (f"{MEDIA_TYPE};q=0.9, application/json;q=0.1", True),
        (f"{MEDIA_TYPE};q=0.1, application/json", False), (f"{MEDIA_TYPE};q=0", False),
        (None, False), ("*/*", False), ("application/*", False), ("application/json", False),
        ("application/jwt", False), ("text/html", False), ("x" * 300, False), (",;q=", False),
    ],
)  # fmt: skip
def test_a_caller_that_names_the_media_type_gets_it(
    provider: Provider, accept: str | None, signed: bool
) -> None:
    client = provider.register()
    response = ask(client, "unknown", accept)
    assert response.content_type == (MEDIA_TYPE if signed else "application/json")


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "Ed25519", "EdDSA", "HS256"])
def test_it_is_signed_as_the_caller_registered(provider: Provider, alg: str) -> None:
    client = provider.register(introspection_signed_response_alg=alg)
    secret = client.secret if alg == "HS256" else None
    response = ask(client, "unknown")
    assert opened(client, response, alg, secret=secret) == {"active": False}


def test_it_is_encrypted_as_the_caller_registered(provider: Provider) -> None:
    key = ECKey.generate_key("P-256", {"use": "enc", "kid": "e"})
    client = provider.register(
        jwks=public(key),
        introspection_encrypted_response_alg="ECDH-ES",
        introspection_encrypted_response_enc="A256GCM",
    )
    response = ask(client, "unknown")
    assert response.content_type == MEDIA_TYPE
    token = jwe.decrypt_compact(response.text, key, algorithms=["ECDH-ES", "A256GCM"])
    response.text = (token.plaintext or b"").decode()
    assert opened(client, response) == {"active": False}
    assert ask(client, "unknown", None).json == {"active": False}, "JSON is as it was"


def test_an_error_is_json_all_the_same(provider: Provider) -> None:
    client = provider.register()
    headers = {"Accept": MEDIA_TYPE}
    response = client.http.post("/oauth/introspect", {"token": "x"}, headers=headers, status=401)
    assert response.json["error"] == "invalid_client"
    assert ask(client, "").json["error"] == "invalid_request"


def test_it_is_no_token_of_any_kind(
    provider: Provider, tokens: tuple[RelyingParty, dict[str, Any]]
) -> None:
    """RFC 9701 section 8.1: it has a type of its own, and neither sub nor exp."""
    client, issued = tokens
    signed = ask(client, issued["access_token"]).text
    client.userinfo(signed, status=401)
    assert client.introspect(signed) == {"active": False}
    answer = client.answer(client.authorize(provider.browser(), id_token_hint=signed))
    assert answer["error"] == "invalid_request"


def test_discovery_promises_the_algorithms_with_the_endpoint(
    provider: Provider, make_provider: Any
) -> None:
    names = [f"introspection_{kind}_values_supported"
             for kind in ("signing_alg", "encryption_alg", "encryption_enc")]  # fmt: skip
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert "RS256" in document[names[0]]
    assert "none" not in document[names[0]]
    assert "ECDH-ES" in document[names[1]]
    assert "A256GCM" in document[names[2]]
    without = make_provider(oauth__endpoints="authorization token jwks openid_configuration")
    document = without.browser().get("/.well-known/openid-configuration").json
    assert not set(names) & set(document)
    assert json.dumps(document).count("introspection") == 0
