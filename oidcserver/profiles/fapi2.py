"""The profiles of FAPI 2.0: Security Profile and Message Signing (OpenID Foundation, final).

The settings of ``fapi2_security`` are those of section 5.3.2 of the Security Profile, the
algorithms those of section 5.4. A client of a provider without the profile may have it for itself:
``profile = fapi2_security`` in its metadata.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.profiles.oauth21 import reject_implicit, reject_password
from oidcserver.profiles.sentences import as_written, forbids, requires
from oidcserver.types import Configurator, Provider, Registry

SECURITY = "fapi2_security"
MESSAGE_SIGNING = "fapi2_message_signing"

#: Section 5.4.1 of the Security Profile; Ed25519 is the newer name of its EdDSA (RFC 9864).
ALGORITHMS = ("PS256", "ES256", "Ed25519", "EdDSA")
#: FAPI-CIBA section 7.10.
CIBA_ALGORITHMS = ("PS256", "ES256")
METHODS = ("private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth")
GRANTS = ("authorization_code", "refresh_token", "client_credentials")
LONGEST_CODE = 60
LONGEST_PUSHED_REQUEST = 600
#: By so many seconds a client's clock may be ahead, and by no more than the second.
SKEW = (10, 60)

#: Settings that have to have this value.
FIXED: Mapping[str, Any] = {
    "oauth.require_pushed_authorization_requests": True,
    "oauth.require_sender_constraint": True,
    "oauth.pkce_required": "all",
    "oauth.pkce_exemptions": False,
    "oauth.assertion_audience": "issuer",
    "oauth.refresh_token_rotation": "public",
    "oauth.localhost_any_port": False,
    "oidc.unsigned_id_tokens": False,
    # FAPI-CIBA section 5.2.2, where the grant ciba is selected.
    "oidc.ciba_require_signed_request": True,
    "oidc.ciba_require_binding_message": True,
}
#: Settings whose words have to be some of these.
LIMITED: Mapping[str, tuple[str, ...]] = {
    "oauth.token_endpoint_auth_methods": METHODS,
    "oauth.token_endpoint_auth_signing_algs": ALGORITHMS,
    "oauth.dpop_signing_algs": ALGORITHMS,
    "oauth.request_object_signing_algs": ALGORITHMS,
    "oidc.signing_algs": ALGORITHMS,
    "oidc.ciba_request_signing_algs": CIBA_ALGORITHMS,
}
DEFAULTS: Mapping[str, Any] = {
    **FIXED,
    **LIMITED,
    "oauth.token_endpoint_auth_methods": ("private_key_jwt",),
    "oauth.grants": GRANTS,
    "oauth.sender_constraints": ("dpop",),
    "oauth.access_token_signing_alg": ALGORITHMS[0],
    "oauth.endpoints": (
        "authorization", "pushed_authorization_request", "token", "revocation", "introspection",
        "userinfo", "end_session", "jwks", "openid_configuration", "oauth_authorization_server",
    ),
}  # fmt: skip
SIGNED_FIXED: Mapping[str, Any] = {
    **FIXED,
    "oauth.require_signed_request_object": True,
    "oidc.request_parameter": True,
}
#: The settings of FIXED and LIMITED that hold for a client with the profile. Others are members of
#: its metadata, or such a client cannot register what they allow.
FOR_CLIENT = (
    "oauth.assertion_audience",
    "oauth.refresh_token_rotation",
    "oauth.localhost_any_port",
    "oidc.ciba_require_signed_request",
    "oidc.ciba_require_binding_message",
)
LIMITED_FOR_CLIENT = LIMITED.keys() - {"oauth.token_endpoint_auth_methods"}
#: Claims of a request object, and seconds (FAPI 2.0 Message Signing section 5.3.1).
REQUIRED_CLAIMS = ("aud", "exp", "nbf")
LONGEST_REQUEST_OBJECT = 3600
SIGNED_DEFAULTS: Mapping[str, Any] = {
    **DEFAULTS,
    **SIGNED_FIXED,
    "oauth.request_object_claims": REQUIRED_CLAIMS,
    "oauth.request_object_max_lifetime": LONGEST_REQUEST_OBJECT,
    "oauth.response_modes": ("jwt", "query.jwt", "query"),
}


def require_values(fixed: Mapping[str, Any], registry: Registry) -> str | None:
    """Require the values of the profile."""
    settings = registry.oidc.provider.settings
    problems = [
        requires(registry, f"{name} = {as_written(value)}: remove {name}, which the profile sets")
        for name, value in fixed.items()
        if settings[name] != value
    ]
    return "\n".join(problems) or None


def limit_words(registry: Registry) -> str | None:
    """Allow no other methods and algorithms than those of the profile."""
    settings = registry.oidc.provider.settings
    problems = [
        forbids(
            registry,
            f"{name} = {' '.join(others)}: remove {'these words' if others[1:] else 'this word'}, "
            f"or {name}, which the profile sets",
        )
        for name, allowed in LIMITED.items()
        if (others := sorted(set(settings[name]) - set(allowed)))
    ]
    return "\n".join(problems) or None


def limit_response_types(registry: Registry) -> str | None:
    """Allow the response type ``code`` alone."""
    others = sorted(registry.oidc.provider.response_types - {"code"})
    if others:
        return forbids(
            registry,
            "other response types than code: take these out of oauth.response_types, or their "
            f"grants out of oauth.grants: {', '.join(others)}",
        )
    return reject_implicit(registry)


def limit_times(registry: Registry) -> str | None:
    """Require short lifetimes, and that clocks may differ by a little."""
    settings = registry.oidc.provider.settings
    if settings["oauth.authorization_code_lifetime"] > LONGEST_CODE:
        return requires(
            registry, f"oauth.authorization_code_lifetime of at most {LONGEST_CODE} seconds"
        )
    if settings["oauth.pushed_request_lifetime"] >= LONGEST_PUSHED_REQUEST:
        return requires(
            registry, f"oauth.pushed_request_lifetime of less than {LONGEST_PUSHED_REQUEST} seconds"
        )
    least, most = SKEW
    if not least <= settings["oauth.clock_skew"] <= most:
        return requires(registry, f"oauth.clock_skew of {least} to {most} seconds")
    return None


def require_claims(registry: Registry) -> str | None:
    """Require the claims and the short life of request objects."""
    settings = registry.oidc.provider.settings
    missing = [it for it in REQUIRED_CLAIMS if it not in settings["oauth.request_object_claims"]]
    if missing:
        return requires(
            registry, f"{' '.join(missing)} among oauth.request_object_claims: add what is missing"
        )
    if not 0 < settings["oauth.request_object_max_lifetime"] <= LONGEST_REQUEST_OBJECT:
        return requires(
            registry,
            f"oauth.request_object_max_lifetime of at most {LONGEST_REQUEST_OBJECT} seconds, and "
            "not 0",
        )
    return None


def check_client(signed: bool, provider: Provider, metadata: dict[str, Any]) -> None:
    """Complete the metadata of a client that has the profile, and reject others.

    :param signed: whether the client also has to sign its requests.
    :raises InvalidClientMetadata: for a member that contradicts the profile.
    """
    profile = MESSAGE_SIGNING if signed else SECURITY
    required: dict[str, Any] = {
        "require_pushed_authorization_requests": True,
        "require_pkce": True,
        **({"require_signed_request_object": True} if signed else {}),
    }
    for member, value in required.items():
        if metadata.setdefault(member, value) != value:
            raise _contradiction(profile, member, as_written(value))
    if metadata["token_endpoint_auth_method"] not in METHODS:
        raise _contradiction(profile, "token_endpoint_auth_method", f"one of {', '.join(METHODS)}")
    if set(metadata["response_types"]) - {"code"}:
        raise _contradiction(profile, "response_types", "code alone")
    if {"password", "implicit"}.intersection(metadata["grant_types"]):
        raise _contradiction(profile, "grant_types", "neither password nor implicit")
    by_certificate = metadata.get("tls_client_certificate_bound_access_tokens") is True
    if not (by_certificate or metadata.setdefault("dpop_bound_access_tokens", True)):
        raise _contradiction(profile, "dpop_bound_access_tokens", "true")
    _check_algorithms(profile, provider, metadata)


def client_settings(signed: bool, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings for a client that has the profile.

    :param signed: whether the client also has to sign its requests.
    """
    values = {name: FIXED[name] for name in FOR_CLIENT}
    for name in LIMITED_FOR_CLIENT:
        values[name] = tuple(word for word in settings[name] if word in LIMITED[name])
    values["oauth.clock_skew"] = min(settings["oauth.clock_skew"], SKEW[1])
    if signed:
        claims = (*settings["oauth.request_object_claims"], *REQUIRED_CLAIMS)
        longest = settings["oauth.request_object_max_lifetime"] or LONGEST_REQUEST_OBJECT
        values["oauth.request_object_claims"] = tuple(dict.fromkeys(claims))
        values["oauth.request_object_max_lifetime"] = min(longest, LONGEST_REQUEST_OBJECT)
    return values


