"""A client's JWK Set: public keys that can be used, and no others."""

from json import dumps
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, JWKRegistry, OctKey, OKPKey, RSAKey
from joserfc.util import int_to_base64

from oidcserver.keys.jwk_set import MAX_KEYS, encryption_key, public_key_set, stored_key_set

EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})
X25519: Any = OKPKey.generate_key("X25519", {"kid": "x"}).as_dict(private=False)
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
PUBLIC: Any = EC.as_dict(private=False)


def kids(*jwks: Any) -> list[str | None]:
    return [key.kid for key in public_key_set({"keys": list(jwks)})]


def test_public_keys_of_every_kind_are_taken() -> None:
    assert kids(*(key.as_dict(private=False) for key in (EC, ED, RSA))) == ["ec", "ed", "rsa"]


def test_a_key_without_kid_gets_its_thumbprint() -> None:
    jwk = {name: value for name, value in PUBLIC.items() if name != "kid"}
    assert kids(jwk) == [EC.thumbprint()]


@pytest.mark.parametrize("key", [EC, ED, RSA, OctKey.generate_key(256)])
def test_a_private_or_symmetric_key_is_rejected_aloud(key: Any) -> None:
    with pytest.raises(ValueError, match="private or symmetric"):
        public_key_set({"keys": [PUBLIC, key.as_dict(private=True)]})


def rsa(modulus: int, exponent: int = 65537) -> dict[str, str]:
    return {"kty": "RSA", "n": int_to_base64(modulus), "e": int_to_base64(exponent)}


#: Keys that are weak, cost too much, or are no keys, and what is said where there is no other.
UNUSABLE = [
    *((rsa(1 << bits - 1 | 1), "2048 to 8192") for bits in (1024, 2047, 8193, 300_000)),
    (rsa(1 << 2047), "even modulus"),
    *((rsa(1 << 2047 | 1, e), "exponent") for e in (1, 2, 65536, 2**32 + 1, 2**2000 + 1)),
    ({"kty": "OKP", "crv": "X448", "x": "A" * 75}, "type or curve"),
    ({"kty": "OKP", "crv": "X25519", "x": "A" * 43}, "malformed"),
    ({"kty": "OKP", "crv": "X25519", "x": "AQ" + "A" * 41}, "malformed"),
    ({"kty": "OKP", "crv": "X25519", "x": "7P" + "_" * 40 + "8"}, "malformed"),
    ({**PUBLIC, "x": PUBLIC["y"], "y": PUBLIC["x"]}, "malformed"),
    ({**PUBLIC, "kid": "k" * 257}, "kid of more than 256"),
]


@pytest.mark.parametrize(("jwk", "said"), UNUSABLE, ids=range(len(UNUSABLE)))
def test_a_key_that_cannot_be_used_is_left_out_and_named_where_no_other_is_left(
    jwk: dict[str, str], said: str
) -> None:
    assert kids(PUBLIC, jwk) == ["ec"]
    with pytest.raises(ValueError, match=f"no key that can be used: key 1 .*{said}"):
        public_key_set({"keys": [jwk]})


@pytest.mark.parametrize("exponent", [3, 65537, 2**32 - 1])
def test_rsa_exponents_of_up_to_32_bits_are_taken(exponent: int) -> None:
    assert len(kids(rsa(1 << 2047 | 1, exponent))) == 1


def test_a_stored_set_is_imported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    document = dumps({"keys": [{**PUBLIC, "kid": "imported once"}]})
    keys = stored_key_set(document)
    monkeypatch.setattr(JWKRegistry, "import_key", None)
    assert stored_key_set(document) is keys


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
        {"kty": ["EC"]},
        {"kty": "EC"},
        {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kty": "RSA", "n": "!!", "e": "AQAB"},
        {"kty": "RSA", "n": "", "e": ""},
        {"kty": "RSA", "n": 1, "e": 3},
        PUBLIC | {"use": 1},
        PUBLIC | {"kid": {"a": 1}},
    ],
)
def test_a_key_that_is_not_understood_is_left_out(jwk: Any) -> None:
    assert kids(jwk, PUBLIC) == ["ec"]
    with pytest.raises(ValueError, match="no key that can be used"):
        public_key_set({"keys": [jwk]})


@pytest.mark.parametrize(
    "document", [None, [], "keys", {}, {"keys": None}, {"keys": {}}, {"keys": [1]}, {"keys": []}]
)
def test_what_is_no_jwk_set_is_rejected(document: Any) -> None:
    with pytest.raises(ValueError, match="JWK Set"):
        public_key_set(document)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
members = st.sampled_from(["kty", "crv", "x", "y", "n", "e", "use", "key_ops", "alg", "kid", "x5c"])
values = st.sampled_from(["EC", "OKP", "RSA", "P-256", "Ed25519", "AQAB", "sig", "enc"]) | json


@given(st.lists(st.dictionaries(members, values) | json, max_size=4))
def test_no_json_raises_anything_but_a_value_error(jwks: Any) -> None:
    try:
        keys = public_key_set({"keys": [*jwks]})
    except ValueError:
        return
    assert not any(key.is_private for key in keys)


def test_a_set_of_very_many_keys_is_rejected() -> None:
    assert len(kids(*[PUBLIC] * MAX_KEYS)) == MAX_KEYS
    with pytest.raises(ValueError, match="more than 32 keys"):
        kids(*[PUBLIC] * (MAX_KEYS + 1))


# Which key is encrypted to


def chosen(alg: str, *keys: dict[str, Any]) -> Any:
    key = encryption_key(public_key_set({"keys": list(keys)}), alg)
    return key.kid if key else None


@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"])
def test_the_key_that_says_most_clearly_that_it_is_for_it_is_encrypted_to(alg: str) -> None:
    bare, second = {**PUBLIC, "kid": "bare"}, {**PUBLIC, "kid": "second"}
    for_encryption = {**PUBLIC, "kid": "use", "use": "enc"}
    for_algorithm = {**PUBLIC, "kid": "alg", "alg": alg}
    assert chosen(alg, bare, second) == "bare"
    assert chosen(alg, bare, for_encryption) == "use"
    assert chosen(alg, bare, for_encryption, for_algorithm) == "alg"
    assert chosen(alg, X25519) == "x"


@pytest.mark.parametrize(
    "key",
    [
        {**PUBLIC, "use": "sig"},
        {**PUBLIC, "alg": "ES256"},
        {**PUBLIC, "alg": "ECDH-ES+A256KW"},
        {**PUBLIC, "key_ops": ["verify"]},
        ED.as_dict(private=False),
    ],
    ids=["use", "alg", "another alg", "key_ops", "curve"],
)
def test_a_key_for_something_else_is_not_encrypted_to(key: dict[str, Any]) -> None:
    assert chosen("ECDH-ES", key) is None
    assert chosen("RSA-OAEP-256", key) is None
