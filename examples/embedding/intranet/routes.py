"""The application's own URLs."""

from typing import Any


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_static_view("static", "intranet:static", cache_max_age=3600)
    config.add_route("home", "/")
    config.add_route("login", "/login")
    config.add_route("logout", "/logout")
    config.add_route("staff", "/staff")
    config.add_route("archive", "/archive/")
    config.add_route("broken", "/broken")
