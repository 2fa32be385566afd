"""Keys change while the provider runs, and no relying party that caches them notices."""

import re
from typing import Any

import pytest
import webtest
from joserfc import jwt
from joserfc.jwk import KeySet
from support.app import Provider, RelyingParty

from oidcserver.settings import ConfigurationProblem

DAY, MINUTE = 86400, 60


@pytest.fixture
def provider(make_provider: Any, tmp_path: Any) -> Provider:
    """A provider with keys of its own, which rotate."""
    provider: Provider = make_provider(
        oidcserver__keys_directory=str(tmp_path / "keys"), oidc__signing_algs="RS256"
    )
    return provider


def fetch(provider: Provider, **headers: str) -> webtest.TestResponse:
    return provider.browser().get("/oauth/jwks.json", headers=headers)


def kids(response: webtest.TestResponse) -> set[str]:
    return {key["kid"] for key in response.json["keys"]}


def max_age(response: webtest.TestResponse) -> int:
    found = re.search(r"max-age=(\d+)", response.headers["Cache-Control"])
    assert found is not None
    return int(found[1])


def id_token(client: RelyingParty, provider: Provider) -> str:
    token: str = client.exchange(client.login(provider.browser())["code"])["id_token"]
    return token


def verify(token: str, cached: webtest.TestResponse) -> str:
    """Verify by a set that was fetched at some time; return the kid that the token names."""
    verified = jwt.decode(token, KeySet.import_key_set(cached.json), algorithms=["RS256"])
    kid: str = verified.header["kid"]
    return kid


def test_a_rotation_shows_a_new_key_at_once_beside_the_old_one(provider: Provider) -> None:
    before = fetch(provider)
    assert fetch(provider, **{"If-None-Match": before.headers["ETag"]}).status_int == 304
    (row,) = provider.registry.oidc.provider.keys.rotate()
    after = fetch(provider, **{"If-None-Match": before.headers["ETag"]})
    assert after.status_int == 200
    assert kids(after) == {*kids(before), row.kid}
    assert len(kids(after)) == len(after.json["keys"])


def test_whoever_keeps_the_set_for_its_max_age_can_verify_every_token(
    provider: Provider, clock: Any
) -> None:
    client = provider.register()
    cached = fetch(provider)
    (old,) = kids(cached)
    (new,) = provider.registry.oidc.provider.keys.rotate()
    clock.advance(max_age(cached) - MINUTE)
    assert verify(id_token(client, provider), cached) == old
    clock.advance(DAY - 2 * max_age(cached) + 2 * MINUTE)
    cached = fetch(provider)
    clock.advance(max_age(cached) - 2 * MINUTE)
    last = id_token(client, provider)
    assert verify(last, cached) == old
    clock.advance(MINUTE + MINUTE / 2)
    assert verify(id_token(client, provider), cached) == new.kid, "published a day before"
    clock.advance(DAY - 2 * MINUTE)
    assert verify(last, fetch(provider)) == old
    clock.advance(2 * MINUTE)
    assert kids(fetch(provider)) == {new.kid}


def test_a_set_that_is_older_than_its_max_age_is_made_anew_by_time_alone(
    provider: Provider, clock: Any
) -> None:
    """No request, no file and no restart lets the retired key go."""
    provider.registry.oidc.provider.keys.rotate()
    tags = {fetch(provider).headers["ETag"]}
    for _ in range(2):
        clock.advance(DAY)
        tags.add(fetch(provider).headers["ETag"])
    assert len(tags) == 3


def test_a_key_that_clients_may_still_encrypt_to_is_not_thrown_away(make_provider: Any) -> None:
    short = {
        "oidc__key_keep_after": "5m",
        "oidc__id_token_lifetime": "5m",
        "oauth__access_token_lifetime": "5m",
    }
    make_provider(**short)
    with pytest.raises(ConfigurationProblem, match="encrypt to a key it fetched"):
        make_provider(**short, oidc__decryption_algs="ECDH-ES")
