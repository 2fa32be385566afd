"""Client ID metadata documents: what is used, what is left out, and what is rejected."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey
from support.published_client import SHAPES, URL, document

import oidcserver
from oidcserver.clients.documents import read_document
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.models import Client
from oidcserver.oauth.grant_types import DEVICE_CODE
from oidcserver.oauth.scopes import registered_scopes

KEY = ECKey.generate_key("P-256", {"kid": "1"})
KEYS = {"keys": [KEY.as_dict(private=False)]}
GRANT_TYPES = (
    "authorization_code", "refresh_token", "client_credentials", "password", "implicit", DEVICE_CODE
)  # fmt: skip


@pytest.fixture(scope="module")
def provider(make_selection: Any) -> Any:
    scopes = dict.fromkeys(("openid", "profile", "offline_access"))
    made = make_selection(scopes=scopes, grant_types=dict.fromkeys(GRANT_TYPES))
    made.settings["oauth.registration_scopes"] = ()
    return made


def read(provider: Any, **changes: Any) -> dict[str, Any]:
    return read_document(provider, URL, json.dumps(document(**changes)).encode())


def test_a_document_gives_the_metadata_of_a_client(provider: Any) -> None:
    metadata = read(provider, client_uri="https://client.example")
    assert metadata["client_name"] == "The Published Application"
    assert metadata["client_uri"] == "https://client.example"
    assert metadata["redirect_uris"] == ["https://client.example/cb"]
    assert metadata["grant_types"] == ["authorization_code", "refresh_token"]
    assert metadata["token_endpoint_auth_method"] == "none"
    assert metadata["application_type"] == "web"
    assert metadata["scope"] == ""


@pytest.mark.parametrize("name", SHAPES)
def test_documents_of_every_shape_that_clients_publish_are_accepted(
    provider: Any, name: str
) -> None:
    published, _ = SHAPES[name]
    body = json.dumps(published).encode()
    metadata = read_document(provider, published["client_id"], body)
    assert metadata["redirect_uris"]
    assert metadata["token_endpoint_auth_method"] == "none"


def test_the_documents_of_the_guide_are_accepted(make_selection: Any) -> None:
    guide = (Path(oidcserver.__file__).parent.parent / "docs" / "mcp.md").read_text()
    documents = re.findall(r"^\{\n.*?^\}\n", guide, re.DOTALL | re.MULTILINE)
    assert len(documents) == 2
    provider = make_selection("development")
    provider.settings["oauth.registration_scopes"] = ()
    for text in documents:
        metadata = read_document(provider, json.loads(text)["client_id"], text.encode())
        assert metadata["application_type"] == "native"


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"client_id": ...}, "client_id"),
        ({"client_id": URL + "/"}, "client_id"),
        ({"client_id": URL.upper()}, "client_id"),
        ({"client_id": [URL]}, "client_id"),
        ({"client_name": ...}, "client_name"),
        ({"client_name": " "}, "client_name"),
        ({"client_name": 5}, "client_name"),
        ({"client_name": "a\u202eb"}, "client_name"),
        ({"client_name": "x" * 101}, "client_name"),
        ({"redirect_uris": ...}, "redirect_uris"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"redirect_uris": "https://client.example/cb"}, "redirect_uris"),
        ({"redirect_uris": [5]}, "redirect_uris"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"),
        ({"redirect_uris": ["https://client.example/*"]}, "redirect_uris"),
        ({"redirect_uris": ["http://client.example/cb"]}, "redirect_uris"),
        ({"client_secret": "x" * 40}, "client_secret"),
        ({"client_secret": None}, "client_secret"),
        ({"client_secret_expires_at": 0}, "client_secret_expires_at"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": ["none"]}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks"),
        ({"jwks": KEYS, "jwks_uri": "https://client.example/jwks"}, "jwks"),
        ({"jwks": {"keys": [KEY.as_dict(private=True)]}}, "jwks"),
        ({"jwks": {"keys": [OctKey.generate_key(256).as_dict()]}}, "jwks"),
        ({"jwks": {"keys": []}}, "jwks"),
        ({"jwks": {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}}, "jwks"),
        ({"jwks_uri": "http://client.example/jwks"}, "jwks_uri"),
        ({"jwks_uri": "https://10.0.0.1/jwks"}, "jwks_uri"),
        ({"jwks_uri": "https://169.254.169.254/jwks"}, "jwks_uri"),
        ({"client_uri": "http://client.example"}, "client_uri"),
        ({"policy_uri": "javascript:alert(1)"}, "policy_uri"),
        ({"grant_types": "authorization_code"}, "grant_types"),
        ({"response_types": ["token"]}, "response_types"),
        ({"application_type": "service"}, "application_type"),
        (
            {"token_endpoint_auth_method": ..., "token_endpoint_auth_methods_supported": []},
            "token_endpoint_auth_methods_supported",
        ),
        (
            {
                "token_endpoint_auth_method": ...,
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            },
            "token_endpoint_auth_methods_supported",
        ),
        (
            {
                "token_endpoint_auth_method": ...,
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            },
            "token_endpoint_auth_methods_supported",
        ),
    ],
)
def test_a_document_that_no_client_may_have_is_rejected(
    provider: Any, changes: dict[str, Any], member: str
) -> None:
    with pytest.raises(InvalidClientMetadata) as problem:
        read(provider, **changes)
    assert problem.value.field == member


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<html>",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[" * 5000,
        b'{"client_id": ' * 200,
        json.dumps(document()).encode()[:-1] + b', "client_id": "https://other.example/"}',
        json.dumps(document()).encode()[:-1] + b', "x": NaN}',
        json.dumps(document()).encode() + b"{}",
    ],
)
def test_whatever_is_no_json_object_is_rejected(provider: Any, body: bytes) -> None:
    with pytest.raises(InvalidClientMetadata):
        read_document(provider, URL, body)


def test_what_this_server_does_not_use_is_left_out(provider: Any) -> None:
    metadata = read(
        provider,
        logo_uri="http://10.0.0.1/logo.svg",
        sector_identifier_uri="https://10.0.0.1/sector",
        backchannel_logout_uri="https://10.0.0.1/logout",
        request_uris=["https://10.0.0.1/request"],
        initiate_login_uri="https://evil.example/login",
        require_pkce=False,
        id_token_signed_response_alg="none",
        response_types=["code", "token", "none"],
        grant_types=["authorization_code", "client_credentials", "password", "implicit", "urn:x"],
        unknown={"deep": [1, 2, 3]},
    )
    assert metadata["grant_types"] == ["authorization_code"]
    assert metadata["response_types"] == ["code"]
    assert metadata["id_token_signed_response_alg"] == "RS256"
    assert not {
        "logo_uri", "sector_identifier_uri", "backchannel_logout_uri", "request_uris",
        "initiate_login_uri", "require_pkce", "unknown",
    }.intersection(metadata)  # fmt: skip


@pytest.mark.parametrize(
    ("logo", "kept"),
    [
        ("https://client.example/logo.png", True),
        ("http://client.example/logo.png", False),
        ("https://169.254.169.254/logo.png", False),
        ("https://[::1]/logo.png", False),
        ("data:image/png;base64,AA", False),
        ("javascript:alert(1)", False),
        (["https://client.example/logo.png"], False),
    ],
)
def test_only_a_logo_that_may_be_fetched_is_kept(provider: Any, logo: Any, kept: bool) -> None:
    assert ("logo_uri" in read(provider, logo_uri=logo)) is kept


def test_redirect_uris_that_this_server_does_not_accept_are_left_out(provider: Any) -> None:
    accepted = ["http://127.0.0.1/cb", "https://client.example/cb"]
    metadata = read(
        provider, redirect_uris=["ide://cb", accepted[0], "javascript:alert(1)", accepted[1]]
    )
    assert metadata["redirect_uris"] == accepted
    assert metadata["application_type"] == "native"


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("openid", "openid"),
        ("profile openid files:read", "openid profile"),
        ("files:read", "openid profile offline_access"),
        ("", "openid profile offline_access"),
        (5, "openid profile offline_access"),
    ],
)
def test_scopes_for_other_servers_are_ignored(provider: Any, said: Any, known: str) -> None:
    metadata = read(provider, scope=said)
    client = Client(client_id=URL, client_metadata=metadata, document_expires_at=1)
    assert " ".join(registered_scopes(provider, client)) == known


def test_pairwise_subjects_of_a_host_are_for_answers_at_redirect_uris(make_selection: Any) -> None:
    provider = make_selection(
        scopes={},
        grant_types=dict.fromkeys(GRANT_TYPES),
        promises={"subject_types_supported": ["public", "pairwise"]},
    )
    device = {"grant_types": ["authorization_code", DEVICE_CODE], "subject_type": "pairwise"}
    with pytest.raises(InvalidClientMetadata, match="device_code requires the subject_type public"):
        read(provider, **device)
    local = read(provider, **device, redirect_uris=["http://127.0.0.1/cb"])
    assert local["subject_type"] == "pairwise"
    assert read(provider, subject_type="pairwise")["subject_type"] == "pairwise"


def test_only_names_of_scopes_are_kept(provider: Any) -> None:
    assert read(provider, scope="b a b \u00e9 \x07 c")["scope"] == "b a c"


def test_a_document_without_a_method_is_of_a_public_client(provider: Any) -> None:
    metadata = read(provider, token_endpoint_auth_method=...)
    assert metadata["token_endpoint_auth_method"] == "none"
    assert "token_endpoint_auth_methods_supported" not in metadata


@pytest.mark.parametrize(
    ("said", "method", "methods"),
    [
        (["none", "private_key_jwt"], "none", ["none", "private_key_jwt"]),
        (["private_key_jwt", "none", "client_secret_basic"], "none", ["none", "private_key_jwt"]),
        (["private_key_jwt"], "private_key_jwt", None),
        (["none"], "none", None),
    ],
)
def test_a_document_may_leave_the_method_to_the_server(
    provider: Any, said: list[str], method: str, methods: list[str] | None
) -> None:
    metadata = read(
        provider,
        token_endpoint_auth_method=...,
        token_endpoint_auth_methods_supported=said,
        jwks=KEYS,
    )
    assert metadata["token_endpoint_auth_method"] == method
    assert metadata.get("token_endpoint_auth_methods_supported") == methods


def test_a_document_that_names_a_method_is_held_to_it(provider: Any) -> None:
    metadata = read(
        provider,
        token_endpoint_auth_method="private_key_jwt",
        token_endpoint_auth_methods_supported=["none", "private_key_jwt"],
        jwks=KEYS,
    )
    assert metadata["token_endpoint_auth_method"] == "private_key_jwt"
    assert "token_endpoint_auth_methods_supported" not in metadata


def test_a_method_that_is_not_selected_is_not_accepted(make_selection: Any) -> None:
    methods = {"private_key_jwt": SimpleNamespace(algorithms=("ES256",))}
    provider = make_selection(client_authentication_methods=methods)
    provider.settings["oauth.registration_scopes"] = ()
    with pytest.raises(InvalidClientMetadata, match="has to be private_key_jwt"):
        read(provider)


texts = st.text("a:/.#?[]@ \n\x00\u202e\u0130", max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
members = st.sampled_from(
    [
        "application_type", "client_id", "client_name", "client_name#de", "client_uri",
        "grant_types", "jwks", "jwks_uri", "logo_uri", "policy_uri", "post_logout_redirect_uris",
        "redirect_uris", "require_signed_request_object", "response_types", "scope",
        "subject_type", "token_endpoint_auth_method", "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg", "tos_uri",
    ]
)  # fmt: skip


@given(st.dictionaries(members, values, max_size=3))
def test_hostile_values_are_rejected_or_left_out_and_never_a_surprise(
    provider: Any, changes: dict[str, Any]
) -> None:
    try:
        metadata = read(provider, **changes)
    except InvalidClientMetadata:
        return
    assert metadata["token_endpoint_auth_method"] in {"none", "private_key_jwt"}
    assert set(metadata["grant_types"]) <= {"authorization_code", "refresh_token"}
    json.dumps(metadata)
