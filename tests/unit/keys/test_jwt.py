"""JWTs: what is accepted, and the attacks of RFC 8725 that are not."""

import hashlib
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

from oidcserver.keys import jwt
from oidcserver.keys.jwt import (
    InvalidJWT,
    half_hash,
    read_header,
    read_unsecured_jwt,
    sign,
    sign_with_secret,
    verify_client_jwt,
    verify_own,
)
from oidcserver.keys.store import KeyStore, KeyStoreError

SECRET = "cs_" + "s" * 43
OCT = OctKey.import_key(SECRET)
PUBLIC_ALGORITHMS = ["RS256", "PS256", "ES256", "Ed25519", "EdDSA"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    directory: Path = tmp_path_factory.mktemp("keys")
    return KeyStore(directory, create_missing=True, publish_before=1, keep_after=1)


@pytest.fixture
def no_signature_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a signature is checked."""

    def fail(*arguments: object, **options: object) -> None:
        pytest.fail("the signature was checked")

    monkeypatch.setattr(jws, "deserialize_compact", fail)


def encode(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def forge(header: Any, claims: Any, signature: bytes = b"x" * 32) -> str:
    return f"{encode(header)}.{encode(claims)}.{encode(signature)}"


def sign_raw(payload: bytes, header: dict[str, Any] | None = None, key: Any = OCT) -> str:
    header = {"alg": "HS256"} if header is None else header
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    registry.max_payload_length = 10**6
    return jws.serialize_compact(header, payload, key, registry=registry)


def public(key: Any, **members: Any) -> Any:
    return jwk.import_key({**key.as_dict(private=False), **members})


# JWTs that the provider signs


@pytest.mark.parametrize("alg", PUBLIC_ALGORITHMS)
def test_what_we_sign_we_verify_and_the_header_names_the_key(store: KeyStore, alg: str) -> None:
    token = sign(store, alg, {"sub": "alice"}, typ="at+jwt")
    assert jws.extract_compact(token.encode()).headers() == {
        "alg": alg, "kid": store.signing_key(alg).kid, "typ": "at+jwt",
    }  # fmt: skip
    assert verify_own(store, token, typ="at+jwt") == {"sub": "alice"}


@pytest.mark.parametrize("alg", PUBLIC_ALGORITHMS)
def test_what_we_sign_verifies_by_the_published_set(
    store: KeyStore, alg: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = KeySet.import_key_set(json.loads(store.jwks()))
    token = sign(store, alg, {"sub": "alice"})
    registry = jws.JWSRegistry(algorithms=[alg])
    # joserfc warns of the name EdDSA.
    monkeypatch.setattr(registry.algorithms["EdDSA"], "security_warning", None)
    verified = jws.deserialize_compact(token, published, registry=registry)
    assert json.loads(verified.payload) == {"sub": "alice"}


def test_another_type_of_token_is_not_this_one(store: KeyStore) -> None:
    typed, untyped = sign(store, "ES256", {"a": 1}, typ="at+jwt"), sign(store, "ES256", {"a": 1})
    assert verify_own(store, typed) is None
    assert verify_own(store, typed, typ="logout+jwt") is None
    assert verify_own(store, untyped, typ="at+jwt") is None
    assert verify_own(store, untyped) == {"a": 1}


def test_an_algorithm_without_a_key_signs_nothing(store: KeyStore) -> None:
    for alg in ("none", "HS256", "ES512"):
        with pytest.raises(KeyStoreError, match=alg):
            sign(store, alg, {"a": 1})


@given(position=st.integers(0), character=st.characters(), alg=st.sampled_from(PUBLIC_ALGORITHMS))
def test_no_changed_token_of_ours_verifies(
    store: KeyStore, position: int, character: str, alg: str
) -> None:
    token = sign(store, alg, {"sub": "alice"})
    at = position % len(token)
    changed = token[:at] + character + token[at + 1 :]
    assert changed == token or verify_own(store, changed) is None


@given(start=st.integers(0), end=st.integers(0), text=st.text())
def test_no_longer_shorter_or_spliced_token_of_ours_verifies(
    store: KeyStore, start: int, end: int, text: str
) -> None:
    token = sign(store, "EdDSA", {"sub": "alice"})
    start, end = start % len(token), end % (len(token) + 1)
    changed = token[:start] + text + token[end:]
    assert changed == token or verify_own(store, changed) is None


def test_parts_of_two_tokens_make_no_third(store: KeyStore) -> None:
    alice, mallory = (sign(store, "ES256", {"sub": sub}).split(".") for sub in ("alice", "mallory"))
    assert verify_own(store, ".".join([alice[0], alice[1], mallory[2]])) is None
    rsa_token = sign(store, "RS256", {"sub": "alice"}).split(".")
    assert verify_own(store, ".".join([rsa_token[0], alice[1], alice[2]])) is None


# Algorithm confusion (RFC 8725 sections 2.1 and 3.1)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
@pytest.mark.parametrize("signature", [b"", b"x"])
def test_an_unsigned_token_is_rejected(store: KeyStore, alg: str, signature: bytes) -> None:
    key = store.signing_key("RS256")
    token = forge({"alg": alg, "kid": key.kid}, {"sub": "alice"}, signature)
    assert verify_own(store, token) is None
    for keys in (OCT, KeySet([public(key)])):
        with pytest.raises(InvalidJWT):
            verify_client_jwt(token, keys, [alg, "RS256", "HS256"])


def test_a_public_key_is_never_a_secret(store: KeyStore) -> None:
    key = store.signing_key("RS256")
    for form in (key.as_pem(private=False), key.as_der(private=False), encode(key.as_pem())):
        secret = OctKey(form if isinstance(form, bytes) else form.encode(), None)
        forged = sign_raw(b'{"sub":"alice"}', {"alg": "HS256", "kid": key.kid}, secret)
        assert verify_own(store, forged) is None
        with pytest.raises(InvalidJWT, match="no registered key fits"):
            verify_client_jwt(forged, KeySet([public(key)]), ["HS256", "RS256"])


def test_a_symmetric_key_in_a_key_set_verifies_nothing() -> None:
    token = sign_with_secret(SECRET, "HS256", {"a": 1})
    with pytest.raises(InvalidJWT, match="no registered key fits"):
        verify_client_jwt(token, KeySet([OctKey.import_key(SECRET)]), ["HS256"])


def test_a_key_of_ours_verifies_its_own_algorithm_only(store: KeyStore) -> None:
    key = store.signing_key("RS256")
    free = jwk.RSAKey.import_key(key.raw_value)
    for alg in ("PS256", "RS512"):
        token = sign_raw(b'{"a":1}', {"alg": alg, "kid": key.kid}, free)
        assert verify_own(store, token) is None


# JWTs that a client signs


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_client_secret_verifies_and_another_does_not(alg: str) -> None:
    token = sign_with_secret(SECRET, alg, {"a": 1})
    assert verify_client_jwt(token, OCT, [alg]) == ({"alg": alg}, {"a": 1})
    with pytest.raises(InvalidJWT, match="does not fit"):
        verify_client_jwt(token, OctKey.import_key("cs_" + "t" * 43), [alg])


@pytest.mark.parametrize("alg", PUBLIC_ALGORITHMS)
def test_a_registered_key_verifies_and_another_does_not(store: KeyStore, alg: str) -> None:
    token = sign(store, alg, {"a": 1}, typ="JWT")
    key = store.signing_key(alg)
    header, claims = verify_client_jwt(token, KeySet([public(key)]), [alg])
    assert (header, claims) == ({"alg": alg, "kid": key.kid, "typ": "JWT"}, {"a": 1})
    other = type(key).generate_key(parameters={"kid": key.kid})
    with pytest.raises(InvalidJWT, match=r"does not fit|no registered key fits"):
        verify_client_jwt(token, KeySet([other]), [alg])


def test_an_algorithm_that_is_not_allowed_is_rejected_and_none_at_all_is_no_default() -> None:
    token = sign_with_secret(SECRET, "HS256", {"a": 1})
    with pytest.raises(InvalidJWT, match="not allowed"):
        verify_client_jwt(token, OCT, ["HS512", "RS256"])
    with pytest.raises(InvalidJWT, match="no algorithm"):
        verify_client_jwt(token, OCT, [])


def test_a_secret_verifies_no_public_algorithm(store: KeyStore) -> None:
    token = sign(store, "RS256", {"a": 1})
    with pytest.raises(InvalidJWT, match="no registered key fits"):
        verify_client_jwt(token, OCT, ["RS256"])


def test_a_key_without_kid_is_found_by_its_type_and_one_of_another_kid_is_not() -> None:
    first, second = (jwk.generate_key("EC", "P-256", auto_kid=True) for _ in range(2))
    others = [jwk.generate_key("OKP", "Ed25519"), jwk.generate_key("EC", "P-384")]
    token = sign_raw(b'{"a":1}', {"alg": "ES256"}, second)
    assert verify_client_jwt(token, KeySet([*others, first, second]), ["ES256"])[1] == {"a": 1}
    named = sign_raw(b'{"a":1}', {"alg": "ES256", "kid": first.kid}, second)
    with pytest.raises(InvalidJWT, match="does not fit"):
        verify_client_jwt(named, KeySet([first, second]), ["ES256"])
    unknown = sign_raw(b'{"a":1}', {"alg": "ES256", "kid": "unknown"}, second)
    with pytest.raises(InvalidJWT, match="no registered key fits"):
        verify_client_jwt(unknown, KeySet([first, second]), ["ES256"])


@pytest.mark.parametrize("members", [{"use": "enc"}, {"alg": "ES384"}, {"key_ops": ["deriveKey"]}])
def test_a_key_that_is_for_something_else_verifies_nothing(members: dict[str, Any]) -> None:
    key = jwk.generate_key("EC", "P-256", auto_kid=True)
    token = sign_raw(b'{"a":1}', {"alg": "ES256"}, key)
    assert verify_client_jwt(token, KeySet([public(key)]), ["ES256"])[1] == {"a": 1}
    with pytest.raises(InvalidJWT):
        verify_client_jwt(token, KeySet([public(key, **members)]), ["ES256"])


@pytest.mark.parametrize(
    ("alg", "kty", "crv"),
    [("ES256", "EC", "P-384"), ("ES256", "EC", "secp256k1"), ("EdDSA", "OKP", "X25519"),
     ("EdDSA", "OKP", "Ed448"), ("Ed25519", "OKP", "Ed448"),
     ("Ed25519", "OKP", "X25519"), ("RS256", "EC", "P-256"), ("EdDSA", "EC", "P-256")],
)  # fmt: skip
@pytest.mark.usefixtures("no_signature_is_checked")
def test_a_key_of_another_type_or_curve_is_not_tried(alg: str, kty: Any, crv: Any) -> None:
    keys = KeySet([jwk.generate_key(kty, crv)])
    with pytest.raises(InvalidJWT, match="no registered key fits"):
        verify_client_jwt(forge({"alg": alg}, {}), keys, [alg])


def test_short_rsa_keys_are_rejected() -> None:
    private = rsa.generate_private_key(65537, 1024)
    signing_input = f"{encode({'alg': 'RS256'})}.{encode({})}"
    signature = private.sign(signing_input.encode(), PKCS1v15(), SHA256())
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.warns(SecurityWarning):
        weak = KeySet([jwk.import_key(pem, "RSA")])
    with pytest.raises(InvalidJWT, match="2048"):
        verify_client_jwt(f"{signing_input}.{encode(signature)}", weak, ["RS256"])


# Headers


@pytest.mark.parametrize(
    "extra",
    [{"zip": "DEF"},
     {"crit": ["b64"], "b64": False}, {"crit": ["x"], "x": 1}, {"crit": []}, {"crit": "exp"},
     {"b64": False}, {"kid": 7}, {"kid": None}, {"typ": ["JWT"]}, {"alg": None},
     {"alg": ["HS256"]}, {"alg": {}}],
)  # fmt: skip
@pytest.mark.usefixtures("no_signature_is_checked")
def test_a_header_that_requires_an_extension_is_rejected(extra: dict[str, Any]) -> None:
    with pytest.raises(InvalidJWT, match="header"):
        verify_client_jwt(forge({"alg": "HS256", **extra}, {}), OCT, ["HS256"])


def test_a_key_that_the_header_brings_along_is_ignored(store: KeyStore) -> None:
    registered, own = (jwk.generate_key("EC", "P-256") for _ in range(2))
    keys = KeySet([public(registered)])
    for extra in (
        {"jwk": own.as_dict(private=False)}, {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/cert"}, {"x5c": ["MIIB"]}, {"x5t": "abc"},
        {"x5t#S256": "abc"},
    ):  # fmt: skip
        header = {"alg": "ES256", **extra}
        signed = sign_raw(b'{"a":1}', header, registered)
        assert verify_client_jwt(signed, keys, ["ES256"])[1] == {"a": 1}
        with pytest.raises(InvalidJWT, match="does not fit"):
            verify_client_jwt(sign_raw(b'{"a":1}', header, own), keys, ["ES256"])
        assert verify_own(store, sign_raw(b'{"a":1}', header, own)) is None


@pytest.mark.parametrize("kid", [{}, {"kid": "same"}])
@pytest.mark.usefixtures("no_signature_is_checked")
def test_no_more_than_four_keys_are_tried(kid: dict[str, str]) -> None:
    keys = KeySet([jwk.generate_key("EC", "P-256", kid or None) for _ in range(5)])
    with pytest.raises(InvalidJWT, match="more than 4 registered keys fit"):
        verify_client_jwt(forge({"alg": "ES256", **kid}, {}), keys, ["ES256"])


def test_keys_for_something_else_do_not_count_as_tried() -> None:
    signing = jwk.generate_key("EC", "P-256")
    others = [
        public(jwk.generate_key("EC", "P-256"), **member)
        for member in ({"use": "enc"}, {"alg": "ECDH-ES"})
        for _ in range(4)
    ]
    token = sign_raw(b'{"a":1}', {"alg": "ES256"}, signing)
    assert verify_client_jwt(token, KeySet([*others, public(signing)]), ["ES256"])[1] == {"a": 1}


@pytest.mark.parametrize(
    "header",
    [["alg"], "alg", 7, None, {}, b"", b"{", b'{"alg":"HS256","alg":"HS256"}', b"\xff",
     b"[" * 2000, b'{"alg":"HS256","x":' + b"[" * 500 + b"]" * 500 + b"}",
     b'{"alg":"HS256","kid":"\\ud800"}'],
)  # fmt: skip
@pytest.mark.usefixtures("no_signature_is_checked")
def test_a_malformed_header_is_rejected(store: KeyStore, header: Any) -> None:
    token = forge(header, {"a": 1})
    with pytest.raises(InvalidJWT):
        verify_client_jwt(token, OCT, ["HS256"])
    assert verify_own(store, token) is None


def test_members_that_say_nothing_to_us_are_let_be() -> None:
    header = {"alg": "HS256", "cty": "JSON", "x5t": "abc", "private": {"a": [1]}}
    assert verify_client_jwt(sign_raw(b'{"a":1}', header), OCT, ["HS256"]) == (header, {"a": 1})


# Sizes and shapes


def test_a_token_of_the_greatest_size_is_read_and_a_longer_one_is_not() -> None:
    def token_of(length: int) -> str:
        empty = len(sign_raw(b'{"a":""}'))
        text = "x" * ((length - empty) * 3 // 4)
        return sign_raw(json.dumps({"a": text}, separators=(",", ":")).encode())

    token = token_of(jwt.MAX_TOKEN_BYTES)
    assert jwt.MAX_TOKEN_BYTES - 4 <= len(token) <= jwt.MAX_TOKEN_BYTES
    assert verify_client_jwt(token, OCT, ["HS256"])
    with pytest.raises(InvalidJWT, match="too long"):
        verify_client_jwt(token_of(jwt.MAX_TOKEN_BYTES + 8), OCT, ["HS256"])


def test_a_token_of_our_own_may_be_longer(store: KeyStore) -> None:
    claims = {"groups": ["x" * 60] * 700}
    token = sign(store, "RS256", claims)
    assert jwt.MAX_TOKEN_BYTES * 3 < len(token) <= jwt.MAX_OWN_TOKEN_BYTES
    assert verify_own(store, token) == claims
    assert verify_own(store, sign(store, "RS256", {"groups": ["x" * 60] * 900})) is None


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (f"{'A' * 10_000_000}.A.A", "it is too long"),
        ("." * 10_000_000, "it is too long"),
        (forge({"alg": "HS256", "x": "x" * 3100}, {}), "the header is too long"),
        (forge(b"[" * 3072, {}), "not JSON"),
        (forge({"alg": "HS256"}, {}) + ".x.y", "not a signed JWT"),
        (forge({"alg": "HS256"}, {}) + "=", "not a signed JWT"),
        (forge({"alg": "HS256"}, {}) + "\n", "not a signed JWT"),
        (f"{encode({'alg': 'HS256'})}..{encode(b'x')}", "not a signed JWT"),
        (f"{encode({'alg': 'HS256'})}.{encode({})}.", "not a signed JWT"),
        ("A.A.A", "malformed"),
        ("\ud800.A.A", "not a signed JWT"),
        ("", "not a signed JWT"),
    ],
)
@pytest.mark.usefixtures("no_signature_is_checked")
def test_a_bomb_is_rejected_by_its_form_before_any_work(
    store: KeyStore, token: str, reason: str
) -> None:
    with pytest.raises(InvalidJWT, match=reason):
        verify_client_jwt(token, OCT, ["HS256"])
    assert verify_own(store, token) is None


@pytest.mark.parametrize(
    "payload",
    [b"[" * 9000, b'{"a":' * 1000, b"[1]", b"null", b"\xff", b'"text"', b'{"a":1,"a":2}',
     b'{"exp":NaN}', b'{"exp":1e999}', b'{"sub":"\\u0000"}', b'{"sub":"\\ud800"}',
     b'{"a":"' + b"]" * 900 + b'","b":' + b"[" * 800 + b"]" * 800 + b"}"],
)  # fmt: skip
def test_signed_claims_that_are_no_reasonable_object_are_rejected(payload: bytes) -> None:
    with pytest.raises(InvalidJWT, match="claims are malformed"):
        verify_client_jwt(sign_raw(payload), OCT, ["HS256"])


def test_claims_are_not_read_before_the_signature_fits() -> None:
    with pytest.raises(InvalidJWT, match="does not fit"):
        verify_client_jwt(forge({"alg": "HS256"}, b"[" * 9000), OCT, ["HS256"])


@given(text=st.text(max_size=200) | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True))
def test_any_text_is_answered(store: KeyStore, text: str) -> None:
    assert verify_own(store, text) is None
    with pytest.raises(InvalidJWT):
        verify_client_jwt(text, OCT, ["HS256"])


@given(
    header=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("HS256"),
        lambda below: (
            st.lists(below, max_size=3)
            | st.dictionaries(
                st.sampled_from(["alg", "kid", "typ", "cty", "x5t", "crit", "x"]), below, max_size=4
            )
        ),
    )
)
def test_any_header_is_answered(store: KeyStore, header: Any) -> None:
    token = forge(header, {"a": 1})
    assert verify_own(store, token) is None
    with pytest.raises(InvalidJWT):
        verify_client_jwt(token, OCT, ["HS256"])


@given(position=st.integers(0), character=st.characters())
def test_no_changed_token_of_a_client_verifies(position: int, character: str) -> None:
    token = sign_with_secret(SECRET, "HS256", {"sub": "client"})
    at = position % len(token)
    changed = token[:at] + character + token[at + 1 :]
    if changed != token:
        with pytest.raises(InvalidJWT):
            verify_client_jwt(changed, OCT, ["HS256"])


# Half hashes


# JWTs without a signature


def test_an_unsecured_token_is_read_for_what_it_is() -> None:
    token = f"{encode({'alg': 'none', 'typ': 'JWT'})}.{encode({'a': 1})}."
    assert read_unsecured_jwt(token) == ({"alg": "none", "typ": "JWT"}, {"a": 1})
    with pytest.raises(InvalidJWT, match="not a signed JWT"):
        read_header(token)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (forge({"alg": "none"}, {}), "not an unsecured JWT"),
        (f"{encode({'alg': 'none'})}..", "not an unsecured JWT"),
        (f"{encode({'alg': 'none'})}.{encode({})}", "not an unsecured JWT"),
        (f"{encode({'alg': 'none'})}.{encode({})}.\n", "not an unsecured JWT"),
        (f"{encode({'alg': 'ES256'})}.{encode({})}.", "the signature is missing"),
        (f"{encode({'alg': 'None'})}.{encode({})}.", "the signature is missing"),
        (f"{encode({})}.{encode({})}.", "lacks alg"),
        (f"{encode({'alg': 'none', 'zip': 'DEF'})}.{encode({})}.", "not accepted"),
        (f"{encode({'alg': 'none'})}.{encode([])}.", "claims are malformed"),
        (f"{encode({'alg': 'none'})}.A.", "claims are malformed"),
        (f"{encode({'alg': 'none'})}.{encode(b'[' * 9000)}.", "claims are malformed"),
        (f"{encode({'alg': 'none'})}.{'A' * 16384}.", "too long"),
        (f"{encode({'alg': 'none', 'x': 'x' * 3100})}.{encode({})}.", "header is too long"),
    ],
)
def test_what_is_no_unsecured_token_is_rejected(token: str, reason: str) -> None:
    with pytest.raises(InvalidJWT, match=reason):
        read_unsecured_jwt(token)


def test_half_hashes_are_those_of_the_examples() -> None:
    # OpenID Connect Core appendices A.3 and A.4.
    assert half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == (
        "77QmUPtjPfzWtF2AnpK9RQ"
    )
    assert half_hash("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk", "RS256") == (
        "LDktKdoQak3Pk0cnXxCltA"
    )


@pytest.mark.parametrize(
    ("algs", "name"),
    [(("RS256", "PS256", "ES256", "HS256"), "sha256"), (("ES384", "HS384"), "sha384"),
     (("ES512", "HS512", "EdDSA", "Ed25519"), "sha512")],
)  # fmt: skip
def test_half_hashes_follow_the_algorithm(algs: tuple[str, ...], name: str) -> None:
    digest = hashlib.new(name, b"token").digest()
    expected = encode(digest[: len(digest) // 2])
    assert {half_hash("token", alg) for alg in algs} == {expected}


def test_an_algorithm_that_says_no_hash_has_no_half_hash() -> None:
    with pytest.raises(KeyError):
        half_hash("token", "none")
