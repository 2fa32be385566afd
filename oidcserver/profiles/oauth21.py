"""The profile ``oauth21``: OAuth 2.1 (draft-ietf-oauth-v2-1)."""

from oidcserver.profiles.sentences import forbids, requires
from oidcserver.types import Configurator, Registry

#: Every client that gets a code has to use PKCE.
PKCE_FOR_ALL = {"oauth.pkce_required": "all", "oauth.pkce_exemptions": False}


def reject_implicit(registry: Registry) -> str | None:
    """Reject response types with access tokens, and a grant that is left without response types."""
    provider = registry.oidc.provider
    with_token = sorted(kind for kind in provider.response_types if "token" in kind.split())
    if with_token:
        return forbids(
            registry,
            "an access token in the authorization response: take these response types out of "
            f"oauth.response_types, or their grants out of oauth.grants: {', '.join(with_token)}",
        )
    unused = [
        name
        for name in ("implicit", "hybrid")
        if name in provider.grants
        and provider.response_types.isdisjoint(provider.grants[name].response_types)
    ]
    if unused:
        return forbids(
            registry,
            f"oauth.grants = {' '.join(unused)} where oauth.response_types has no response type "
            "of it: remove it from oauth.grants",
        )
    return None


def reject_password(registry: Registry) -> str | None:
    """Reject the password grant, which OAuth 2.1 does not have."""
    if "password" in registry.oidc.provider.grant_types:
        return forbids(registry, "the password grant: remove password from oauth.grants")
    return None


def require_pkce(registry: Registry) -> str | None:
    """Require PKCE of every client, as OAuth 2.1 does."""
    settings = registry.oidc.provider.settings
    for name, value in PKCE_FOR_ALL.items():
        if settings[name] != value:
            return requires(registry, f"PKCE of every client: remove {name}")
    return None


def includeme(config: Configurator) -> None:
    """Offer the profile."""
    config.add_oauth_profile(
        "oauth21",
        PKCE_FOR_ALL,
        rules=(reject_implicit, reject_password, require_pkce),
    )
