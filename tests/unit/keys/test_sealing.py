"""Sealing: only what this purpose sealed unseals, with its aad and in its one spelling."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.keys.sealing import Sealer, seal_with, unseal_with
from oidcserver.keys.store import KeyStore

BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    directory: Path = tmp_path_factory.mktemp("keys")
    return KeyStore(directory, ("ES256",), create_missing=True, publish_before=1, keep_after=1)


@given(data=st.binary(max_size=300), aad=st.binary(max_size=40))
def test_what_is_sealed_unseals(store: KeyStore, data: bytes, aad: bytes) -> None:
    sealer = Sealer(store, "test")
    assert sealer.unseal(sealer.seal(data)) == data
    assert sealer.unseal(sealer.seal(data, aad), aad) == data
    assert unseal_with("credential", seal_with("credential", data)) == data


def test_a_sealed_text_names_its_key_and_fits_a_url(store: KeyStore) -> None:
    (kid,) = store.sealing_keys
    for size in range(20):
        name, dot, rest = Sealer(store, "test").seal(b"x" * size).partition(".")
        assert (name, dot) == (kid, ".")
        assert set(rest) <= set(BASE64URL)


@given(data=st.binary(max_size=60), position=st.integers(0), character=st.characters())
def test_no_text_with_another_character_unseals(
    store: KeyStore, data: bytes, position: int, character: str
) -> None:
    for seal, unseal in (
        (Sealer(store, "test").seal, Sealer(store, "test").unseal),
        (lambda data: seal_with("a", data), lambda text: unseal_with("a", text)),
    ):
        sealed = seal(data)
        at = position % len(sealed)
        changed = sealed[:at] + character + sealed[at + 1 :]
        assert changed == sealed or unseal(changed) is None


@given(data=st.binary(max_size=60), start=st.integers(0), end=st.integers(0), text=st.text())
def test_no_text_that_is_longer_shorter_or_spliced_unseals(
    store: KeyStore, data: bytes, start: int, end: int, text: str
) -> None:
    sealer = Sealer(store, "test")
    sealed = sealer.seal(data)
    start, end = start % len(sealed), end % (len(sealed) + 1)
    changed = sealed[:start] + text + sealed[end:]
    assert changed == sealed or sealer.unseal(changed) is None


@pytest.mark.parametrize("size", [0, 1, 2])
def test_trailing_bits_that_base64_ignores_make_another_text(store: KeyStore, size: int) -> None:
    sealer = Sealer(store, "test")
    sealed = sealer.seal(b"x" * size)
    spellings = [sealed[:-1] + character for character in BASE64URL]
    assert [text for text in spellings if sealer.unseal(text) is not None] == [sealed]
    for spelling in (sealed + "=", sealed + "==", sealed + "\n", " " + sealed, sealed + "A"):
        assert sealer.unseal(spelling) is None


@given(text=st.text(alphabet=st.characters(codec=None)))
def test_any_text_is_answered(store: KeyStore, text: str) -> None:
    (kid,) = store.sealing_keys
    for form in (text, f"{kid}.{text}", f"{text}.{text}"):
        assert Sealer(store, "test").unseal(form) is None
        assert unseal_with("credential", form) is None
    assert unseal_with(text, seal_with(text + "x", b"data")) is None
    assert unseal_with(text, seal_with(text, b"data")) == b"data"


@pytest.mark.parametrize("text", ["\ud800", "", ".", "A", "é"])
def test_a_text_that_is_no_base64_is_answered(store: KeyStore, text: str) -> None:
    (kid,) = store.sealing_keys
    assert Sealer(store, "test").unseal(f"{kid}.{text}") is None
    assert Sealer(store, "test").unseal(text) is None
    assert unseal_with("\ud800", text) is None


def test_another_purpose_credential_aad_or_key_does_not_unseal(
    store: KeyStore, tmp_path: Path
) -> None:
    assert Sealer(store, "one").unseal(Sealer(store, "two").seal(b"secret")) is None
    assert unseal_with("one", seal_with("two", b"secret")) is None
    sealer = Sealer(store, "test")
    assert sealer.unseal(sealer.seal(b"secret", b"row 1"), b"row 2") is None
    assert sealer.unseal(sealer.seal(b"secret", b"row 1")) is None
    assert sealer.unseal(sealer.seal(b"secret"), b"row 1") is None
    other = KeyStore(tmp_path, ("ES256",), create_missing=True, publish_before=1, keep_after=1)
    (kid,), (other_kid,) = store.sealing_keys, other.sealing_keys
    sealed = Sealer(other, "test").seal(b"secret")
    assert sealer.unseal(sealed) is None
    assert sealer.unseal(sealed.replace(other_kid, kid)) is None


def test_two_seals_of_one_text_differ(store: KeyStore) -> None:
    sealer = Sealer(store, "test")
    assert len({sealer.seal(b"same") for _ in range(100)}) == 100
    assert seal_with("credential", b"same") != seal_with("credential", b"same")


def test_a_subkey_is_derived_once(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    sealer = Sealer(store, "test")
    sealed = sealer.seal(b"x")
    monkeypatch.delattr("oidcserver.keys.sealing.HKDF")
    assert sealer.unseal(sealed) == b"x"
    assert sealer.unseal(sealer.seal(b"y")) == b"y"


def test_a_keyed_digest_depends_on_the_key_the_purpose_and_the_text(
    tmp_path: Path, store: KeyStore
) -> None:
    (digest,) = Sealer(store, "test").digests("WDJBMJHT")
    assert len(digest) == 64
    assert Sealer(store, "test").digests("WDJBMJHT") == [digest]
    assert Sealer(store, "test").digests("WDJBMJHS") != [digest]
    assert Sealer(store, "other").digests("WDJBMJHT") != [digest]
    other = KeyStore(tmp_path, ("ES256",), create_missing=True, publish_before=1, keep_after=1)
    assert Sealer(other, "test").digests("WDJBMJHT") != [digest]


def test_a_digest_of_before_a_rotation_is_found_after_it(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path, ("ES256",), create_missing=True, publish_before=0, keep_after=60)
    sealer = Sealer(keys, "test")
    (before,) = sealer.digests("WDJBMJHT")
    keys.rotate_sealing()
    after = sealer.digests("WDJBMJHT")
    assert before in after
    assert len(after) == 2
