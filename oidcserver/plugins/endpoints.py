"""How a selected endpoint becomes a route, a view and its metadata."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pyramid.response import Response
from pyramid.viewderivers import INGRESS

from oidcserver.types import Configurator, Request, View

#: Chromium's own limit.
PREFLIGHT_SECONDS = 7200


@dataclass(frozen=True, slots=True)
class EndpointOffer:
    """An endpoint on offer, as ``config.add_oauth_endpoint`` takes it."""

    name: str
    pattern: str
    view: Any
    methods: tuple[str, ...]
    cors: bool
    multipart: bool
    well_known: bool
    transaction: bool
    metadata_field: str | None
    metadata: Mapping[str, Any]
    view_options: Mapping[str, Any]
    config: Configurator

    @property
    def route_name(self) -> str:
        """The route's name."""
        return f"oidc.{self.name}_endpoint"

    def select(self) -> str:
        """Add the route and its view; return the path below the application's root."""
        path = self._add(self.route_name, self.pattern)
        issuer_path = urlsplit(self.config.registry.oidc.provider.issuer).path
        if self.well_known and issuer_path:
            prefix, self.config.route_prefix = self.config.route_prefix, None
            self._add(f"{self.route_name}_of_host", f"{self.pattern}{issuer_path}")
            self.config.route_prefix = prefix
        return path

    def _add(self, route_name: str, pattern: str) -> str:
        self.config.add_oidc_route(route_name, pattern)
        options = {"oidc_methods": self.methods, "oidc_cors": self.cors, **self.view_options}
        self.config.add_oidc_view(self.view, route_name=route_name, **options)
        prefix = self.config.route_prefix
        path = (f"/{prefix.strip('/')}" if prefix else "") + "/" + pattern.lstrip("/")
        if self.cors:
            self.config.registry.oidc.provider.paths_for_scripts.add(path)
        if not self.transaction:
            self.config.registry.oidc.provider.paths_without_transaction.add(path)
        return path


def methods_deriver(view: View, info: Any) -> View:
    """Answer other methods than those of the view option ``oidc_methods`` with 405.

    Pyramid's predicate ``request_method`` would answer 404. A view with ``oidc_cors`` also answers
    preflight requests.
    """
    methods = info.options.get("oidc_methods")
    if methods is None:
        return view
    cors = info.options.get("oidc_cors", False)
    allow = ", ".join((*methods, "OPTIONS") if cors else methods)
    answered = frozenset((*methods, "HEAD") if "GET" in methods else methods)

    def answer(context: Any, request: Request) -> Response:
        if request.method in answered:
            return view(context, request)
        if request.method == "OPTIONS" and cors:
            return preflight(allow)
        return Response(status=405, headerlist=[("Allow", allow), ("Cache-Control", "no-store")])

    return answer


methods_deriver.options = ("oidc_methods", "oidc_cors")  # type: ignore[attr-defined]


def preflight(allow: str) -> Response:
    """Answer a preflight (Fetch standard, CORS protocol), alike for everybody.

    It does not say which client it is for, and to look the origin up in all registrations would
    tell anyone who asks whose applications are registered. It gives nothing away: whether a page
    may read the answer of the request itself is decided there, by the client's own origins.
    """
    headers = [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", allow),
        # The star covers what libraries add, such as a protocol version; not Authorization.
        ("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP, *"),
        ("Access-Control-Max-Age", str(PREFLIGHT_SECONDS)),
    ]
    return Response(status=204, headerlist=headers)


def add_methods_deriver(config: Configurator) -> None:
    """Add the view options ``oidc_methods`` and ``oidc_cors``, above the check of permissions."""
    config.add_view_deriver(methods_deriver, "oidc_methods", under=INGRESS, over="secured_view")
