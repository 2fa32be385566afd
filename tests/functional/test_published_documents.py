"""Discovery and the JWK Set from memory: what they say, and what does not come from there."""

import pytest
from support.app import Provider

DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/oauth/jwks.json"


@pytest.mark.parametrize("path", [DISCOVERY, JWKS])
def test_a_document_is_given_again_as_it_was(provider: Provider, path: str) -> None:
    first, again = (provider.browser().get(path) for _ in range(2))
    assert first.json == again.json
    assert first.headers == again.headers
    assert again.headers["X-Content-Type-Options"] == "nosniff"
    assert again.headers["Access-Control-Allow-Origin"] == "*"


def test_only_a_plain_get_is_answered_from_memory(provider: Provider) -> None:
    etag = provider.browser().get(JWKS).headers["ETag"]
    assert provider.browser().head(JWKS).body == b""
    assert provider.browser().post(JWKS, status=405)
    assert provider.browser().get(JWKS, headers={"If-None-Match": etag}, status=304)
    assert provider.browser().get(JWKS, headers={"Range": "bytes=0-1"}, status=206).body == b'{"'
    assert provider.browser().get(f"{JWKS}?a=%ff", status=400)


def test_what_is_not_public_is_made_anew_each_time(provider: Provider) -> None:
    first, again = (provider.browser().get("/login") for _ in range(2))
    assert first.headers["Cache-Control"] == "no-store"
    assert first.body != again.body
