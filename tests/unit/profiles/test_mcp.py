"""The profile mcp selects all that clients of the Model Context Protocol look for."""

from pathlib import Path

from oidcserver.plugins.including import configured


def test_the_profile_alone_is_all_that_clients_need(tmp_path: Path) -> None:
    settings = {
        "oidc.issuer": "https://login.example",
        "oauth.profile": "mcp",
        "oidcserver.database_url": f"sqlite:///{tmp_path}/provider.sqlite",
        "oidcserver.keys_directory": str(tmp_path),
    }
    with configured(settings, commanded=True) as config:
        pass
    provider = config.registry.oidc.provider
    document = provider.discovery()
    assert document["client_id_metadata_document_supported"] is True
    assert "none" in document["token_endpoint_auth_methods_supported"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert "offline_access" in document["scopes_supported"]
    assert "registration_endpoint" not in document
    assert provider.settings["oauth.localhost_any_port"] is True
    assert provider.settings["oauth.pkce_required"] == "all"
    assert provider.settings["oauth.access_token_lifetime"] == 3600
    assert provider.settings["oauth.public_refresh_token_retry_window"] == 30
    assert provider.settings["oauth.registration_unused_lifetime"] == 30 * 86400
