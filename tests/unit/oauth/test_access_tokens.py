"""Both formats say the same and accept nothing else."""

from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver import clock as provider_clock
from oidcserver.keys import jwt
from oidcserver.keys.sealing import Sealer
from oidcserver.keys.store import KeyStore
from oidcserver.oauth.tokens import AccessToken, JWTFormat, SealedFormat, read_access_token


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return make_provider(tmp_path_factory.mktemp("keys"))


def make_provider(directory: Path) -> Any:
    keys = KeyStore(directory, ("ES256",), create_missing=True, publish_before=1, keep_after=1)
    return SimpleNamespace(
        keys=keys,
        issuer="https://login.example",
        settings={"oauth.access_token_signing_alg": "ES256"},
        sealer=cache(partial(Sealer, keys)),
        access_token_formats={"sealed": SealedFormat(), "jwt": JWTFormat()},
    )


def token(**changes: Any) -> AccessToken:
    now = provider_clock.now()
    values: dict[str, Any] = {
        "token_id": "id", "client_id": "client", "subject": "alice", "authorization_id": "family",
        "scope": "openid profile", "audience": ("https://login.example",), "issued_at": now,
        "expires_at": now + 600, **changes,
    }  # fmt: skip
    return AccessToken(**values)


#: How tokens differ; they are made in the test, for they do not live as long as the test run.
CHANGES: list[dict[str, Any]] = [
    {},
    {"authorization_id": None, "scope": "", "subject": "client"},
    {"audience": ("a", "b"), "confirmation": {"jkt": "x"}, "auth_time": 5, "acr": "1"},
]


@pytest.mark.parametrize("name", ["sealed", "jwt"])
@pytest.mark.parametrize("changes", CHANGES)
def test_what_was_written_is_read(provider: Any, name: str, changes: dict[str, Any]) -> None:
    said = token(**changes)
    text = provider.access_token_formats[name].encode(provider, said)
    assert read_access_token(provider, text) == said
    assert text.isascii()


@pytest.mark.parametrize("name", ["sealed", "jwt"])
def test_an_expired_token_is_not_read(provider: Any, name: str, clock: Any) -> None:
    text = provider.access_token_formats[name].encode(provider, token())
    clock.advance(600)
    assert read_access_token(provider, text) is None


def test_a_jwt_of_another_kind_or_issuer_is_not_read(provider: Any) -> None:
    text = JWTFormat().encode(provider, token())
    claims = jwt.verify_own(provider.keys, text, typ="at+jwt")
    assert claims is not None
    assert read_access_token(provider, jwt.sign(provider.keys, "ES256", claims)) is None
    foreign = {**claims, "iss": "https://evil.example"}
    signed = jwt.sign(provider.keys, "ES256", foreign, typ="at+jwt")
    assert read_access_token(provider, signed) is None


def test_what_was_sealed_for_another_purpose_is_not_read(provider: Any) -> None:
    sealed = provider.sealer("client secret").seal(b'["id"]')
    assert read_access_token(provider, f"at_{sealed}") is None


@pytest.mark.parametrize("name", ["sealed", "jwt"])
def test_what_was_read_is_remembered_until_its_key_is_gone(
    tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("oidcserver.keys.store.WATCH_SECONDS", 0)
    provider = make_provider(tmp_path)
    read: list[str] = []
    for owner, method in ((Sealer, "unseal"), (jwt, "verify_own")):
        own = getattr(owner, method)
        monkeypatch.setattr(
            owner, method, lambda *args, own=own, **kw: (read.append(name), own(*args, **kw))[1]
        )
    said = token(expires_at=provider_clock.now() + 86400)
    text = provider.access_token_formats[name].encode(provider, said)
    for _ in range(3):
        assert read_access_token(provider, text) == said
    assert len(read) == 1
    for _ in range(2):
        assert read_access_token(provider, text[:-4]) is None
    assert len(read) == 3
    first = set(tmp_path.iterdir())
    provider.keys.rotate()
    provider.keys.rotate_sealing()
    clock.advance(60)
    assert read_access_token(provider, text) == (said if name == "sealed" else None)
    for file in first:
        file.unlink(missing_ok=True)
    assert read_access_token(provider, text) is None


@given(st.text(max_size=300) | st.text(max_size=100).map("at_".__add__))
def test_any_text_is_answered(provider: Any, text: str) -> None:
    assert read_access_token(provider, text) is None
