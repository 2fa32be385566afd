"""The JWK Set of the provider (RFC 7517 section 5)."""

from typing import Any

from pyramid.response import Response

from oidcserver.security.cors import allow_any_origin

#: Shorter than the time between the publication of a key and its first use.
MAX_AGE = 300


def jwks(request: Any) -> Response:
    """Return the public keys: bytes that are made once for each change of the keys."""
    keys = request.provider.keys
    etag = keys.etag  # first: an old tag with a new set only costs a client one more request
    response = Response(body=keys.jwks(), content_type="application/jwk-set+json", charset=None)
    response.etag = etag
    response.conditional_response = True
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    return allow_any_origin(response)


def includeme(config: Any) -> None:
    """Offer the endpoint."""
    config.add_oauth_endpoint(
        "jwks", "/oauth/jwks.json", jwks, methods=("GET",), metadata_field="jwks_uri"
    )
