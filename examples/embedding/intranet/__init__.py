"""A company's intranet, which is also the company's OpenID Provider."""

from typing import Any

from pyramid.config import Configurator


def configure(config: Any) -> None:
    """Configure the application itself."""
    config.include("pyramid_jinja2")
    config.include(".models")
    config.include(".security")
    config.include(".routes")
    config.include(".greeting")
    config.scan(".views")


def main(global_config: Any, **settings: Any) -> Any:
    """Return the WSGI application."""
    with Configurator(settings=settings) as config:
        config.include(configure)
        # The provider, below /auth, with the users of this application.
        config.include("oidcserver", route_prefix="/auth")
        config.include(".directory")
    return config.make_wsgi_app()
