"""Token endpoint authentication methods, by the names of their IANA registry (RFC 7591)."""

from functools import partial

from oidcserver.client_auth.client_secret import ClientSecretBasic, ClientSecretPost
from oidcserver.client_auth.client_secret_jwt import ClientSecretJWT
from oidcserver.client_auth.none import NoAuthentication
from oidcserver.client_auth.private_key_jwt import PrivateKeyJWT
from oidcserver.client_auth.self_signed_tls_client_auth import METHOD as SELF_SIGNED_TLS
from oidcserver.client_auth.tls_client_auth import METHOD as TLS
from oidcserver.settings import seconds, text, words
from oidcserver.types import Configurator, Provider, Registry

ALGORITHMS = (*PrivateKeyJWT.algorithms, *ClientSecretJWT.algorithms)

#: The endpoints whose metadata name authentication methods (RFC 8414 section 2).
ENDPOINTS = ("token", "revocation", "introspection")


def includeme(config: Configurator) -> None:
    """Offer the methods, their settings and their metadata."""
    setting = config.add_oauth_setting
    setting(
        "oauth.client_secret_methods",
        text,
        "either",
        "Whether a client may send its secret in the header or the body (either), or only as it "
        "registered (registered).",
        allowed=("either", "registered"),
    )
    setting(
        "oauth.token_endpoint_auth_signing_algs",
        words,
        ALGORITHMS,
        "The algorithms by which a client may sign its assertions.",
        allowed=ALGORITHMS,
    )
    setting(
        "oauth.assertion_audience",
        text,
        "issuer_or_endpoint",
        "The audience of an assertion: the issuer or an endpoint's URL, or the issuer alone.",
        allowed=("issuer_or_endpoint", "issuer"),
    )
    setting(
        "oauth.assertion_max_lifetime",
        seconds,
        300,
        "The longest time until an assertion expires; its jti is stored until then.",
    )
    setting("oauth.clock_skew", seconds, 10,
            "The largest accepted error of a client's clock.")  # fmt: skip
    method = config.add_client_authentication_method
    method("client_secret_basic", ClientSecretBasic())
    method("client_secret_post", ClientSecretPost())
    method("client_secret_jwt", ClientSecretJWT())
    method("private_key_jwt", PrivateKeyJWT())
    for by_certificate in (TLS, SELF_SIGNED_TLS):
        method(by_certificate.name, by_certificate)
    method("none", NoAuthentication())
    for endpoint in ENDPOINTS:
        config.add_server_metadata(
            f"{endpoint}_endpoint_auth_methods_supported", partial(_methods, endpoint)
        )
        config.add_server_metadata(
            f"{endpoint}_endpoint_auth_signing_alg_values_supported",
            partial(_algorithms, endpoint),
        )
    config.add_startup_check("assertion algorithms", _require_algorithms)


def _methods(endpoint: str, provider: Provider) -> list[str]:
    if endpoint not in provider.endpoints:
        return []
    methods = list(provider.client_authentication_methods)
    if endpoint == "introspection" and "none" in methods:
        methods.remove("none")  # RFC 7662 section 2.1: the caller is authenticated
    return methods


def _algorithms(endpoint: str, provider: Provider) -> list[str]:
    """Return the signing algorithms of the selected methods, including those of plugins."""
    if endpoint not in provider.endpoints:
        return []
    return [
        alg
        for method in provider.client_authentication_methods.values()
        for alg in getattr(method, "algorithms", ())
        if alg in provider.settings["oauth.token_endpoint_auth_signing_algs"]
    ]


def _require_algorithms(registry: Registry) -> str | None:
    """Require an algorithm for each selected method that signs."""
    provider = registry.oidc.provider
    name = "oauth.token_endpoint_auth_signing_algs"
    selected = set(provider.settings[name])
    for method_name, method in provider.client_authentication_methods.items():
        algorithms = getattr(method, "algorithms", None)
        if algorithms and selected.isdisjoint(algorithms):
            return (
                f"oauth.token_endpoint_auth_methods selects {method_name}, but {name} has none of "
                f"its algorithms {', '.join(algorithms)}."
            )
    return None
