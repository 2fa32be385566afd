"""How a plugin is tested: an application of some settings, and requests to it."""

from pathlib import Path

import webtest

import oidcserver


def test_a_client_registers_its_tier(tmp_path: Path) -> None:
    wsgi = oidcserver.main(
        {},
        **{
            "oidcserver.mode": "development",
            "oidc.issuer": "http://localhost:6543",
            "oidcserver.database_url": f"sqlite:///{tmp_path}/test.sqlite",
            "oidcserver.keys_directory": f"{tmp_path}/keys",
            "oidcserver.includes": "tiers",
            "oauth.endpoints": "authorization token jwks registration openid_configuration",
            "oauth.registration": "open",
        },
    )
    app = webtest.TestApp(wsgi)
    metadata = {"redirect_uris": ["https://client.example/cb"], "example_tier": "gold"}
    client = app.post_json("/oauth/register", metadata, status=201).json
    assert client["example_tier"] == "gold"
    answer = app.post_json("/oauth/register", {**metadata, "example_tier": "tin"}, status=400)
    assert answer.json["error"] == "invalid_client_metadata"
