"""The Config profile (OpenID Connect Discovery sections 3 and 4)."""

from support.conformance import ConformanceProvider
from support.conformance_checks import check_jwks, check_metadata


def test_oidcc_discovery_endpoint_verification(conformance_provider: ConformanceProvider) -> None:
    provider = conformance_provider
    browser = provider.browser()
    response = browser.get("/.well-known/openid-configuration")
    assert (response.status_int, response.content_type) == (200, "application/json")
    metadata = response.json
    check_metadata(metadata, provider.issuer, {"private_key_jwt", "client_secret_basic"})
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
        assert name in metadata
    assert "RS256" in metadata["id_token_signing_alg_values_supported"]
    assert "openid" in metadata["scopes_supported"]
    assert {"public"} <= set(metadata["subject_types_supported"]) <= {"public", "pairwise"}
    assert {"code", "id_token", "id_token token"} <= set(metadata["response_types_supported"])
    assert {"authorization_code", "implicit"} <= set(metadata["grant_types_supported"])
    assert {"query", "fragment", "form_post"} <= set(metadata["response_modes_supported"])
    assert {"sub", "name", "email"} <= set(metadata["claims_supported"])
    assert metadata["claims_parameter_supported"] is True
    check_jwks(provider.jwks)
