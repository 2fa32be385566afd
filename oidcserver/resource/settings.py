"""The settings of a resource application: ``oauth_resource.*``."""

import re
from urllib.parse import SplitResult, urlsplit

from oidcserver.extensions.mutual_tls import base_url
from oidcserver.extensions.sender_constraints import WAYS
from oidcserver.http.addresses import is_this_machine
from oidcserver.http.client_certificate import ENCODINGS, Networks, header_name, networks
from oidcserver.interfaces.resources import resource_key
from oidcserver.keys.jwt import CLIENT_ALGORITHMS
from oidcserver.resource.client_authentication import (
    Authenticate,
    by_key,
    by_secret,
    private_key,
)
from oidcserver.resource.remote_provider import RemoteProvider
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
    boolean,
    ca_bundle,
    convert_settings,
    integer,
    issuer,
    reference,
    refers,
    seconds,
    text,
    words,
)
from oidcserver.types import Provider, Registry

PREFIX = "oauth_resource."
#: The characters of a path that a route can have without an escape.
_PATH = re.compile(r"[A-Za-z0-9._~/-]*", re.ASCII)


def web_resource(raw: str) -> str:
    """Return the https URL of a resource, without query and fragment."""
    uri = raw.strip()
    try:
        parts = urlsplit(resource_key(uri))
    except ValueError:
        parts = urlsplit("")
    if parts.query or "?" in uri or not _PATH.fullmatch(parts.path) or not _is_protected(parts):
        raise ValueError("an https URL without query and fragment: https://api.example.com/orders")
    return uri


def optional_web_resource(raw: str) -> str:
    """Return the https URL of a resource, without query and fragment, or nothing."""
    return web_resource(raw) if raw.strip() else ""


def _is_protected(parts: SplitResult) -> bool:
    """Whether a URL is https, or http on this machine."""
    host = parts.hostname or ""
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(host))
    )


SETTINGS: tuple[Setting, ...] = (
    Setting("oauth_resource.validator", text, None,
            "How tokens are validated; default: local if the provider is in this process.",
            allowed=("local", "introspection", "jwks")),
    Setting("oauth_resource.resource", optional_web_resource, "",
            "The URL of the resource that this application protects: the audience that tokens must "
            "have. Its metadata (RFC 9728) are published."),
    Setting("oauth_resource.scopes", words, (), "The scopes that the metadata name."),
    Setting("oauth_resource.name", text, "", "The name of the resource in its metadata."),
    Setting("oauth_resource.authorization_servers", words, (),
            "The issuers of further providers in the metadata; the one above comes first."),
    Setting("oauth_resource.issuer", issuer, "",
            "The provider's issuer, for jwks, for the metadata and for client_key."),
    Setting("oauth_resource.jwks_uri", text, "",
            "The URL of the provider's keys; empty: from the discovery document."),
    Setting("oauth_resource.audience", text, "",
            "The audience that tokens must have, where no resource is set: introspection and jwks "
            "require one of the two."),
    Setting("oauth_resource.introspection_endpoint", text, "",
            "The URL of the introspection endpoint, for introspection."),
    Setting("oauth_resource.client_id", text, "",
            "The client_id of this resource server, for introspection."),
    Setting("oauth_resource.client_secret", reference, "",
            "The secret of that client: env:NAME or file:PATH."),
    Setting("oauth_resource.client_key", reference, "",
            "The private key of that client instead of a secret, as a JWK or in PEM: env:NAME or "
            "file:PATH."),
    Setting("oauth_resource.max_staleness", seconds, 0,
            "How long an introspection response is reused; a revocation takes effect after it."),
    Setting("oauth_resource.ca_bundle", ca_bundle, None,
            "A PEM file of the certificate authorities that are trusted for the provider, instead "
            "of the system's."),
    Setting("oauth_resource.places", integer, 3,
            "How many requests of a process may wait for the provider at once: fewer than the "
            "server's threads, which are 4 by default."),
    Setting("oauth_resource.url", base_url, "",
            "The public URL of this application, which DPoP proofs name; by default that of the "
            "provider in this process."),
    Setting("oauth_resource.sender_constraints", words, (),
            "The bound tokens that are accepted, without the provider in this process: by DPoP "
            "proofs (dpop), by client certificates (mtls).",
            allowed=tuple(WAYS)),
    Setting("oauth_resource.require_sender_constraint", boolean, False,
            "Whether tokens that are not bound to a key are rejected, without the provider in this "
            "process."),
    Setting("oauth_resource.dpop_signing_algs", words, ("ES256", "PS256", "Ed25519", "EdDSA"),
            "The algorithms by which a client may sign its DPoP proofs.",
            allowed=CLIENT_ALGORITHMS),
    Setting("oauth_resource.dpop_proof_lifetime", seconds, 60,
            "The time after its iat in which a DPoP proof is accepted."),
    Setting("oauth_resource.clock_skew", seconds, 10,
            "The largest accepted error of a client's clock."),
    Setting("oauth_resource.client_certificate_proxies", networks, Networks(),
            "The addresses of the proxies that name the client's certificate in a header."),
    Setting("oauth_resource.client_certificate_header", header_name, "Client-Cert",
            "The header with the client's certificate."),
    Setting("oauth_resource.client_certificate_encoding", text, "rfc9440",
            "The encoding of the certificate; see oauth.client_certificate_encoding.",
            allowed=ENCODINGS),
    Setting("oauth_resource.client_certificate_verify_header", header_name, "Client-Cert-Verify",
            "The header in which the proxy says that it verified the certificate's chain."),
)  # fmt: skip


