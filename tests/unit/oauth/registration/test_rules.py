"""Client metadata: what is registered, and what is refused with which sentence."""

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk

from oidcserver.oauth.registration import InvalidClientMetadata, validate_client_metadata


def provider(mode: str = "production") -> Any:
    grants = ("authorization_code", "implicit", "client_credentials", "refresh_token")
    methods = ("client_secret_basic", "client_secret_jwt", "private_key_jwt", "none")
    return SimpleNamespace(
        settings={"oidcserver.mode": mode, "oidc.signing_algs": ("RS256", "ES256")},
        grant_types=dict.fromkeys(grants),
        response_types=frozenset({"code", "id_token", "id_token token", "code id_token"}),
        scopes=dict.fromkeys(("openid", "profile")),
        client_authentication_methods=dict.fromkeys(methods),
    )


def check(mode: str = "production", **metadata: Any) -> dict[str, Any]:
    values = {"redirect_uris": ["https://client.example/cb"], **metadata}
    return validate_client_metadata(provider(mode), values)


def problem(mode: str = "production", **metadata: Any) -> InvalidClientMetadata:
    with pytest.raises(InvalidClientMetadata) as raised:
        check(mode, **metadata)
    return raised.value


def test_the_defaults_are_the_standards() -> None:
    assert check() == {
        "redirect_uris": ["https://client.example/cb"],
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "id_token_signed_response_alg": "RS256",
        "application_type": "web",
        "subject_type": "public",
        "scope": "",
        "contacts": [],
    }


def test_unknown_and_null_members_are_left_out() -> None:
    checked = check(owner_id="x", resource_server=True, client_name=None, **{"client_name#de": "B"})
    assert not {"owner_id", "resource_server", "client_name"} & set(checked)
    assert checked["client_name#de"] == "B"


@pytest.mark.parametrize(
    ("uri", "application_type"),
    [
        ("https://client.example/cb", "web"),
        ("https://client.example:8443/cb?x=1", "web"),
        ("com.example.app:/cb", "native"),
        ("http://127.0.0.1/cb", "native"),
        ("http://[::1]:8080/cb", "native"),
        ("http://localhost/cb", "native"),
    ],
)
def test_a_good_redirect_uri_is_registered(uri: str, application_type: str) -> None:
    assert check(redirect_uris=[uri], application_type=application_type)["redirect_uris"] == [uri]


@pytest.mark.parametrize(
    "uri",
    [
        "jAvAsCrIpT:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/hosts", "about:x",
        "blob:https://x", "https://client.example/cb#x", "https://client.example/#", "/cb", "cb",
        "https://user@client.example/cb", "https://*.example/cb", "https:///cb", "https:cb",
        "http://client.example/cb", "http://127.0.0.1.evil.example/cb", "https://c.example/\\cb",
        "https://client.example/c b", "https://client.example/\u00e9", "https://c.example/\tcb",
        "https://[::1/cb", "https://c.example:99999/cb", "myapp:/cb", "https://x/" + "a" * 2000,
        "com.example.app:/cb", "http://localhost/cb", "https://client.example/\x00",
    ],
)  # fmt: skip
def test_a_bad_redirect_uri_of_a_web_application_is_refused(uri: str) -> None:
    refused = problem(redirect_uris=[uri])
    assert (refused.error, refused.field) == ("invalid_redirect_uri", "redirect_uris")


@pytest.mark.parametrize("uri", ["myapp:/cb", "javascript:alert(1)", "http://client.example/cb"])
def test_a_bad_redirect_uri_of_a_native_application_is_refused(uri: str) -> None:
    assert problem(redirect_uris=[uri], application_type="native").error == "invalid_redirect_uri"


def test_development_lets_web_applications_use_http_on_loopback() -> None:
    assert check("development", redirect_uris=["http://localhost:3000/cb"])
    assert problem("development", redirect_uris=["http://client.example/cb"])


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"redirect_uris": []}, "redirect_uris"),
        ({"redirect_uris": "https://client.example/cb"}, "redirect_uris"),
        ({"redirect_uris": 5}, "redirect_uris"),
        ({"redirect_uris": [5]}, "redirect_uris"),
        ({"redirect_uris": ["https://client.example/cb"] * 51}, "redirect_uris"),
        ({"grant_types": ["password"]}, "grant_types"),
        ({"grant_types": "authorization_code"}, "grant_types"),
        ({"grant_types": ["client_credentials"], "response_types": ["id_token"]}, "response_types"),
        ({"response_types": ["token"]}, "response_types"),
        ({"response_types": ["id_token"]}, "response_types"),
        ({"scope": "openid phone"}, "scope"),
        ({"scope": ["openid"]}, "scope"),
        ({"token_endpoint_auth_method": "client_secret_post"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "none", "grant_types": ["client_credentials"]},
         "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks"),
        ({"token_endpoint_auth_method": "none", "id_token_signed_response_alg": "HS256"},
         "id_token_signed_response_alg"),
        ({"id_token_signed_response_alg": "none"}, "id_token_signed_response_alg"),
        ({"id_token_signed_response_alg": "PS256"}, "id_token_signed_response_alg"),
        ({"subject_type": "pairwise"}, "subject_type"),
        ({"jwks": {"keys": []}, "jwks_uri": "https://client.example/jwks"}, "jwks"),
        ({"jwks": []}, "jwks"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, "jwks"),
        ({"jwks_uri": "http://client.example/jwks"}, "jwks_uri"),
        ({"jwks_uri": "http://169.254.169.254/"}, "jwks_uri"),
        ({"client_name": "x" * 101}, "client_name"),
        ({"client_name": "x" * 1_000_000}, "client_name"),
        ({"client_name": "a\u202eb"}, "client_name"),
        ({"client_name": "a\x00b"}, "client_name"),
        ({"client_name": "a\nb"}, "client_name"),
        ({"client_name": 5}, "client_name"),
        ({"logo_uri": "javascript:alert(1)"}, "logo_uri"),
        ({"policy_uri": "https://user@client.example/"}, "policy_uri"),
        ({"default_max_age": -1}, "default_max_age"),
        ({"default_max_age": True}, "default_max_age"),
        ({"require_auth_time": "yes"}, "require_auth_time"),
        ({"contacts": ["a"] * 51}, "contacts"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_at_its_member(metadata: dict[str, Any], field: str) -> None:
    assert problem(**metadata).field == field


def test_keys_are_public_and_strong() -> None:
    private = jwk.generate_key("EC", "P-256", auto_kid=True)
    public = {"keys": [private.as_dict(private=False)]}
    assert check(jwks=public, token_endpoint_auth_method="private_key_jwt")["jwks"] == public
    assert problem(jwks={"keys": [private.as_dict(private=True)]}).field == "jwks"


def test_a_client_that_only_acts_for_itself_needs_no_redirect_uri() -> None:
    checked = check(redirect_uris=[], grant_types=["client_credentials"])
    assert checked["response_types"] == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)
members = st.sampled_from(
    ["redirect_uris", "grant_types", "response_types", "client_name", "client_name#de", "scope",
     "jwks", "jwks_uri", "contacts", "token_endpoint_auth_method", "default_max_age", "logo_uri",
     "id_token_signed_response_alg", "application_type", "post_logout_redirect_uris"]
) | st.text(max_size=10)  # fmt: skip


@given(st.dictionaries(members, json_values, max_size=6) | json_values)
def test_any_json_is_answered(metadata: Any) -> None:
    with contextlib.suppress(InvalidClientMetadata):  # and nothing else
        validate_client_metadata(provider(), metadata)
