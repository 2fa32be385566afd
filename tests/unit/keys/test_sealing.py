"""Sealing: only what this purpose sealed unseals, in its one spelling."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.keys.sealing import Sealer, seal_with, unseal_with
from oidcserver.keys.store import KeyStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    directory: Path = tmp_path_factory.mktemp("keys")
    return KeyStore(directory, ("ES256",), create_missing=True, publish_before=1, keep_after=1)


@given(data=st.binary(max_size=300))
def test_what_is_sealed_unseals(store: KeyStore, data: bytes) -> None:
    sealer = Sealer(store, "test")
    assert sealer.unseal(sealer.seal(data)) == data
    assert unseal_with("credential", seal_with("credential", data)) == data


@given(data=st.binary(max_size=60), position=st.integers(0), character=st.characters())
def test_no_other_text_unseals(store: KeyStore, data: bytes, position: int, character: str) -> None:
    sealer = Sealer(store, "test")
    sealed = sealer.seal(data)
    at = position % len(sealed)
    changed = sealed[:at] + character + sealed[at + 1 :]
    assert changed == sealed or sealer.unseal(changed) is None


@given(text=st.text())
def test_any_text_is_answered(store: KeyStore, text: str) -> None:
    assert Sealer(store, "test").unseal(text) is None
    assert unseal_with("credential", text) is None


def test_another_purpose_or_credential_does_not_unseal(store: KeyStore) -> None:
    assert Sealer(store, "one").unseal(Sealer(store, "two").seal(b"secret")) is None
    assert unseal_with("one", seal_with("two", b"secret")) is None


def test_two_seals_of_one_text_differ(store: KeyStore) -> None:
    sealer = Sealer(store, "test")
    assert sealer.seal(b"same") != sealer.seal(b"same")
