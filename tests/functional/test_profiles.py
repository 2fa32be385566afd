"""Profiles: their defaults, the rules that stop the start, and clients with one of their own."""

from typing import Any

import pytest
from joserfc.jwk import ECKey
from support.app import Provider
from support.pushing import ENDPOINTS

from oidcserver.cli.client_explanation import client_explanation
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.settings import ConfigurationProblem

KEY = ECKey.generate_key("P-256", {"kid": "1", "use": "sig", "alg": "ES256"})
JWKS = {"keys": [KEY.as_dict(private=False)]}


@pytest.fixture(params=["fapi2_security", "fapi2_message_signing"])
def profile(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def strict(make_provider: Any, profile: str) -> Provider:
    """A provider that has the profile and no other setting of its own."""
    provider: Provider = make_provider(bare=True, oauth__profile=profile)
    return provider


def test_the_metadata_are_those_of_fapi(strict: Provider, profile: str) -> None:
    document = strict.browser().get("/.well-known/openid-configuration").json
    assert document["require_pushed_authorization_requests"] is True
    assert document["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    for name in ("id_token", "token_endpoint_auth", "dpop"):
        algorithms = document[f"{name}_signing_alg_values_supported"]
        assert set(algorithms) <= {"PS256", "ES256", "Ed25519", "EdDSA"}, name
    settings = strict.registry.oidc.provider.settings
    assert settings["oidc.ciba_require_signed_request"] is True
    signed = profile == "fapi2_message_signing"
    assert document.get("require_signed_request_object", False) is signed
    assert ("jwt" in document["response_modes_supported"]) is signed


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"oauth__require_pushed_authorization_requests": "false"}, "= true"),
        ({"oauth__require_sender_constraint": "false"}, "= true"),
        ({"oauth__pkce_required": "public"}, "oauth.pkce_required = all"),
        ({"oauth__assertion_audience": "issuer_or_endpoint"}, "= issuer"),
        ({"oauth__refresh_token_rotation": "all"}, "= public"),
        ({"oauth__token_endpoint_auth_methods": "private_key_jwt client_secret_basic"},
         "does not allow oauth.token_endpoint_auth_methods = client_secret_basic"),
        ({"oidc__signing_algs": "RS256 ES256"}, "does not allow oidc.signing_algs = RS256"),
        ({"oauth__grants": "authorization_code hybrid", "oauth__response_types": "code id_token"},
         "does not allow other response types than code: take these out of oauth.response_types"),
        ({"oauth__grants": "authorization_code hybrid"}, "their grants out of oauth.grants: code"),
        ({"oauth__grants": "authorization_code implicit", "oauth__response_types": "code"},
         "does not allow oauth.grants = implicit where"),
        ({"oauth__grants": "authorization_code password"}, "does not allow the password grant"),
        ({"oidc__unsigned_id_tokens": "true"}, "requires oidc.unsigned_id_tokens = false"),
        ({"oauth__clock_skew": "9"}, "requires oauth.clock_skew of 10 to 60 seconds"),
        ({"oauth__clock_skew": "61"}, "requires oauth.clock_skew of 10 to 60 seconds"),
        ({"oidc__ciba_require_signed_request": "false"}, "= true"),
        ({"oidc__ciba_require_binding_message": "false"}, "= true"),
        ({"oidc__ciba_request_signing_algs": "RS256"},
         "does not allow oidc.ciba_request_signing_algs = RS256"),
        ({"oauth__authorization_code_lifetime": "2m"}, "of at most 60 seconds"),
        ({"oauth__pushed_request_lifetime": "10m"}, "of less than 600 seconds"),
    ],
)  # fmt: skip
def test_a_contradiction_stops_the_start(
    make_provider: Any, profile: str, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        make_provider(bare=True, oauth__profile=profile, **changes)
    assert f"oauth.profile = {profile}" in str(problem.value)
    assert sentence in str(problem.value)


def test_a_provider_with_the_profile_may_be_for_services_alone(
    make_provider: Any, profile: str
) -> None:
    provider = make_provider(bare=True, oauth__profile=profile, oauth__grants="client_credentials")
    document = provider.browser().get("/.well-known/openid-configuration").json
    assert document["grant_types_supported"] == ["client_credentials"]
    assert "response_types_supported" not in document
    made = {"grant_types": ["client_credentials"], "redirect_uris": [], "response_types": []}
    assert provider.register(token_endpoint_auth_method="private_key_jwt", jwks=JWKS, **made)


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    """A provider without the profile that has all that a client with the profile needs."""
    made: Provider = make_provider(oauth__endpoints=ENDPOINTS)
    return made


def test_a_client_may_have_the_profile_for_itself(provider: Provider) -> None:
    client = provider.register(
        profile="fapi2_security", token_endpoint_auth_method="private_key_jwt", jwks=JWKS
    )
    registered = client.client.client_metadata
    assert registered["require_pushed_authorization_requests"] is True
    assert registered["require_pkce"] is True
    assert registered["dpop_bound_access_tokens"] is True
    assert registered["id_token_signed_response_alg"] in {"PS256", "ES256", "Ed25519", "EdDSA"}
    assert "profile" not in provider.register().client.client_metadata


def test_the_requirements_of_a_client_are_explained(make_provider: Any, provider: Provider) -> None:
    assertion = {"token_endpoint_auth_method": "private_key_jwt", "jwks": JWKS}
    own = provider.register(profile="fapi2_security", **assertion)
    by_member = {
        "pushed requests": "require_pushed_authorization_requests = true",
        "signed requests": "not required",
        "tokens bound to a key": "dpop_bound_access_tokens = true",
    }
    everybody = make_provider(bare=True, oauth__profile="fapi2_message_signing")
    named = everybody.register(**assertion)
    by_setting = {
        kind: f"oauth.{name} = true (profile fapi2_message_signing)"
        for kind, name in (
            ("pushed requests", "require_pushed_authorization_requests"),
            ("signed requests", "require_signed_request_object"),
            ("tokens bound to a key", "require_sender_constraint"),
        )
    }
    for client, profile, requirements in (
        (own, "fapi2_security", by_member),
        (named, "fapi2_message_signing", by_setting),
        (provider.register(), "none", dict.fromkeys(by_member, "not required")),
    ):
        with client.provider.database() as dbsession:
            made = client.provider.registry.oidc.provider
            explained = client_explanation(made, dbsession, client.client_id)
        assert explained["client"]["profile"] == profile
        assert explained["requirements"] == requirements


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("token_endpoint_auth_method", "client_secret_basic"),
        ("require_pushed_authorization_requests", False),
        ("require_pkce", False),
        ("dpop_bound_access_tokens", False),
        ("response_types", ["code", "code id_token"]),
        ("grant_types", ["authorization_code", "password"]),
        ("token_endpoint_auth_signing_alg", "RS256"),
        ("id_token_signed_response_alg", "HS256"),
        ("id_token_signed_response_alg", "RS256"),
        ("authorization_signed_response_alg", "RS256"),
    ],
)
def test_a_member_that_contradicts_the_profile_of_the_client_is_rejected(
    make_provider: Any, member: str, value: Any
) -> None:
    provider = make_provider(oauth__endpoints=ENDPOINTS, oauth__response_modes="query jwt")
    members = {"token_endpoint_auth_method": "private_key_jwt", "jwks": JWKS, member: value}
    with pytest.raises(InvalidClientMetadata) as problem:
        provider.register(profile="fapi2_security", **members)
    assert problem.value.field == member
    assert "The profile fapi2_security requires" in str(problem.value)


@pytest.mark.parametrize(
    ("profile", "changes", "member"),
    [
        ("fapi2_security", {"oauth__sender_constraints": ""}, "dpop_bound_access_tokens"),
        ("fapi2_security", {"oauth__endpoints": "authorization token jwks"},
         "require_pushed_authorization_requests"),
        ("fapi2_message_signing", {"oidc__request_parameter": "false"},
         "require_signed_request_object"),
    ],
)  # fmt: skip
def test_no_client_has_a_profile_whose_requirements_the_provider_cannot_meet(
    make_provider: Any, profile: str, changes: dict[str, str], member: str
) -> None:
    offered = {"oauth__endpoints": ENDPOINTS, "oidc__request_parameter": "true"}
    client = {"profile": profile, "token_endpoint_auth_method": "private_key_jwt", "jwks": JWKS}
    assert make_provider(**offered).register(**client)
    with pytest.raises(InvalidClientMetadata) as problem:
        make_provider(**{**offered, **changes}).register(**client)
    assert problem.value.field == member
    assert f"The profile {profile} sets {member}, which is not available here" in str(problem.value)
