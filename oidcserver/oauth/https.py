"""The scheme of the issuer: https, and http on this machine in development."""

from urllib.parse import urlsplit

from oidcserver.http.addresses import is_loopback
from oidcserver.types import Configurator, Registry


def require_https(registry: Registry) -> str | None:
    """Require https; in development http is allowed on this machine."""
    provider = registry.oidc.provider
    if provider.secure:
        return None
    if provider.settings["oidcserver.mode"] == "production":
        return f"oidc.issuer = {provider.issuer} is http: in production it has to be https."
    if not is_loopback(urlsplit(provider.issuer).hostname or ""):
        return f"oidc.issuer = {provider.issuer} is http: that is for localhost only."
    return None


def includeme(config: Configurator) -> None:
    """Add the check."""
    config.add_startup_check("https", require_https)