def _check_algorithms(profile: str, provider: Provider, metadata: dict[str, Any]) -> None:
    """Set or check the algorithms of ID tokens, assertions and request objects."""
    available = [alg for alg in ALGORITHMS if alg in provider.settings["oidc.signing_algs"]]
    if not available:
        raise InvalidClientMetadata(
            "profile", f"The profile {profile} requires one of {', '.join(ALGORITHMS)} here."
        )
    if metadata["id_token_signed_response_alg"] == "RS256":
        metadata["id_token_signed_response_alg"] = available[0]
    for member in (
        "id_token_signed_response_alg",
        "token_endpoint_auth_signing_alg",
        "request_object_signing_alg",
        "authorization_signed_response_alg",
        "introspection_signed_response_alg",
        "userinfo_signed_response_alg",
    ):
        if metadata.get(member, ALGORITHMS[0]) not in ALGORITHMS:
            raise _contradiction(profile, member, f"one of {', '.join(ALGORITHMS)}")


def _contradiction(profile: str, member: str, required: str) -> InvalidClientMetadata:
    return InvalidClientMetadata(member, f"The profile {profile} requires {member}: {required}.")


def _rules(fixed: Mapping[str, Any]) -> tuple[Callable[[Registry], str | None], ...]:
    return (
        partial(require_values, fixed),
        limit_words,
        limit_response_types,
        reject_password,
        limit_times,
    )


def includeme(config: Configurator) -> None:
    """Offer the profiles."""
    config.add_oauth_profile(
        SECURITY,
        DEFAULTS,
        _rules(FIXED),
        client=partial(check_client, False),
        client_settings=partial(client_settings, False),
    )
    config.add_oauth_profile(
        MESSAGE_SIGNING,
        SIGNED_DEFAULTS,
        (*_rules(SIGNED_FIXED), require_claims),
        client=partial(check_client, True),
        client_settings=partial(client_settings, True),
    )
