"""The JWK Set of the provider (RFC 7517 section 5)."""

from pyramid.response import Response

from oidcserver.endpoints.published import PublicDocument
from oidcserver.types import Configurator, Registry, Request

#: Shorter than the time between the publication of a key and its first use.
MAX_AGE = 300
#: The settings that say how long a signed token is to be verified.
TOKEN_LIFETIMES = ("oidc.id_token_lifetime", "oauth.access_token_lifetime")


def jwks(request: Request) -> Response:
    """Return the public keys: bytes that are made once for each change of the keys."""
    keys = request.oidc.provider.keys
    etag = keys.etag  # first: an old tag with a new set only costs a client one more request
    response = PublicDocument(keys.jwks(), "application/jwk-set+json", MAX_AGE)
    response.etag = etag
    response.conditional_response = True
    return response


def check_key_lifetimes(registry: Registry) -> str | None:
    """Require that clients can get the key of every token: published before, and kept after."""
    settings = registry.oidc.provider.settings
    if settings["oidc.key_publish_before"] <= MAX_AGE:
        return (
            f"oidc.key_publish_before has to exceed {MAX_AGE} seconds, for which a client may keep "
            "the keys it fetched."
        )
    lifetimes = {name: settings[name] for name in TOKEN_LIFETIMES}
    for resource in registry.oidc.provider.resources.values():
        name = f"the access_token_lifetime of {resource.uri}"
        lifetimes[name] = resource.access_token_lifetime or 0
    longest = max(lifetimes, key=lambda name: lifetimes[name])
    if settings["oidc.key_keep_after"] < lifetimes[longest]:
        return (
            f"oidc.key_keep_after = {settings['oidc.key_keep_after']} seconds is shorter than "
            f"{longest} = {lifetimes[longest]} seconds: tokens would outlive their key."
        )
    if settings["oidc.decryption_algs"] and settings["oidc.key_keep_after"] <= MAX_AGE:
        return (
            f"oidc.key_keep_after has to exceed {MAX_AGE} seconds, for which a client may encrypt "
            "to a key it fetched before a rotation."
        )
    return None


def includeme(config: Configurator) -> None:
    """Offer the endpoint."""
    config.add_startup_check("key lifetimes", check_key_lifetimes)
    config.add_oauth_endpoint(
        "jwks",
        "/oauth/jwks.json",
        jwks,
        methods=("GET",),
        cors=True,
        transaction=False,
        metadata_field="jwks_uri",
    )
