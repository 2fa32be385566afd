"""Signed authentication requests (CIBA section 7.1.1), and the rules of FAPI-CIBA about them."""

import hmac
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey
from support.app import Provider, decode_id_token
from support.assertions import encode
from support.ciba import SETTINGS, CibaClient, SigningClient, decide, forms, user
from support.client_host import JWKSHost
from support.request_signing import make_private_keys, public, unsigned

from oidcserver import clock
from oidcserver.clients.problems import InvalidClientMetadata

#: The settings that a profile for FAPI-CIBA sets.
FAPI: dict[str, object] = {
    "oidc__ciba_require_signed_request": "true",
    "oidc__ciba_request_signing_algs": "PS256 ES256",
    "oidc__ciba_require_binding_message": "true",
}


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    return make_private_keys()


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    provider: Provider = make_provider(**SETTINGS)
    user(provider)
    return provider


@pytest.fixture
def client(provider: Provider, keys: dict[str, Any]) -> SigningClient:
    return SigningClient(provider, keys["ES256"])


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "Ed25519", "EdDSA"])
def test_a_signed_request_has_all_parameters(
    provider: Provider, keys: dict[str, Any], alg: str
) -> None:
    client = SigningClient(provider, keys[alg], alg)
    request = client.signed(binding_message="W4SCT", requested_expiry=60)
    answer = client.send(request).json
    assert answer["expires_in"] == 60
    alice = user(provider)
    assert "W4SCT" in alice.get("/approvals")
    decide(alice)
    assert client.poll(answer["auth_req_id"])["scope"] == "openid profile"


def test_a_number_may_be_text(client: SigningClient) -> None:
    for requested in (30, "30", 30.0):
        request = client.signed(requested_expiry=requested)
        assert client.send(request).json["expires_in"] == 30


def test_the_typ_is_that_of_a_request(client: SigningClient) -> None:
    for typ in ("JWT", "OautH-auThZ-REQ+jWt", "application/oauth-authz-req+jwt"):
        client.send(client.signed({"typ": typ}))


def test_it_is_no_request_object_of_the_authorization_endpoint(
    make_provider: Any, keys: dict[str, Any]
) -> None:
    provider = make_provider(**SETTINGS, oidc__request_parameter="true")
    client = SigningClient(provider, keys["ES256"])
    browser = user(provider)
    for header in ({}, {"typ": "oauth-authz-req+jwt"}):
        page = client.rp.authorize(browser, request=client.signed(header))
        assert client.rp.answer(page)["error"] == "invalid_request_object"
    for named in ({"client_id": client.rp.client_id}, {"response_type": "code"}):
        page = client.rp.authorize(browser, request=client.signed(**named))
        assert "consent" in page.forms


def test_a_client_that_signs_has_to_sign(client: SigningClient) -> None:
    assert client.refused() == "invalid_request"


def test_another_client_may_sign_or_not(provider: Provider, keys: dict[str, Any]) -> None:
    client = SigningClient(
        provider, keys["ES256"], backchannel_authentication_request_signing_alg=None
    )
    client.ask()
    client.send()


def test_each_claim_is_there_and_right(client: SigningClient) -> None:
    wrong: tuple[dict[str, Any], ...] = (
        {"aud": ...},
        {"aud": "https://other.example"},
        {"aud": []},
        {"aud": 7},
        {"iss": ...},
        {"iss": "https://other.example"},
        {"exp": ...},
        {"exp": -60},
        {"exp": 70 * 60},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e300},
        {"iat": ...},
        {"iat": 10 * 60},
        {"nbf": ...},
        {"nbf": 10 * 60},
        {"nbf": -70 * 60},
        {"nbf": None},
        {"jti": ...},
        {"jti": ""},
        {"jti": 7},
    )
    for changes in wrong:
        [(name, value)] = changes.items()
        if name in {"exp", "iat", "nbf"} and type(value) is int:
            value += clock.now()
        rejected = client.send(client.signed(**{name: value}), status=400)
        assert rejected.json["error"] == "invalid_request", changes


def test_aud_may_be_a_list_that_has_the_issuer(client: SigningClient) -> None:
    client.send(client.signed(aud=["https://other.example", client.provider.issuer]))


