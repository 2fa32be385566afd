"""A profile: the defaults of a company, and what its ini files must not select."""

from datetime import timedelta

from oidcserver.types import Configurator, Registry

DEFAULTS = {
    "oauth.pkce_required": "all",
    "oauth.access_token_lifetime": int(timedelta(minutes=5).total_seconds()),
    "oidc.session_max_lifetime": int(timedelta(hours=9).total_seconds()),
}


def no_password_grant(registry: Registry) -> str | None:
    """Return a sentence that stops the start, or None."""
    if "password" in registry.oidc.provider.grants:
        return "oauth.profile = house allows no password grant, but oauth.grants selects it."
    return None


def includeme(config: Configurator) -> None:
    """Offer the profile for ``oauth.profile``, and name the company's page for developers."""
    config.add_oauth_profile("house", DEFAULTS, rules=(no_password_grant,))
    config.add_server_metadata("service_documentation", "https://developers.example.com/")
