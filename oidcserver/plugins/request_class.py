"""The class of requests, with all that ``config.add_request_method`` added."""

from pyramid.config import PHASE3_CONFIG
from pyramid.interfaces import IRequestExtensions, IRequestFactory
from pyramid.request import Request

from oidcserver.types import Configurator

#: After all directives that add to requests.
DEFINE = PHASE3_CONFIG + 50


def define_request_class(config: Configurator) -> None:
    """Make one class of requests at the start; Pyramid would make another for each request.

    A class for each request costs more time than most requests need, and Python does not cache its
    attributes. This is only done in our own application: another one may use the extensions.
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
