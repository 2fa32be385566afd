"""oidcserver: an OAuth 2.0 and OpenID Connect provider.

``pserve development.ini`` runs it; ``config.include("oidcserver")`` puts it inside a Pyramid
application.
"""

from collections.abc import Mapping
from typing import Any

from oidcserver.endpoints.published import PublishedDocuments
from oidcserver.operations.ini_file import make_importable
from oidcserver.plugins.including import SETTING, configured, include_plugin
from oidcserver.plugins.request_class import define_request_class
from oidcserver.types import Configurator

#: The rooms to include, in order; the first of them has the directives that the others call.
CONCERNS = (
    "oidcserver.plugins",
    "oidcserver.database",
    "oidcserver.keys",
    "oidcserver.http",
    "oidcserver.languages",
    "oidcserver.operations",
    "oidcserver.oauth",
    "oidcserver.oauth.https",
    "oidcserver.client_auth",
    "oidcserver.clients.metadata_documents",
    "oidcserver.extensions",
    "oidcserver.oidc",
    "oidcserver.profiles",
    "oidcserver.grants",
    "oidcserver.endpoints",
    "oidcserver.mail",
    "oidcserver.accounts",
    "oidcserver.sessions",
    "oidcserver.resource",
    "oidcserver.resource.api_me",
    "oidcserver.views",
)


def includeme(config: Configurator) -> None:
    """Include every concern, and last the plugins that ``oidcserver.includes`` names."""
    for concern in CONCERNS:
        config.include(concern)
    for plugin in dict.fromkeys(config.registry.settings.get(SETTING, "").split()):
        include_plugin(config, plugin)


def main(global_config: Mapping[str, str], **settings: Any) -> Any:
    """Return the WSGI application of an ini file (PasteDeploy's ``app_factory``).

    Plugins beside the ini file can be imported.
    """
    if "here" in global_config:
        make_importable(global_config["here"])
    with configured(settings) as config:
        define_request_class(config)
        config.set_execution_policy(PublishedDocuments(config.registry))
    return config.make_wsgi_app()