@pytest.mark.both_databases
def test_a_signed_request_is_used_once_also_if_it_fails(
    client: SigningClient, provider: Provider
) -> None:
    request = client.signed()
    client.send(request)
    assert client.send(request, status=400).json["error"] == "invalid_request"
    failing = client.signed(login_hint="nobody")
    assert client.send(failing, status=400).json["error"] == "unknown_user_id"
    assert client.send(failing, status=400).json["error"] == "invalid_request"
    assert len(forms(user(provider))) == 1


def test_no_parameter_is_beside_a_signed_request(client: SigningClient) -> None:
    for name in ("login_hint", "scope", "resource", "client_notification_token", "user_code"):
        rejected = client.send(status=400, **{name: "openid"})
        assert rejected.json["error"] == "invalid_request", name


def test_unknown_parameters_are_ignored_beside_it_and_inside(client: SigningClient) -> None:
    client.send(client.signed(request_context={"device": "till 7"}), unknown="1")


def test_a_request_by_reference_is_not_fetched(client: SigningClient) -> None:
    rejected = client.send(status=400, request_uri="https://client.example/request")
    assert rejected.json["error"] == "invalid_request"


def test_the_signature_and_the_algorithm_are_checked(
    provider: Provider, client: SigningClient, keys: dict[str, Any]
) -> None:
    good = client.signed()
    other = SigningClient(provider, ECKey.generate_key("P-256"))
    by_other = other.signer.sign(client.claims())
    unauthentic = f"{encode({'alg': 'HS256'})}.{encode(client.claims())}"
    published = keys["ES256"].as_pem(private=False)
    mac = hmac.digest(published, unauthentic.encode(), "sha256")
    for request in (
        good[:-6] + "AAAAAA",
        unsigned(client.claims()),
        by_other,
        f"{unauthentic}.{encode(mac)}",
        good.rpartition(".")[0] + ".",
        "garbage",
        "a.b.c",
        f"{good}.{good}",
    ):
        assert client.send(request, status=400).json["error"] == "invalid_request"
    assert forms(user(provider)) == []


def test_another_algorithm_than_the_registered_one_is_rejected(
    provider: Provider, keys: dict[str, Any]
) -> None:
    client = SigningClient(provider, keys["RS256"], "PS256")
    client.signer.alg = "RS256"
    assert client.send(status=400).json["error"] == "invalid_request"


def test_a_jwt_that_was_signed_for_another_purpose_is_no_request(
    client: SigningClient, keys: dict[str, Any]
) -> None:
    for request in (
        client.signed(sub=client.rp.client_id),  # a client assertion
        client.signed({"typ": "client-authentication+jwt"}),
        client.signed({"typ": "dpop+jwt"}),
        client.signed({"typ": "at+jwt"}),
        client.signed(response_type="code", redirect_uri="https://client.example/cb"),
        client.signed(request_uri="urn:ietf:params:oauth:request_uri:x"),
        client.signed(request="x"),
    ):
        assert client.send(request, status=400).json["error"] == "invalid_request"


def test_what_is_too_much_is_rejected(client: SigningClient) -> None:
    too_much: tuple[dict[str, Any], ...] = (
        {"binding_message": "x" * 5000},
        {"login_hint": "a\0b"},
        {f"p{number}": "x" for number in range(120)},
        {"login_hint": {"a": [1] * 5000}},
    )
    for changes in too_much:
        rejected = client.send(client.signed(**changes), status=400)
        assert rejected.json["error"] == "invalid_request"


def test_a_scope_that_is_no_text_is_rejected(client: SigningClient) -> None:
    for scope in (7, ["openid"], {"openid": True}, None, True):
        rejected = client.send(client.signed(scope=scope), status=400)
        assert rejected.json["error"] in {"invalid_scope", "invalid_request"}


def test_private_key_jwt_authenticates_beside_it(provider: Provider, keys: dict[str, Any]) -> None:
    client = SigningClient(provider, keys["ES256"], token_endpoint_auth_method="private_key_jwt")
    client.send(**client.signer.form())
    rejected = client.send(status=401)
    assert rejected.json["error"] == "invalid_client"
    # A JWT for one purpose is not accepted for the other.
    assertion = client.signer.assertion()
    rejected = client.send(assertion, status=400, **client.signer.form())
    assert rejected.json["error"] == "invalid_request"
    asking = client.signer.form(client.signed())
    assert client.send(status=401, **asking).json["error"] == "invalid_client"


@pytest.fixture
def host() -> Iterator[JWKSHost]:
    host = JWKSHost()
    yield host
    host.close()


