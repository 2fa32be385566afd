"""Keys change: the provider's and the client's (OpenID Connect Core section 10.1.1)."""

import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from joserfc.jws import extract_compact
from support.app import Browser
from support.client_web import ClientWeb
from support.conformance import ConformanceProvider
from support.conformance_checks import check_jwks
from support.conformance_plans import module
from support.conformance_variants import Variant
from support.registered_client import new_key
from support.strict_relying_party import Register, StrictRelyingParty

from oidcserver.keys import store


def test_oidcc_server_rotate_keys(
    tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "WATCH_SECONDS", 0)
    provider = ConformanceProvider(tmp_path)
    before = provider.jwks
    settings = provider.registry.oidc.provider.settings
    operator = store.KeyStore(
        settings["oidcserver.keys_directory"],
        settings["oidc.signing_algs"],
        create_missing=False,
        publish_before=settings["oidc.key_publish_before"],
        keep_after=settings["oidc.key_keep_after"],
    )
    operator.rotate()
    after = provider.jwks
    check_jwks(after)
    old, new = ({key["kid"] for key in document["keys"]} for document in (before, after))
    assert old < new
    assert len(new) == 2 * len(old)
    # The suite fails on new keys of other types.
    assert {key["kty"] for key in after["keys"] if key["kid"] not in old} == {"RSA", "EC"}
    variant = Variant("code id_token", "default", "static_client", "client_secret_basic")
    for days, signers in ((0, old), (1, new - old)):
        clock.advance(days * 86400 + 60)
        rp = StrictRelyingParty(provider, variant)
        kid = extract_compact(rp.log_in(provider.browser()).raw_id_token.encode()).headers()["kid"]
        assert kid in signers
    provider.close()


@pytest.fixture
def jwks_uri() -> str:
    """A place of its own, as the provider keeps what it fetched."""
    return f"https://rp.example/{secrets.token_urlsafe(8)}/jwks.json"


def publish(web: ClientWeb, jwks_uri: str, key: RSAKey) -> None:
    """Put the client's key behind its jwks_uri."""
    document = {"keys": [key.as_dict(private=False)]}
    web.documents[jwks_uri] = ("application/json", json.dumps(document).encode())


@module("oidcc-registration-jwks-uri")
def test_oidcc_registration_jwks_uri(
    register: Register, person: Browser, web: ClientWeb, jwks_uri: str
) -> None:
    rp = register(jwks_uri=jwks_uri, jwks=None)
    publish(web, jwks_uri, rp.key)
    rp.log_in(person)
    assert web.fetched == [jwks_uri]


@module("oidcc-refresh-token-rp-key-rotation")
def test_oidcc_refresh_token_rp_key_rotation(
    register: Register, person: Browser, web: ClientWeb, clock: Any, jwks_uri: str
) -> None:
    rp = register(jwks_uri=jwks_uri, jwks=None)
    publish(web, jwks_uri, rp.key)
    outcome = rp.log_in(person, scope="openid offline_access", prompt="consent")
    rp.key = new_key("rotated")
    publish(web, jwks_uri, rp.key)
    clock.advance(60)
    fresh = rp.refresh(outcome)
    rp.ask_userinfo(fresh)
    assert web.fetched == [jwks_uri, jwks_uri]


@module("oidcc-ensure-client-assertion-with-iss-aud-succeeds")
def test_oidcc_ensure_client_assertion_with_iss_aud_succeeds(
    rp: StrictRelyingParty, person: Browser
) -> None:
    rp.audience = rp.provider.issuer
    rp.log_in(person)
