"""The profiles of FAPI 2.0: Security Profile and Message Signing (OpenID Foundation, final).

The settings of ``fapi2_security`` are those of section 5.3.2 of the Security Profile, the
algorithms those of section 5.4. A client of a provider without the profile may have it for itself:
``profile = fapi2_security`` in its metadata.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from oidcserver.clients.problems import InvalidClientMetadata
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

#: Settings that have to have this value.
FIXED: Mapping[str, Any] = {
    "oauth.require_pushed_authorization_requests": True,
    "oauth.require_sender_constraint": True,
    "oauth.pkce_required": "all",
    "oauth.pkce_exemptions": False,
    "oauth.assertion_audience": "issuer",
    "oauth.refresh_token_rotation": "public",
    "oauth.localhost_any_port": False,
}
#: Settings whose words have to be some of these.
LIMITED: Mapping[str, tuple[str, ...]] = {
    "oauth.token_endpoint_auth_methods": METHODS,
    "oauth.token_endpoint_auth_signing_algs": ALGORITHMS,
    "oauth.dpop_signing_algs": ALGORITHMS,
    "oauth.request_object_signing_algs": ALGORITHMS,
    "oidc.signing_algs": ALGORITHMS,
}
DEFAULTS: Mapping[str, Any] = {
    **FIXED,
    **LIMITED,
    "oauth.token_endpoint_auth_methods": ("private_key_jwt",),
    "oauth.grants": GRANTS,
    "oauth.response_types": ("code",),
    "oauth.sender_constraints": ("dpop",),
    "oauth.access_token_signing_alg": ALGORITHMS[0],
    # FAPI-CIBA section 5.2.2, where the grant ciba is selected.
    "oidc.ciba_require_signed_request": True,
    "oidc.ciba_require_binding_message": True,
    "oidc.ciba_request_signing_algs": CIBA_ALGORITHMS,
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
#: The settings that have this value for a client with the profile. The other values of FIXED are
#: members of its metadata.
FIXED_FOR_CLIENT: Mapping[str, Any] = {
    "oauth.assertion_audience": "issuer",
    "oauth.refresh_token_rotation": "public",
    "oauth.localhost_any_port": False,
    "oidc.ciba_require_signed_request": True,
    "oidc.ciba_require_binding_message": True,
}
#: The settings whose words are limited to these for such a client.
LIMITED_FOR_CLIENT: Mapping[str, tuple[str, ...]] = {
    "oidc.signing_algs": ALGORITHMS,
    "oauth.token_endpoint_auth_signing_algs": ALGORITHMS,
    "oauth.dpop_signing_algs": ALGORITHMS,
    "oauth.request_object_signing_algs": ALGORITHMS,
    "oidc.ciba_request_signing_algs": CIBA_ALGORITHMS,
}
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


def require_values(profile: str, fixed: Mapping[str, Any], registry: Registry) -> str | None:
    """Require the values of the profile."""
    settings = registry.oidc.provider.settings
    problems = [
        f"oauth.profile = {profile} requires {name} = {_as_written(value)}: remove {name}, which "
        "the profile sets."
        for name, value in fixed.items()
        if settings[name] != value
    ]
    return "\n".join(problems) or None


def limit_words(profile: str, registry: Registry) -> str | None:
    """Allow no other methods and algorithms than those of the profile."""
    settings = registry.oidc.provider.settings
    problems = [
        f"oauth.profile = {profile} does not allow {name} = {' '.join(others)}: remove "
        f"{'these words' if others[1:] else 'this word'}, or {name}, which the profile sets."
        for name, allowed in LIMITED.items()
        if (others := sorted(set(settings[name]) - set(allowed)))
    ]
    return "\n".join(problems) or None


def require_flows(profile: str, registry: Registry) -> str | None:
    """Allow the response type ``code`` alone, no password grant, and short lifetimes."""
    provider = registry.oidc.provider
    others = sorted(provider.response_types - {"code"})
    if others:
        return f"oauth.profile = {profile} does not allow the response type {others[0]!r}."
    if "password" in provider.grant_types:
        return f"oauth.profile = {profile} does not allow the password grant."
    if provider.settings["oauth.authorization_code_lifetime"] > LONGEST_CODE:
        return (
            f"oauth.profile = {profile} requires oauth.authorization_code_lifetime of at most "
            f"{LONGEST_CODE} seconds."
        )
    if provider.settings["oauth.pushed_request_lifetime"] >= LONGEST_PUSHED_REQUEST:
        return (
            f"oauth.profile = {profile} requires oauth.pushed_request_lifetime of less than "
            f"{LONGEST_PUSHED_REQUEST} seconds."
        )
    return None


def require_claims(registry: Registry) -> str | None:
    """Require the claims and the short life of request objects."""
    settings = registry.oidc.provider.settings
    missing = [it for it in REQUIRED_CLAIMS if it not in settings["oauth.request_object_claims"]]
    if missing:
        return (
            f"oauth.profile = {MESSAGE_SIGNING} requires {' '.join(missing)} in "
            "oauth.request_object_claims."
        )
    if not 0 < settings["oauth.request_object_max_lifetime"] <= LONGEST_REQUEST_OBJECT:
        return (
            f"oauth.profile = {MESSAGE_SIGNING} requires oauth.request_object_max_lifetime of at "
            f"most {LONGEST_REQUEST_OBJECT} seconds, and not 0."
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
            raise _contradiction(profile, member, _as_written(value))
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
    values = dict(FIXED_FOR_CLIENT)
    for name, allowed in LIMITED_FOR_CLIENT.items():
        values[name] = tuple(word for word in settings[name] if word in allowed)
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


def _as_written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _rules(profile: str, fixed: Mapping[str, Any]) -> tuple[Callable[[Registry], str | None], ...]:
    return (
        partial(require_values, profile, fixed),
        partial(limit_words, profile),
        partial(require_flows, profile),
    )


def includeme(config: Configurator) -> None:
    """Offer the profiles."""
    config.add_oauth_profile(
        SECURITY,
        DEFAULTS,
        _rules(SECURITY, FIXED),
        client=partial(check_client, False),
        client_settings=partial(client_settings, False),
    )
    config.add_oauth_profile(
        MESSAGE_SIGNING,
        SIGNED_DEFAULTS,
        (*_rules(MESSAGE_SIGNING, SIGNED_FIXED), require_claims),
        client=partial(check_client, True),
        client_settings=partial(client_settings, True),
    )
