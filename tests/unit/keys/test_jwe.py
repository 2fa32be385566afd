"""JWEs: what a client encrypts to us, what we encrypt to a client, and the attacks on both."""

import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe, jwk
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from oidcserver.keys.jwe import ENCODINGS, MAX_ENCRYPTED_BYTES, decrypt, encrypt
from oidcserver.keys.jwt import InvalidJWT
from oidcserver.keys.records import ENCRYPTION_ALGORITHMS
from oidcserver.keys.store import KeyStore

ALGORITHMS = ("RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")
BY_CURVE = ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")
UNREADABLE = "it cannot be decrypted"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    directory: Path = tmp_path_factory.mktemp("keys")
    algorithms = ("ES256", *ALGORITHMS)
    return KeyStore(directory, algorithms, create_missing=True, publish_before=1, keep_after=1)


@pytest.fixture(scope="module")
def rsa() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "client-rsa", "use": "enc"})


@pytest.fixture
def no_key_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a private key is used."""

    def fail(*arguments: object, **options: object) -> None:
        pytest.fail("a private key was used")

    monkeypatch.setattr(jwe, "decrypt_compact", fail)


def published(store: KeyStore, alg: str) -> Any:
    """The key for an algorithm, as a client finds it in our JWK Set."""
    keys = KeySet.import_key_set(json.loads(store.jwks()))
    (key,) = [key for key in keys if key.get("use") == "enc" and key.alg == alg]
    return key


def seal(header: dict[str, Any], plaintext: str | bytes, key: Any) -> str:
    """Encrypt as any client might, without our rules."""
    registry = jwe.JWERegistry(
        algorithms=[header["alg"], header["enc"], header.get("zip", "")], strict_check_header=False
    )
    return jwe.encrypt_compact(header, plaintext, key, registry=registry)


def opened(token: str, key: Any) -> Any:
    """Decrypt as a client does; return header and plaintext."""
    registry = jwe.JWERegistry(algorithms=[*ALGORITHMS, *ENCODINGS])
    result = jwe.decrypt_compact(token, key, registry=registry)
    return result.protected, (result.plaintext or b"").decode()


def encode(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def forge(header: Any) -> str:
    """Return something whose header is read before the rest is found to be nonsense."""
    segments = (encode(part) for part in (b"k" * 256, b"i" * 12, b"c" * 32, b"t" * 16))
    return ".".join([encode(header), *segments])


def read(store: KeyStore, token: str) -> str:
    return decrypt(store, token, ALGORITHMS, ENCODINGS)


# JWTs that a client encrypts to the provider


@pytest.mark.parametrize("enc", ENCODINGS)
@pytest.mark.parametrize("alg", ALGORITHMS)
@pytest.mark.parametrize("named", [True, False], ids=["kid", "no kid"])
def test_what_is_encrypted_to_a_published_key_is_decrypted(
    store: KeyStore, alg: str, enc: str, named: bool
) -> None:
    key = published(store, alg)
    header = {"alg": alg, "enc": enc, "cty": "JWT", **({"kid": key.kid} if named else {})}
    assert read(store, seal(header, "a.request.object", key)) == "a.request.object"


def test_there_is_one_key_for_each_algorithm_and_nothing_private_is_published(
    store: KeyStore,
) -> None:
    keys = [key for key in json.loads(store.jwks())["keys"] if key["use"] == "enc"]
    assert sorted(key["alg"] for key in keys) == sorted(ALGORITHMS) == sorted(ENCRYPTION_ALGORITHMS)
    assert len({key["kid"] for key in keys}) == len(ALGORITHMS)
    for key in keys:
        assert {"d", "p", "q", "dp", "dq", "qi"}.isdisjoint(key)


@pytest.mark.usefixtures("no_key_is_used")
@pytest.mark.parametrize(
    "member",
    [
        {"zip": "DEF"},
        {"crit": ["exp"]},
        {"p2c": 2_000_000_000},
        {"p2s": "c2FsdA"},
        {"kid": 1},
        {"enc": None},
        {"alg": ["ECDH-ES"]},
        {"epk": "text"},
        {"epk": {"kty": "EC", "crv": "P-256", "x": 1, "y": "AA"}},
        {"epk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"}},
        {"epk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "key_ops": ["sign"]}},
        {"deep": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]},
        {"long": "x" * 4096},
    ],
    ids=lambda member: next(iter(member)),
)
def test_a_header_that_is_not_accepted_is_rejected_before_a_key_is_used(
    store: KeyStore, member: dict[str, Any]
) -> None:
    for alg in ("RSA-OAEP-256", "ECDH-ES"):
        with pytest.raises(InvalidJWT):
            read(store, forge({"alg": alg, "enc": "A128GCM", **member}))


@pytest.mark.usefixtures("no_key_is_used")
@pytest.mark.parametrize("alg", ["RSA1_5", "dir", "A128KW", "PBES2-HS256+A128KW", "none", "RS256"])
def test_an_algorithm_that_is_not_ours_is_rejected_before_a_key_is_used(
    store: KeyStore, alg: str
) -> None:
    with pytest.raises(InvalidJWT, match="algorithm"):
        read(store, forge({"alg": alg, "enc": "A128GCM"}))
    with pytest.raises(InvalidJWT, match="algorithm"):
        read(store, forge({"alg": "ECDH-ES", "enc": alg}))


@pytest.mark.usefixtures("no_key_is_used")
def test_an_algorithm_that_is_not_selected_is_rejected(store: KeyStore) -> None:
    token = encrypt("text", published(store, "ECDH-ES"), "ECDH-ES", "A128GCM")
    for algs, encs in ((("RSA-OAEP-256",), ENCODINGS), (ALGORITHMS, ("A256GCM",)), ((), ())):
        with pytest.raises(InvalidJWT, match="algorithm"):
            decrypt(store, token, algs, encs)


@pytest.mark.usefixtures("no_key_is_used")
@pytest.mark.parametrize(
    "token",
    ["", "a", "a.b.c", "....", "a.b.c.d.e.f", "a.b.c.d.é", "e30.a.b.c.d", "W10.a.b.c.d",
     "a" * (MAX_ENCRYPTED_BYTES + 1)],
    ids=lambda token: token[:12] or "empty",
)  # fmt: skip
def test_what_is_no_jwe_or_too_long_is_rejected_before_a_key_is_used(
    store: KeyStore, token: str
) -> None:
    with pytest.raises(InvalidJWT):
        read(store, token)


def test_a_key_for_another_algorithm_does_not_decrypt(store: KeyStore) -> None:
    key = published(store, "ECDH-ES")
    bare = jwk.import_key({name: key[name] for name in ("kty", "crv", "x", "y")})
    for header in ({}, {"kid": key.kid}):
        token = seal({"alg": "ECDH-ES+A128KW", "enc": "A128GCM", **header}, "text", bare)
        with pytest.raises(InvalidJWT, match=UNREADABLE):
            read(store, token)


def test_one_text_for_whatever_is_wrong_inside(store: KeyStore) -> None:
    """A wrong key, a wrong key length, a changed ciphertext, bytes that are no text."""
    stranger = ECKey.generate_key("P-256")
    tokens = [
        seal({"alg": "ECDH-ES", "enc": "A128GCM"}, "text", stranger),
        seal({"alg": "ECDH-ES", "enc": "A128GCM"}, "text", ECKey.generate_key("P-384")),
        seal({"alg": "ECDH-ES", "enc": "A128GCM"}, "text", OKPKey.generate_key("X25519")),
        seal({"alg": "ECDH-ES", "enc": "A128GCM", "kid": "x"}, "text", published(store, "ECDH-ES")),
        seal({"alg": "ECDH-ES", "enc": "A128GCM"}, b"\xff", published(store, "ECDH-ES")),
        forge({"alg": "ECDH-ES", "enc": "A128GCM"}),
        forge({"alg": "RSA-OAEP-256", "enc": "A128GCM"}),
        forge({"alg": "ECDH-ES", "enc": "A128GCM", "epk": {}}),
        forge({"alg": "ECDH-ES+A128KW", "enc": "A128GCM",
               "epk": {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}}),
        forge({"alg": "ECDH-ES", "enc": "A128GCM", "apu": "é",
               "epk": stranger.as_dict(private=False)}),
    ]  # fmt: skip
    for token in tokens:
        with pytest.raises(InvalidJWT) as rejected:
            read(store, token)
        assert str(rejected.value) == UNREADABLE


@given(position=st.integers(0), character=st.characters(), alg=st.sampled_from(ALGORITHMS),
       enc=st.sampled_from(ENCODINGS))  # fmt: skip
def test_no_changed_character_is_overlooked(
    store: KeyStore, position: int, character: str, alg: str, enc: str
) -> None:
    token = encrypt("text", published(store, alg), alg, enc)
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]
    if changed != token:
        with pytest.raises(InvalidJWT):
            read(store, changed)


# JWTs that the provider encrypts to a client


@pytest.mark.parametrize("enc", ENCODINGS)
@pytest.mark.parametrize("alg", ["RSA-OAEP", "RSA-OAEP-256"])
def test_a_client_with_an_rsa_key_decrypts(rsa: RSAKey, alg: str, enc: str) -> None:
    token = encrypt("a.signed.jwt", jwk.import_key(rsa.as_dict()), alg, enc)
    header = {"alg": alg, "enc": enc, "cty": "JWT", "kid": "client-rsa"}
    assert opened(token, rsa) == (header, "a.signed.jwt")


@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521", "X25519"])
@pytest.mark.parametrize("alg", BY_CURVE)
def test_a_client_decrypts_with_a_key_on_its_own_curve(alg: str, curve: str) -> None:
    key: Any = jwk.generate_key("OKP" if curve == "X25519" else "EC", curve)
    header, plaintext = opened(encrypt("text", jwk.import_key(key.as_dict()), alg, "A256GCM"), key)
    assert (header["epk"]["crv"], plaintext) == (curve, "text")
    assert "d" not in header["epk"]
    assert "kid" not in header


def test_the_content_type_is_said_of_a_jwt_alone(rsa: RSAKey) -> None:
    header, _ = opened(encrypt("{}", rsa, "RSA-OAEP-256", "A128GCM", cty=None), rsa)
    assert "cty" not in header


def test_nothing_of_two_encryptions_is_the_same(rsa: RSAKey) -> None:
    first, second = (encrypt("text", rsa, "RSA-OAEP-256", "A128GCM").split(".") for _ in range(2))
    assert first[0] == second[0]
    assert set(first[1:]).isdisjoint(second[1:])


@pytest.mark.parametrize(
    ("key", "alg", "enc"),
    [
        (ECKey.generate_key("P-256", {"use": "sig"}), "ECDH-ES", "A128GCM"),
        (ECKey.generate_key("P-256", {"alg": "ES256"}), "ECDH-ES", "A128GCM"),
        (ECKey.generate_key("P-256"), "RSA-OAEP-256", "A128GCM"),
        (OKPKey.generate_key("Ed25519"), "ECDH-ES", "A128GCM"),
        (OctKey.generate_key(256), "A256KW", "A128GCM"),
        (ECKey.generate_key("P-256"), "ECDH-ES", "A192GCM"),
    ],
    ids=["use", "alg", "kty", "curve", "symmetric", "enc"],
)
def test_a_key_that_is_not_for_it_is_rejected(key: Any, alg: str, enc: str) -> None:
    with pytest.raises(ValueError, match="cannot be used"):
        encrypt("text", key, alg, enc)


# Rotation


def test_clients_find_the_new_key_alone_and_the_old_one_still_decrypts_for_a_while(
    open_store: Any, standing_clock: Any
) -> None:
    keys = open_store("ES256", "ECDH-ES", keep_after=50)
    old = published(keys, "ECDH-ES")
    before = encrypt("before", old, "ECDH-ES", "A128GCM")
    (new,) = keys.rotate(["ECDH-ES"])
    assert published(keys, "ECDH-ES").kid == old.kid
    standing_clock.advance(3)  # every process knows the new key
    assert published(keys, "ECDH-ES").kid == new.kid
    after = encrypt("after", published(keys, "ECDH-ES"), "ECDH-ES", "A128GCM")
    standing_clock.advance(49)
    assert (read(keys, before), read(keys, after)) == ("before", "after")
    standing_clock.advance(1)
    with pytest.raises(InvalidJWT, match=UNREADABLE):
        read(keys, before)
    assert read(keys, after) == "after"


def test_a_process_that_was_not_yet_told_of_the_rotation_decrypts_by_the_key_before_it(
    open_store: Any, standing_clock: Any
) -> None:
    here, there = (open_store("ES256", "ECDH-ES") for _ in range(2))
    here.rotate()
    assert read(there, encrypt("text", published(here, "ECDH-ES"), "ECDH-ES", "A128GCM")) == "text"


def test_keys_of_an_algorithm_that_is_no_longer_selected_are_neither_shown_nor_used(
    open_store: Any,
) -> None:
    with_encryption = open_store("ES256", "ECDH-ES")
    token = encrypt("text", published(with_encryption, "ECDH-ES"), "ECDH-ES", "A128GCM")
    without = open_store("ES256", create_missing=False)
    assert [key["use"] for key in json.loads(without.jwks())["keys"]] == ["sig"]
    with pytest.raises(InvalidJWT, match=UNREADABLE):
        read(without, token)


def test_an_encryption_key_verifies_no_signature(store: KeyStore) -> None:
    assert store.find(published(store, "ECDH-ES").kid) is None
