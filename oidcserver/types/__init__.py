"""Types of what the provider puts on Pyramid's objects: the page to look a name up.

Pyramid has no type hints, so :class:`Request`, :class:`Registry` and :class:`Configurator` describe
the parts of its objects that this package uses. Our own names are below ``request.oidc``
(:class:`RequestOidc`) and ``registry.oidc`` (:class:`RegistryOidc`) alone, so that they cannot
collide with those of an embedding application. The directives are methods of the Configurator.
"""

from collections.abc import Callable
from typing import Any

from pyramid.response import Response

from oidcserver.provider import Provider
from oidcserver.types.configurator import Configurator
from oidcserver.types.database import Database, RequestDatabase, Statements
from oidcserver.types.outbound import (
    OPERATOR,
    FetchCause,
    Fetcher,
    FetchResult,
    OutboundFetcher,
    RemoteDocuments,
    RemoteJWKS,
    RemotePictures,
    WaitingPlaces,
)
from oidcserver.types.registry import Registry, RegistryOidc
from oidcserver.types.request import (
    AuthorizationServer,
    ClientCertificate,
    ContentSecurityPolicy,
    Fields,
    Request,
    RequestOidc,
)
from oidcserver.types.sessions import AccessToken, AfterLogout, LoginSession

__all__ = [
    "OPERATOR",
    "AccessToken",
    "AfterLogout",
    "AuthorizationServer",
    "ClientCertificate",
    "Configurator",
    "ContentSecurityPolicy",
    "Database",
    "FetchCause",
    "FetchResult",
    "Fetcher",
    "Fields",
    "Handler",
    "LoginSession",
    "OutboundFetcher",
    "Provider",
    "Registry",
    "RegistryOidc",
    "RemoteDocuments",
    "RemoteJWKS",
    "RemotePictures",
    "Request",
    "RequestDatabase",
    "RequestOidc",
    "Statements",
    "View",
    "WaitingPlaces",
]

#: The handler that a tween wraps.
Handler = Callable[[Request], Response]
#: A view as Pyramid's derivers see it; it takes the context and the request.
View = Callable[[Any, Request], Response]
