"""The profile ``mcp``: what clients of the Model Context Protocol need of a server."""

from oidcserver.profiles.oauth21 import PKCE_FOR_ALL, reject_implicit, reject_password, require_pkce
from oidcserver.profiles.sentences import requires
from oidcserver.types import Configurator, Registry

#: Clients find out about the server in one or the other, and the flow needs the rest.
ENDPOINTS = (
    "authorization",
    "token",
    "openid_configuration",
    "oauth_authorization_server",
)
DEFAULTS = {
    **PKCE_FOR_ALL,
    "oauth.client_id_metadata_documents": True,
    # Registered clients too give the port of their moment.
    "oauth.localhost_any_port": True,
    "oauth.access_token_lifetime": 3600,
    # Clients repeat a refresh whose answer they lost within half a minute.
    "oauth.public_refresh_token_retry_window": 30,
    # Each installation registers anew.
    "oauth.registration_unused_lifetime": 30 * 86400,
}
#: Some clients refresh a token so many seconds before its end.
REFRESHED_BEFORE = 300


def require_documents(registry: Registry) -> str | None:
    """Require client ID metadata documents, which take the place of registration."""
    name = "oauth.client_id_metadata_documents"
    if not registry.oidc.provider.settings[name]:
        return requires(registry, f"client ID metadata documents: remove {name}")
    return None


def require_public_clients(registry: Registry) -> str | None:
    """Require the method of public clients, without which clients do not offer a document."""
    if "none" not in registry.oidc.provider.client_authentication_methods:
        return requires(registry, "none among oauth.token_endpoint_auth_methods: add it there")
    return None


def require_code(registry: Registry) -> str | None:
    """Require the one flow that clients have."""
    if "authorization_code" not in registry.oidc.provider.grant_types:
        return requires(registry, "authorization_code among oauth.grants: add it there")
    return None


def require_endpoints(registry: Registry) -> str | None:
    """Require the endpoints of the flow, and both discovery documents."""
    missing = [name for name in ENDPOINTS if name not in registry.oidc.provider.endpoints]
    if missing:
        names = " and ".join(missing)
        return requires(registry, f"{names} among oauth.endpoints: add what is missing")
    return None


def require_lasting_tokens(registry: Registry) -> str | None:
    """Require tokens that are not refreshed as soon as they are issued."""
    lifetime = registry.oidc.provider.settings["oauth.access_token_lifetime"]
    if lifetime <= REFRESHED_BEFORE:
        return requires(
            registry,
            f"oauth.access_token_lifetime of more than {REFRESHED_BEFORE} seconds, since clients "
            "refresh tokens so long before their end",
        )
    return None


def require_end_of_registrations(registry: Registry) -> str | None:
    """Require that clients that registered themselves, one for each installation, are removed."""
    provider, name = registry.oidc.provider, "oauth.registration_unused_lifetime"
    if "registration" in provider.endpoints and not provider.settings[name]:
        return requires(
            registry, f"the end of unused clients that registered themselves: set {name}"
        )
    return None


def includeme(config: Configurator) -> None:
    """Offer the profile."""
    config.add_oauth_profile(
        "mcp",
        DEFAULTS,
        rules=(
            reject_implicit,
            reject_password,
            require_pkce,
            require_documents,
            require_public_clients,
            require_code,
            require_endpoints,
            require_lasting_tokens,
            require_end_of_registrations,
        ),
    )
