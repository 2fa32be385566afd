"""An application elsewhere that accepts the provider's access tokens.

``python orders.py`` serves it at http://localhost:6545. The variable ``ISSUER`` is the URL of the
provider, and ``CLIENT_ID`` and ``CLIENT_SECRET`` are those of a client that may introspect tokens.
"""

import os
import sys
from typing import Any

from pyramid.config import Configurator
from waitress import serve

from oidcserver.types import Request


def orders(request: Request) -> dict[str, str]:
    """Return the orders of the token's user."""
    return {"owner": request.oidc.access_token.subject}


def make_app(**settings: str) -> Any:
    """Return the WSGI application; ``oauth_resource.*`` says how tokens are checked."""
    with Configurator(settings=settings) as config:
        config.include("oidcserver.resource")
        config.add_route("orders", "/orders")
        config.add_view(orders, route_name="orders", renderer="json", oauth_scope="orders:read")
    return config.make_wsgi_app()


def introspection(issuer: str, client_id: str) -> dict[str, str]:
    """Return the settings of an application that asks the provider about each token."""
    return {
        "oauth_resource.validator": "introspection",
        "oauth_resource.introspection_endpoint": f"{issuer}/oauth/introspect",
        "oauth_resource.client_id": client_id,
        "oauth_resource.client_secret": "env:CLIENT_SECRET",
        "oauth_resource.audience": issuer,
    }


if __name__ == "__main__":
    missing = {"ISSUER", "CLIENT_ID", "CLIENT_SECRET"} - os.environ.keys()
    if missing:
        sys.exit(f"Set {', '.join(sorted(missing))}: docs/protecting.md describes how to try this.")
    settings = introspection(os.environ["ISSUER"], os.environ["CLIENT_ID"])
    serve(make_app(**settings), listen=f"localhost:{os.environ.get('PORT', '6545')}")
