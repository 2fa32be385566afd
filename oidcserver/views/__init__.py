"""The pages that users see. Their templates and style sheet are in ``templates`` and ``static``."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pyramid.config import not_
from pyramid.path import AssetResolver
from pyramid.response import Response
from pyramid.static import QueryStringCacheBuster
from pyramid.traversal import DefaultRootFactory

from oidcserver.settings import text
from oidcserver.types import Configurator, Request

STATIC = "oidcserver:static"
STATIC_SECONDS = 30 * 86400


class ContentCacheBuster(QueryStringCacheBuster):
    """Adds a digest of a static file, or of the file that overrides it, to its URL."""

    def tokenize(self, request: Request, subpath: str, kw: dict[str, Any]) -> str:
        """Return the digest of one file. ``kw["rawspec"]`` names the file that Pyramid serves."""
        path = AssetResolver().resolve(kw["rawspec"]).abspath()
        status = Path(path).stat()
        return _digest(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _digest(path: str, *changes: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


def asset_path(request: Request, name: str) -> str:
    """Return the path of a file in ``static`` that the browser requests."""
    path = request.static_url(f"{STATIC}/{name}", _app_url="")
    url: str = request.oidc.provider.url(path)
    return url.removeprefix(request.oidc.provider.origin)


def service_name(request: Request) -> str:
    """Return the name of the provider on its pages."""
    provider = request.oidc.provider
    return provider.settings["oidc.service_name"] or urlsplit(provider.issuer).hostname or ""


def _answer_other_methods(request: Request) -> Response:
    """Reject other methods than GET and HEAD (RFC 9110 section 15.5.6); Pyramid allows all."""
    status = 204 if request.method == "OPTIONS" else 405
    return Response(status=status, headerlist=[("Allow", "GET, HEAD, OPTIONS")])


def includeme(config: Configurator) -> None:
    """Include the style sheet and every page; the ini selects among the pages."""
    config.add_oauth_setting(
        "oidc.service_name", text, "", "The provider's name on its pages; empty: the issuer's host."
    )
    # The name must not collide with the static files of an embedding application.
    config.add_static_view(
        "oidcserver-static", STATIC, cache_max_age=STATIC_SECONDS, factory=DefaultRootFactory
    )
    prefix = f"{config.route_prefix}/" if config.route_prefix else ""
    static_route = f"__{prefix}oidcserver-static/"  # as add_static_view names it
    config.registry.oidc.provider.route_names.add(static_route)
    config.add_oidc_view(
        _answer_other_methods,
        route_name=static_route,
        request_method=not_("GET"),  # and so HEAD
    )
    config.add_cache_buster(STATIC, ContentCacheBuster())
    config.add_oidc_method(asset_path)
    config.add_oidc_attribute("service_name", service_name)
    for name in (
        "branding", "recent_login", "language", "home", "login", "consent", "device", "logout",
        "clients", "account", "approvals", "mail", "registration", "own_password",
        "own_address", "profile", "recovery", "email_link", "leaving", "passkeys",
        "authenticator_app",
        "recovery_codes", "errors",
    ):  # fmt: skip
        config.include(f"oidcserver.views.{name}")
