"""The settings of a resource application: ``oauth_resource.*``."""

from urllib.parse import urlsplit

from oidcserver.resource.validators import (
    IntrospectionValidator,
    JWKSValidator,
    LocalValidator,
    TokenValidator,
)
from oidcserver.settings import (
    ConfigurationProblem,
    Setting,
    Settings,
    convert_settings,
    integer,
    issuer,
    reference,
    seconds,
    text,
)
from oidcserver.types import Registry

PREFIX = "oauth_resource."
SETTINGS: tuple[Setting, ...] = (
    Setting("oauth_resource.validator", text, None,
            "How tokens are validated; default: local if the provider is in this process.",
            allowed=("local", "introspection", "jwks")),
    Setting("oauth_resource.issuer", issuer, "", "The provider's issuer, for jwks."),
    Setting("oauth_resource.jwks_uri", text, "",
            "The URL of the provider's keys; empty: from the discovery document."),
    Setting("oauth_resource.audience", text, "",
            "The audience that tokens must have; required for jwks."),
    Setting("oauth_resource.introspection_endpoint", text, "",
            "The URL of the introspection endpoint, for introspection."),
    Setting("oauth_resource.client_id", text, "",
            "The client_id of this resource server, for introspection."),
    Setting("oauth_resource.client_secret", reference, "",
            "The secret of that client: env:NAME or file:PATH."),
    Setting("oauth_resource.max_staleness", seconds, 0,
            "How long an introspection response is reused; a revocation takes effect after it."),
    Setting("oauth_resource.places", integer, 3,
            "How many requests of a process may wait for the provider at once: fewer than the "
            "server's threads, which are 4 by default."),
)  # fmt: skip


def make_validator(registry: Registry) -> TokenValidator:
    """Return the validator that the settings select.

    :raises ConfigurationProblem: if the settings are incomplete or contradict each other.
    """
    known = {setting.name for setting in SETTINGS}
    raw = registry.settings
    for key in raw:
        if key.startswith(PREFIX) and key not in known:
            raise ConfigurationProblem(f"{key} is unknown. Known: {', '.join(sorted(known))}.")
    settings = convert_settings(SETTINGS, raw)
    own_provider = hasattr(registry.oidc, "provider")
    chosen = settings["oauth_resource.validator"] or ("local" if own_provider else "")
    if chosen == "local":
        if not own_provider:
            raise ConfigurationProblem(
                "oauth_resource.validator = local needs the provider in the same application."
            )
        return LocalValidator()
    if chosen == "introspection":
        return _introspection(settings, str(raw.get("oauth_resource.client_secret", "")))
    if chosen == "jwks":
        return _jwks(settings)
    raise ConfigurationProblem("oauth_resource.validator is missing: introspection or jwks.")


def _introspection(settings: Settings, raw_secret: str) -> TokenValidator:
    _require(settings, "introspection_endpoint", "client_id", "client_secret")
    if not raw_secret.strip().startswith(("env:", "file:")):
        raise ConfigurationProblem(
            "oauth_resource.client_secret must not contain the secret itself: write env:NAME or "
            "file:PATH."
        )
    endpoint = settings["oauth_resource.introspection_endpoint"]
    _require_https(endpoint)
    return IntrospectionValidator(
        endpoint,
        settings["oauth_resource.client_id"],
        settings["oauth_resource.client_secret"],
        max_staleness=settings["oauth_resource.max_staleness"],
        audience=settings["oauth_resource.audience"],
        places=settings["oauth_resource.places"],
    )


def _jwks(settings: Settings) -> TokenValidator:
    _require(settings, "issuer", "audience")
    issuer_url, jwks_uri = settings["oauth_resource.issuer"], settings["oauth_resource.jwks_uri"]
    _require_https(issuer_url)
    if jwks_uri:
        _require_https(jwks_uri)
    audience, places = settings["oauth_resource.audience"], settings["oauth_resource.places"]
    return JWKSValidator(issuer_url, jwks_uri, audience, places=places)


def _require(settings: Settings, *names: str) -> None:
    missing = [PREFIX + name for name in names if not settings[PREFIX + name]]
    if missing:
        raise ConfigurationProblem(f"These settings are missing: {', '.join(missing)}.")


def _require_https(url: str) -> None:
    parts = urlsplit(url)
    loopback = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise ConfigurationProblem(f"{url} is not https, so tokens would be sent unencrypted.")
