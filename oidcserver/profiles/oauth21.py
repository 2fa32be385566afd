"""The profile ``oauth21``: OAuth 2.1 (draft-ietf-oauth-v2-1)."""

from oidcserver.types import Configurator, Registry

#: Every client that gets a code has to use PKCE.
PKCE_FOR_ALL = {"oauth.pkce_required": "all", "oauth.pkce_exemptions": False}


def reject_implicit(registry: Registry) -> str | None:
    """Reject response types with access tokens, which OAuth 2.1 does not have."""
    types = registry.oidc.provider.response_types
    name = registry.oidc.provider.settings["oauth.profile"]
    with_token = sorted(kind for kind in types if "token" in kind.split())
    if with_token:
        return (
            f"oauth.profile = {name} allows no access token in the authorization response, but "
            f"these response types are selected: {', '.join(with_token)}."
        )
    return None


def reject_password(registry: Registry) -> str | None:
    """Reject the password grant, which OAuth 2.1 does not have."""
    if "password" in registry.oidc.provider.grant_types:
        name = registry.oidc.provider.settings["oauth.profile"]
        return f"oauth.profile = {name} allows no password grant, but oauth.grants selects it."
    return None


def require_pkce(registry: Registry) -> str | None:
    """Require PKCE of every client, as OAuth 2.1 does."""
    settings = registry.oidc.provider.settings
    profile = settings["oauth.profile"]
    for name, value in PKCE_FOR_ALL.items():
        if settings[name] != value:
            return f"oauth.profile = {profile} requires PKCE of every client: remove {name}."
    return None


def includeme(config: Configurator) -> None:
    """Offer the profile."""
    config.add_oauth_profile(
        "oauth21",
        PKCE_FOR_ALL,
        rules=(reject_implicit, reject_password, require_pkce),
    )
