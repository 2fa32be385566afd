"""Tokens that are bound to the client's TLS certificate, and the mTLS host (RFC 8705)."""

from typing import Any
from urllib.parse import urlsplit

from oidcserver.extensions.sender_constraints import REQUIRED, SETTING, WAYS, selects
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.settings import issuer
from oidcserver.types import Configurator, Provider, Registry

BASE_URL = "oauth.mtls_base_url"
PROXIES = "oauth.client_certificate_proxies"
MEMBER, CONFIRMATION = WAYS["mtls"]
METHODS = ("tls_client_auth", "self_signed_tls_client_auth")
#: The endpoints that clients call themselves, and that a user's browser never opens (section 5).
ENDPOINTS = (
    "token",
    "revocation",
    "introspection",
    "userinfo",
    "pushed_authorization_request",
    "device_authorization",
    "backchannel_authentication",
)


def bind_to_certificate(token_request: OAuthRequest) -> None:
    """Bind the tokens to the certificate, where the client or the provider requires it.

    A certificate by itself binds nothing: the client may present it for another reason.
    """
    settings = token_request.provider.settings
    required = settings[REQUIRED] and token_request.confirmation is None
    if not (required or token_request.client.member(MEMBER)):
        return
    certificate = token_request.request.oidc.client_certificate
    if certificate is not None and certificate.thumbprint is not None:
        token_request.confirm(CONFIRMATION, certificate.thumbprint)


def base_url(raw: str) -> str:
    """Return the URL of a host, with a path or without."""
    return issuer(raw) if raw.strip() else ""


def _aliases(provider: Provider) -> dict[str, Any] | None:
    base = provider.settings[BASE_URL]
    if not base:
        return None
    return {
        f"{name}_endpoint": base + provider.endpoints[name].removeprefix(provider.route_prefix)
        for name in ENDPOINTS
        if name in provider.endpoints
    }


def _require_proxies(registry: Registry) -> str | None:
    """Require a named proxy: certificates in headers of anybody would prove nothing."""
    provider = registry.oidc.provider
    settings = provider.settings
    selected = [f"{SETTING} selects mtls"] if selects("mtls")(provider) else []
    methods = [name for name in METHODS if name in provider.client_authentication_methods]
    if methods:
        selected.append(f"oauth.token_endpoint_auth_methods selects {' and '.join(methods)}")
    if selected and not settings[PROXIES]:
        return (
            f"{', and '.join(selected)}, but {PROXIES} is empty: name the addresses of the proxies "
            "that check client certificates."
        )
    if not settings[BASE_URL]:
        return None
    if not selected:
        return f"{BASE_URL} is set, but neither oauth.sender_constraints nor a method uses mTLS."
    if provider.secure and urlsplit(settings[BASE_URL]).scheme != "https":
        return f"{BASE_URL} has to be https, as oidc.issuer is."
    return None


def includeme(config: Configurator) -> None:
    """Add the setting and the metadata."""
    config.add_oauth_setting(
        BASE_URL,
        base_url,
        "",
        "The URL of the host that requests client certificates, if it is not the issuer: discovery "
        "names its endpoints as mtls_endpoint_aliases.",
    )
    config.add_server_metadata(
        "tls_client_certificate_bound_access_tokens",
        lambda provider: selects("mtls")(provider) or None,
    )
    config.add_server_metadata("mtls_endpoint_aliases", _aliases)
    config.add_startup_check("client certificates", _require_proxies)
