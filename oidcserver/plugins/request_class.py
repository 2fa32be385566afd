"""The class of requests, with all that ``config.add_request_method`` added."""

from pyramid.config import PHASE3_CONFIG
from pyramid.interfaces import IRequestExtensions, IRequestFactory
from pyramid.request import Request

from oidcserver.types import Configurator

#: After everything that adds to requests.
DEFINE = PHASE3_CONFIG + 50


def define_request_class(config: Configurator) -> None:
    """Make one class of requests for good, where Pyramid would make another for each request.

    That costs more than most requests' own work, and what is read of a new class is never cached.
    For an application of our own: one that embeds the provider may look at the extensions.
    """

    def define() -> None:
        registry = config.registry
        base = registry.queryUtility(IRequestFactory, default=Request)
        extensions = registry.queryUtility(IRequestExtensions)
        if isinstance(base, type):
            members = {**extensions.methods, **extensions.descriptors}
            registry.registerUtility(type("Request", (base,), members), IRequestFactory)
            extensions.methods.clear()
            extensions.descriptors.clear()

    config.action(("oauth", "request class"), define, order=DEFINE)
