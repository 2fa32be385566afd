"""Both discovery documents, computed from what was selected.

OpenID Connect Discovery section 4, RFC 8414 section 3.
"""

import json

from pyramid.response import Response

from oidcserver.endpoints.published import PublicDocument
from oidcserver.plugins.selection import ASSEMBLE
from oidcserver.types import Configurator, Request

MAX_AGE = 3600


def discovery(request: Request) -> Response:
    """Return the metadata: bytes that are made once."""
    return PublicDocument(request.registry.oidc.discovery_document, "application/json", MAX_AGE)


def includeme(config: Configurator) -> None:
    """Offer the documents, and what every document says."""
    config.add_server_metadata("issuer", lambda provider: provider.issuer)
    for name, pattern in (
        ("openid_configuration", "/.well-known/openid-configuration"),
        ("oauth_authorization_server", "/.well-known/oauth-authorization-server"),
    ):
        config.add_oauth_endpoint(
            name, pattern, discovery, methods=("GET",), cors=True, transaction=False,
            metadata_field=None, well_known=True,
        )  # fmt: skip

    def make_document() -> None:
        document = config.registry.oidc.provider.discovery()
        config.registry.oidc.discovery_document = json.dumps(document).encode()

    config.action(("oauth", "discovery document"), make_document, order=ASSEMBLE)
