"""Publishes the metadata of the protected resources (RFC 9728)."""

from typing import Any

from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.traversal import DefaultRootFactory

from oidcserver.http.cors import allow_any_origin
from oidcserver.keys.strict_json import compact
from oidcserver.plugins.endpoints import preflight
from oidcserver.resource.protected_resources import WELL_KNOWN, ProtectedResource
from oidcserver.resource.settings import local_provider, read_settings
from oidcserver.settings import ConfigurationProblem
from oidcserver.types import Configurator, Registry, Request

MAX_AGE = 3600


def publish(config: Configurator) -> None:
    """Add the route and the view of each document, at the root of the host.

    If there is only one resource, its document is also at the well-known path itself, for clients
    that do not append the path of the resource.
    """
    registry = config.registry
    declared = registry.oidc.protected_resources
    _require_provider(registry)
    paths = {resource.path: resource for resource in declared.values()}
    if len(declared) == 1:
        paths.setdefault(WELL_KNOWN, next(iter(declared.values())))
    prefix, config.route_prefix = config.route_prefix, None
    for number, (path, resource) in enumerate(paths.items()):
        name = f"oidc.protected_resource_{number}"
        config.add_route(name, path, factory=DefaultRootFactory)
        config.add_view(
            _Document(resource),
            route_name=name,
            permission=NO_PERMISSION_REQUIRED,
            require_csrf=False,
        )
    config.route_prefix = prefix


def _require_provider(registry: Registry) -> None:
    """Require that the authorization server is known (RFC 9728 section 2)."""
    known = local_provider(registry) or read_settings(registry)["oauth_resource.issuer"]
    if registry.oidc.protected_resources and not known:
        raise ConfigurationProblem(
            "oauth_resource.issuer is missing: the metadata of a resource name its provider."
        )


class _Document:
    """The view of the metadata of one resource."""

    def __init__(self, resource: ProtectedResource) -> None:
        self._resource = resource
        self._body = b""  # made at the first request, when all metadata are known

    def __call__(self, request: Request) -> Response:
        """Return the document to a script of any origin."""
        if request.method == "OPTIONS":
            return preflight("GET, OPTIONS")
        if request.method not in {"GET", "HEAD"}:
            return Response(status=405, headerlist=[("Allow", "GET, OPTIONS")])
        self._body = self._body or compact(document(request.registry, self._resource)).encode()
        response = Response(body=self._body, content_type="application/json", charset=None)
        response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
        return allow_any_origin(response)


def document(registry: Registry, resource: ProtectedResource) -> dict[str, Any]:
    """Return the metadata of a resource (RFC 9728 section 2)."""
    settings, provider = read_settings(registry), local_provider(registry)
    issuer = provider.issuer if provider else settings["oauth_resource.issuer"]
    servers = dict.fromkeys([issuer, *settings["oauth_resource.authorization_servers"]])
    metadata = {
        "resource": resource.uri,
        "authorization_servers": list(servers),
        "scopes_supported": list(resource.scopes),
        "resource_name": resource.name,
        **registry.oidc.key_confirmation.metadata(),
    }
    return {name: value for name, value in metadata.items() if value not in (False, "", [])}
