"""The metadata (RFC 8414, OpenID Connect Discovery)."""

from support.conformance_plans import module
from support.fapi_checks import ALGORITHMS
from support.fapi_relying_party import FAPIRelyingParty


@module("discovery-end-point-verification")
def test_discovery_end_point_verification(
    rp: FAPIRelyingParty,
) -> None:
    """Each client checks the document when it begins; both addresses have the same one."""
    for name in ("openid-configuration", "oauth-authorization-server"):
        answer = rp.provider.browser().get(f"/.well-known/{name}")
        assert answer.status_int == 200
        assert answer.json == rp.metadata
    assert set(rp.metadata["id_token_signing_alg_values_supported"]) == ALGORITHMS
    assert set(rp.metadata["token_endpoint_auth_signing_alg_values_supported"]) == ALGORITHMS
    assert set(rp.metadata["dpop_signing_alg_values_supported"]) == ALGORITHMS
    assert rp.metadata["authorization_details_types_supported"] == ["payment_initiation"]
    for name, url in rp.metadata["mtls_endpoint_aliases"].items():
        assert url.startswith("https://mtls.op.example/"), name
        assert url.partition("/oauth/")[2] == rp.metadata[name].partition("/oauth/")[2]
