"""The one name of ours on Pyramid's objects: ``request.oidc`` and ``registry.oidc``.

Each concern adds its attributes with ``config.add_oidc_attribute`` and its methods with
``config.add_oidc_method``; :mod:`oidcserver.types` describes all of them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from pyramid.decorator import reify

from oidcserver.types import Configurator, RegistryOidc, Request


class RequestAttributes:
    """The base of the class that each application makes for its ``request.oidc``."""

    def __init__(self, request: Request) -> None:
        self.request = request


def add_oidc_attribute(config: Configurator, name: str, function: Callable[[Request], Any]) -> None:
    """Add an attribute to ``request.oidc``.

    :param function: takes Pyramid's request; it is called at the first access, once a request.
    """

    def attribute(own: RequestAttributes) -> Any:
        return function(own.request)

    attribute.__name__ = name  # reify keeps the value under this name
    _add(config, name, reify(attribute))


def add_oidc_method(
    config: Configurator, function: Callable[..., Any], name: str | None = None
) -> None:
    """Add a method to ``request.oidc``.

    :param function: takes Pyramid's request and the arguments of the call.
    :param name: of the method; by default that of the function.
    """

    def method(own: RequestAttributes, *arguments: Any, **options: Any) -> Any:
        return function(own.request, *arguments, **options)

    _add(config, name or function.__name__, method)


def _add(config: Configurator, name: str, member: Any) -> None:
    attributes = config.registry.oidc.request_class
    introspectable = config.introspectable("request.oidc", name, name, "request.oidc")
    config.action(
        ("request.oidc", name),
        partial(setattr, attributes, name, member),
        introspectables=(introspectable,),
    )


def _open(request: Request) -> Any:
    return request.registry.oidc.request_class(request)


def includeme(config: Configurator) -> None:
    """Add ``request.oidc``, ``registry.oidc`` and the directives that add to the former."""
    if getattr(config.registry, "oidc", None) is not None:
        return  # the provider and oidcserver.resource both include this
    config.registry.oidc = RegistryOidc(type("RequestOidc", (RequestAttributes,), {}))
    config.add_directive("add_oidc_attribute", add_oidc_attribute)
    config.add_directive("add_oidc_method", add_oidc_method)
    config.add_request_method(_open, "oidc", reify=True)
