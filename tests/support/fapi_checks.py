"""What FAPI 2.0 requires of the provider's metadata and answers, beyond OpenID Connect."""

import json
from collections.abc import Mapping
from typing import Any

from support.conformance_checks import check_credential, read_signed
from support.conformance_variants import FAPIVariant

from oidcserver import clock

#: Security Profile section 5.4.1.
ALGORITHMS = {"PS256", "ES256", "Ed25519", "EdDSA"}
#: JARM section 2.1 recommends at most ten minutes.
LONGEST_RESPONSE = 600
_ALIASES = ("token_endpoint", "pushed_authorization_request_endpoint", "userinfo_endpoint")


def check_fapi_metadata(document: Mapping[str, Any], variant: FAPIVariant) -> None:
    """Check the metadata (RFC 8414 section 2) for what a variant uses."""
    for name in ("id_token", "token_endpoint_auth", "dpop", "request_object", "authorization"):
        algorithms = set(document.get(f"{name}_signing_alg_values_supported", ALGORITHMS))
        assert algorithms <= ALGORITHMS, name
    assert "dpop_signing_alg_values_supported" in document
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["require_pushed_authorization_requests"] is True
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["tls_client_certificate_bound_access_tokens"] is True
    assert document["mtls_endpoint_aliases"].keys() >= set(_ALIASES)
    assert {variant.grant, "refresh_token"} <= set(document["grant_types_supported"])
    assert document.get("require_signed_request_object", False) is variant.signed
    if variant.signed:
        assert "request_object_signing_alg_values_supported" in document
    if variant.response_mode == "jwt":
        assert "jwt" in document["response_modes_supported"]
        assert "authorization_signing_alg_values_supported" in document
    if variant.openid:
        assert "openid" in document["scopes_supported"]
        assert "public" in document["subject_types_supported"]


def check_pushed(answer: Mapping[str, Any]) -> str:
    """Check the answer to a pushed request (RFC 9126 section 2.2); return the ``request_uri``."""
    assert answer.keys() == {"request_uri", "expires_in"}
    assert type(answer["expires_in"]) is int
    assert 5 <= answer["expires_in"] < 600
    request_uri: str = answer["request_uri"]
    assert request_uri.startswith("urn:ietf:params:oauth:request_uri:")
    check_credential(request_uri.rpartition(":")[2])
    return request_uri


def read_jarm(
    token: str, jwks: Mapping[str, Any], algorithm: str, client_id: str
) -> dict[str, str]:
    """Check the JWT of an authorization response (JARM section 2.4); return its parameters."""
    claims: dict[str, Any] = json.loads(read_signed(token, jwks, algorithm))
    assert claims.pop("aud") == client_id
    assert 0 < claims.pop("exp") - clock.now() <= LONGEST_RESPONSE
    assert all(isinstance(value, str) for value in claims.values())
    return claims