def read_settings(registry: Registry) -> Settings:
    """Return the settings of the application.

    :raises ConfigurationProblem: for a key that does not exist, or a value that cannot be read.
    """
    known = {setting.name for setting in SETTINGS}
    for key in registry.settings:
        if key.startswith(PREFIX) and key not in known:
            raise ConfigurationProblem(f"{key} is unknown. Known: {', '.join(sorted(known))}.")
    return convert_settings(SETTINGS, registry.settings)


def make_validator(registry: Registry, settings: Settings) -> TokenValidator:
    """Return the validator that the settings select.

    :raises ConfigurationProblem: if the settings are incomplete or contradict each other.
    """
    own_provider = hasattr(registry.oidc, "provider")
    chosen = settings["oauth_resource.validator"] or ("local" if own_provider else "")
    if chosen == "local":
        if not own_provider:
            raise ConfigurationProblem(
                "oauth_resource.validator = local needs the provider in the same application."
            )
        return LocalValidator()
    if chosen == "introspection":
        return _introspection(registry, settings)
    if chosen == "jwks":
        return _jwks(settings, _audience(registry))
    raise ConfigurationProblem("oauth_resource.validator is missing: introspection or jwks.")


def local_provider(registry: Registry) -> Provider | None:
    """Return the provider in this process, if it checks the tokens of this application."""
    provider: Provider | None = getattr(registry.oidc, "provider", None)
    chosen = read_settings(registry)["oauth_resource.validator"]
    return provider if chosen in (None, "local") else None


def _audience(registry: Registry) -> tuple[str, ...]:
    """Return the setting that has to name the audience, unless resources are declared.

    Otherwise a token for any other resource would be accepted (RFC 9700 section 2.3).
    """
    return () if registry.oidc.protected_resources else ("audience",)


def _introspection(registry: Registry, settings: Settings) -> TokenValidator:
    _require(settings, "introspection_endpoint", "client_id", *_audience(registry))
    endpoint = settings["oauth_resource.introspection_endpoint"]
    _require_https(endpoint)
    return IntrospectionValidator(
        endpoint,
        _authentication(registry, settings),
        max_staleness=settings["oauth_resource.max_staleness"],
        audience=settings["oauth_resource.audience"],
        provider=_provider(settings),
    )


def _authentication(registry: Registry, settings: Settings) -> Authenticate:
    chosen = [name for name in ("client_secret", "client_key") if settings[PREFIX + name]]
    if len(chosen) != 1:
        raise ConfigurationProblem(
            "Set either oauth_resource.client_secret or oauth_resource.client_key: by one of them "
            "this application authenticates at the provider."
        )
    [name] = chosen
    if not refers(registry.settings[PREFIX + name]):
        raise ConfigurationProblem(
            f"{PREFIX}{name} must not contain the {name.removeprefix('client_')} itself: write "
            "env:NAME or file:PATH."
        )
    client_id, value = settings["oauth_resource.client_id"], settings[PREFIX + name]
    if name == "client_secret":
        return by_secret(client_id, value)
    _require(settings, "issuer")
    try:
        key = private_key(value)
    except ValueError as problem:
        raise ConfigurationProblem(f"{PREFIX}{name} cannot be used. {problem}") from None
    return by_key(client_id, key, settings["oauth_resource.issuer"])


def _provider(settings: Settings) -> RemoteProvider:
    return RemoteProvider(settings["oauth_resource.places"], settings["oauth_resource.ca_bundle"])


def _jwks(settings: Settings, audience: tuple[str, ...]) -> TokenValidator:
    _require(settings, "issuer", *audience)
    issuer_url, jwks_uri = settings["oauth_resource.issuer"], settings["oauth_resource.jwks_uri"]
    _require_https(issuer_url)
    if jwks_uri:
        _require_https(jwks_uri)
    return JWKSValidator(
        issuer_url,
        jwks_uri,
        settings["oauth_resource.audience"],
        provider=_provider(settings),
        places=settings["oauth_resource.places"],
    )


def _require(settings: Settings, *names: str) -> None:
    missing = [PREFIX + name for name in names if not settings[PREFIX + name]]
    if missing:
        raise ConfigurationProblem(f"These settings are missing: {', '.join(missing)}.")


def _require_https(url: str) -> None:
    try:
        protected = _is_protected(urlsplit(url))
    except ValueError:
        raise ConfigurationProblem(f"{url} is not a URL.") from None
    if not protected:
        raise ConfigurationProblem(f"{url} is not https, so tokens would be sent unencrypted.")
