"""JWTs: what is accepted, and the attacks of RFC 8725 that are not."""

import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk, jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import KeySet, OctKey

from oidcserver.keys.jwt import (
    InvalidJWT,
    half_hash,
    sign,
    sign_with_secret,
    verify_client_jwt,
    verify_own,
)
from oidcserver.keys.store import KeyStore

SECRET = "cs_" + "s" * 43


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    directory: Path = tmp_path_factory.mktemp("keys")
    return KeyStore(directory, create_missing=True, publish_before=1, keep_after=1)


def encode(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_what_we_sign_we_verify_and_the_header_names_the_key(store: KeyStore, alg: str) -> None:
    token = sign(store, alg, {"sub": "alice"}, typ="at+jwt")
    assert jws.extract_compact(token.encode()).headers() == {
        "alg": alg, "kid": store.signing_key(alg).kid, "typ": "at+jwt",
    }  # fmt: skip
    assert verify_own(store, token, typ="at+jwt") == {"sub": "alice"}
    assert verify_own(store, token) is None, "another type of token is not this one"


@given(position=st.integers(0), character=st.characters(max_codepoint=127))
def test_no_changed_token_of_ours_verifies_to_other_claims(
    store: KeyStore, position: int, character: str
) -> None:
    token = sign(store, "ES256", {"sub": "alice"})
    at = position % len(token)
    assert verify_own(store, token[:at] + character + token[at + 1 :]) in (None, {"sub": "alice"})


def test_none_and_a_public_key_as_secret_are_refused(store: KeyStore) -> None:
    header, claims = encode({"alg": "none"}), encode({"sub": "alice"})
    assert verify_own(store, f"{header}.{claims}.") is None
    kid = store.signing_key("RS256").kid
    public = store.signing_key("RS256").as_pem(private=False)
    forged = jws.serialize_compact(
        {"alg": "HS256", "kid": kid}, json.dumps({"sub": "alice"}),
        jwk.OctKey.import_key(encode(public)), ["HS256"],
    )  # fmt: skip
    assert verify_own(store, forged) is None
    keys = KeySet([store.signing_key("RS256")])
    with pytest.raises(InvalidJWT):
        verify_client_jwt(forged, keys, ["HS256", "RS256"])


@pytest.mark.parametrize(
    "extra",
    [{"jwk": {}}, {"jku": "https://evil.example"}, {"x5u": "x"}, {"x5c": []}, {"zip": "DEF"},
     {"crit": ["b64"], "b64": False}, {"crit": ["x"], "x": 1}, {"kid": 7}],
)  # fmt: skip
def test_a_header_that_brings_its_own_key_or_demands_more_is_refused(extra: dict[str, Any]) -> None:
    key = OctKey.import_key(SECRET)
    header = {"alg": "HS256", **extra}
    signing_input = f"{encode(header)}.{encode({'a': 1})}"
    with pytest.raises(InvalidJWT):
        verify_client_jwt(f"{signing_input}.{encode(b'x' * 32)}", key, ["HS256"])


def test_a_client_secret_verifies_and_another_does_not() -> None:
    token = sign_with_secret(SECRET, "HS256", {"a": 1})
    header, claims = verify_client_jwt(token, OctKey.import_key(SECRET), ["HS256"])
    assert (header, claims) == ({"alg": "HS256"}, {"a": 1})
    with pytest.raises(InvalidJWT, match="does not fit"):
        verify_client_jwt(token, OctKey.import_key("cs_" + "t" * 43), ["HS256"])
    with pytest.raises(InvalidJWT, match="not allowed"):
        verify_client_jwt(token, OctKey.import_key(SECRET), ["HS512"])
    with pytest.raises(InvalidJWT, match="no algorithm"):
        verify_client_jwt(token, OctKey.import_key(SECRET), [])


def test_a_key_without_kid_is_found_by_its_type_and_one_of_another_kid_is_not() -> None:
    first, second = (jwk.generate_key("EC", "P-256", auto_kid=True) for _ in range(2))
    token = jws.serialize_compact({"alg": "ES256"}, b'{"a":1}', second, ["ES256"])
    assert verify_client_jwt(token, KeySet([first, second]), ["ES256"])[1] == {"a": 1}
    named = jws.serialize_compact({"alg": "ES256", "kid": first.kid}, b'{"a":1}', second, ["ES256"])
    with pytest.raises(InvalidJWT):
        verify_client_jwt(named, KeySet([first, second]), ["ES256"])


def test_short_rsa_keys_are_refused() -> None:
    private = rsa.generate_private_key(65537, 1024)
    signing_input = f"{encode({'alg': 'RS256'})}.{encode({})}"
    signature = private.sign(signing_input.encode(), PKCS1v15(), SHA256())
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.warns(SecurityWarning):
        weak = KeySet([jwk.import_key(pem, "RSA")])
    with pytest.raises(InvalidJWT, match="2048"):
        verify_client_jwt(f"{signing_input}.{encode(signature)}", weak, ["RS256"])


@pytest.mark.parametrize(
    "payload",
    [b"[" * 100000, b'{"a":' * 1000, b"[1]", b"null", b"\xff", b'"text"', b"{" * 17 + b"}" * 17],
)
def test_claims_that_are_no_reasonable_object_are_refused(payload: bytes) -> None:
    key = OctKey.import_key(SECRET)
    token = f"{encode({'alg': 'HS256'})}.{encode(payload)}.{encode(b'x' * 32)}"
    if len(payload) < 5000:
        token = jws.serialize_compact({"alg": "HS256"}, payload, key, ["HS256"])
    with pytest.raises(InvalidJWT):
        verify_client_jwt(token, key, ["HS256"])


@given(text=st.text(max_size=200))
def test_any_text_is_answered(store: KeyStore, text: str) -> None:
    assert verify_own(store, text) is None
    with pytest.raises(InvalidJWT):
        verify_client_jwt(text, OctKey.import_key(SECRET), ["HS256"])


def test_half_hashes_follow_the_algorithm() -> None:
    # The example of OpenID Connect Core appendix A.3.
    assert half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == (
        "77QmUPtjPfzWtF2AnpK9RQ"
    )
    assert len(half_hash("x", "EdDSA")) == 43
