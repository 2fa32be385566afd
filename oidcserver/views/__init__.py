"""All that a person sees. Templates and the style sheet are in ``templates`` and ``static``."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pyramid.static import QueryStringConstantCacheBuster

from oidcserver.settings import text

STATIC = "oidcserver:static"
STATIC_SECONDS = 30 * 86400


def asset_path(request: Any, name: str) -> str:
    """Return the path of a file in ``static``, as the browser has to ask for it."""
    path = request.static_url(f"{STATIC}/{name}", _app_url="")
    url: str = request.provider.url(path)
    return url.removeprefix(request.provider.origin)


def service_name(request: Any) -> str:
    """Return what our pages call the provider."""
    provider = request.provider
    return provider.settings["oidc.service_name"] or urlsplit(provider.issuer).hostname or ""


def includeme(config: Any) -> None:
    """Include the renderer, the style sheet and every page; the ini selects among the pages."""
    config.include("pyramid_jinja2")
    config.add_oauth_setting(
        "oidc.service_name", text, "", "What pages call the provider; empty: the issuer's host."
    )
    # A name of its own: an embedding application may have static files too.
    config.add_static_view("oidcserver-static", STATIC, cache_max_age=STATIC_SECONDS)
    config.add_cache_buster(STATIC, QueryStringConstantCacheBuster(_digest_of_static_files()))
    config.add_request_method(asset_path)
    config.add_request_method(service_name, reify=True)
    for name in (
        "interactions", "home", "login", "consent", "logout", "clients", "account", "errors",
    ):  # fmt: skip
        config.include(f"oidcserver.views.{name}")


def _digest_of_static_files() -> str:
    directory = Path(__file__).parent.parent / "static"
    content = b"".join(file.read_bytes() for file in sorted(directory.iterdir()) if file.is_file())
    return hashlib.sha256(content).hexdigest()[:12]