def test_keys_are_fetched_where_the_client_publishes_them(
    make_provider: Any, keys: dict[str, Any], host: JWKSHost
) -> None:
    provider = make_provider(**SETTINGS, oauth__outbound_allow_loopback="true")
    user(provider)
    host.document = public(keys["ES256"])
    client = SigningClient(provider, keys["ES256"], jwks=None, jwks_uri=host.uri)
    other_alg = f"{encode({'alg': 'RS256'})}.{encode(client.claims())}.AAAA"
    client.send(other_alg, status=400)
    assert host.requests == [], "nothing is fetched for an algorithm that is rejected anyway"
    client.send()


# FAPI-CIBA


@pytest.fixture
def strict(make_provider: Any) -> Provider:
    provider: Provider = make_provider(**SETTINGS, **FAPI)
    user(provider)
    return provider


def test_fapi_requires_signed_requests_with_a_binding_message(
    strict: Provider, keys: dict[str, Any]
) -> None:
    assert CibaClient(strict).refused(binding_message="1234") == "invalid_request"
    client = SigningClient(strict, keys["ES256"])
    assert client.send(status=400).json["error"] == "invalid_request"
    client.send(client.signed(binding_message="1234"))


def test_fapi_allows_ps256_and_es256_alone(strict: Provider, keys: dict[str, Any]) -> None:
    document = strict.browser().get("/.well-known/openid-configuration").json
    name = "backchannel_authentication_request_signing_alg_values_supported"
    assert document[name] == ["PS256", "ES256"]
    with pytest.raises(InvalidClientMetadata, match="is not one of PS256, ES256"):
        SigningClient(strict, keys["RS256"], "RS256")
    unnamed = SigningClient(
        strict, keys["RS256"], "RS256", backchannel_authentication_request_signing_alg=None
    )
    request = unnamed.signed(binding_message="1234")
    assert unnamed.send(request, status=400).json["error"] == "invalid_request"


def test_the_walk_of_the_conformance_plan(make_provider: Any, keys: dict[str, Any]) -> None:
    """Module ``fapi-ciba-id1`` and those that vary it, with two clients and in poll mode."""
    provider = make_provider(
        **SETTINGS,
        **FAPI,
        oidcserver__includes="support.ciba_approval_plugin",
        oauth__token_endpoint_auth_methods="private_key_jwt",
        oauth__token_endpoint_auth_signing_algs="PS256 ES256",
        oauth__access_token_signing_alg="PS256",
        oauth__assertion_audience="issuer",
        oidc__signing_algs="PS256 ES256",
    )
    user(provider)
    members = {"token_endpoint_auth_method": "private_key_jwt"}
    members["id_token_signed_response_alg"] = "PS256"
    first = SigningClient(provider, keys["PS256"], "PS256", **members)
    second = SigningClient(provider, ECKey.generate_key("P-256"), "ES256", **members)

    def ask(client: SigningClient, **parameters: Any) -> dict[str, Any]:
        request = client.signed(binding_message="1234", **parameters)
        answer: dict[str, Any] = client.send(request, **client.signer.form()).json
        return answer

    def poll(client: SigningClient, auth_req_id: str) -> dict[str, Any]:
        return client.poll(auth_req_id, status="*", **client.signer.form())

    def answer(client: SigningClient, auth_req_id: str, action: str) -> None:
        client.rp.http.post(f"/ciba-approval?auth_req_id={auth_req_id}&action={action}")

    asked = ask(first, scope="profile openid", acr_values="1")
    auth_req_id = asked["auth_req_id"]
    errors = [poll(first, auth_req_id)["error"] for _ in range(20)]
    assert errors[0] == "authorization_pending"
    assert set(errors) == {"authorization_pending", "slow_down"}
    assert poll(second, auth_req_id)["error"] == "invalid_grant"
    answer(first, auth_req_id, "allow")
    tokens = poll(first, auth_req_id)
    claims = decode_id_token(provider, tokens["id_token"], "PS256")
    assert claims["acr"] == "1"
    assert poll(first, auth_req_id)["error"] == "invalid_grant"
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refreshed = first.rp.token(**refresh, **first.signer.form()).json
    assert decode_id_token(provider, refreshed["id_token"], "PS256")["sub"] == claims["sub"]

    asked = ask(second, requested_expiry=300)
    assert asked["expires_in"] == 300
    answer(second, asked["auth_req_id"], "deny")
    assert poll(second, asked["auth_req_id"])["error"] == "access_denied"
