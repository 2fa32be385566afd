"""oidcserver: an OAuth 2.0 and OpenID Connect provider.

``pserve development.ini`` runs it; ``config.include("oidcserver")`` puts it inside a Pyramid
application.
"""

from typing import Any

from pyramid.config import Configurator

from oidcserver.endpoints.published import PublishedDocuments
from oidcserver.plugins.request_class import define_request_class
from oidcserver.settings import words

#: Every concern, top to bottom; each offers through the directives of the first.
CONCERNS = (
    "oidcserver.plugins",
    "oidcserver.models",
    "oidcserver.keys",
    "oidcserver.security",
    "oidcserver.operations",
    "oidcserver.oauth",
    "oidcserver.oauth.profiles",
    "oidcserver.client_auth",
    "oidcserver.extensions",
    "oidcserver.oidc",
    "oidcserver.grants",
    "oidcserver.endpoints",
    "oidcserver.sessions",
    "oidcserver.resource",
    "oidcserver.views",
)


def includeme(config: Any) -> None:
    """Include every concern, and last the plugins that ``oidcserver.includes`` names."""
    for concern in CONCERNS:
        config.include(concern)
    for plugin in words(config.registry.settings.get("oidcserver.includes", "")):
        config.include(plugin)


def main(global_config: Any, **settings: Any) -> Any:
    """Return the WSGI application of an ini file (PasteDeploy's ``app_factory``)."""
    with Configurator(settings=settings) as config:
        config.include("oidcserver")
        config.registry.provider.embedded = False
        define_request_class(config)
        config.set_execution_policy(PublishedDocuments(config.registry))
    return config.make_wsgi_app()
