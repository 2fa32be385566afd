"""Directives for pages, which the defaults of an embedding application do not reach."""

from collections.abc import Callable
from typing import Any

from pyramid.exceptions import ConfigurationError
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.traversal import DefaultRootFactory

from oidcserver.plugins.offering import offer, require
from oidcserver.types import Configurator


def add_oauth_page(
    config: Configurator, name: str, register: Callable[[Configurator], None]
) -> None:
    """Offer pages for ``oidc.pages``.

    :param name: the name in the ini.
    :param register: is called with the configurator if the ini selects the pages, and adds their
        routes and views by ``config.add_oidc_route`` and ``config.add_oidc_view``. POST requests to
        them need a CSRF token: a form has it as ``csrf_token``, with the value
        ``request.oidc.csrf_token``.
    """
    require(config, "page", name, register)
    offer(config, "page", name, (config, register))


def add_oidc_route(config: Configurator, name: str, pattern: str, **options: Any) -> None:
    """Add the route of a page, as ``config.add_route`` does.

    Its context is Pyramid's empty root, whatever root factory the application has.

    :param name: the name of the route. Those of this package begin with ``oidc.``.
    :param pattern: the pattern, below the include's route prefix.
    :param options: further arguments of ``config.add_route``.
    """
    config.add_route(name, pattern, **{"factory": DefaultRootFactory, **options})


def add_oidc_view(
    config: Configurator,
    view: Callable[..., Any] | str,
    *,
    route_name: str,
    **options: Any,
) -> None:
    """Add a view of a page, as ``config.add_view`` does.

    It requires no permission and not Pyramid's CSRF check, whatever ``set_default_permission`` and
    ``set_default_csrf_options`` of the application say: the view itself decides who may see the
    page, and forms are checked as :func:`add_oauth_page` says.

    :param view: takes Pyramid's request, or its dotted name.
    :param route_name: a route of :func:`add_oidc_route`.
    :param options: further arguments of ``config.add_view``, such as ``request_method``,
        ``renderer`` and ``oauth_scope``.
    """
    stated = {"permission": NO_PERMISSION_REQUIRED, "require_csrf": False}
    config.add_view(view, route_name=route_name, **{**stated, **options})


def add_oidc_translations(config: Configurator, spec: str) -> None:
    """Add the catalogues of a package, as ``config.add_translation_dirs`` does.

    The templates of the package then translate: ``{% trans %}`` and ``_("...")`` read the catalogue
    that has the name of the package, such as ``de/LC_MESSAGES/second_factor.mo``, and ``{{ value
    }}`` shows the translation of a ``TranslationString``.

    :param spec: the directory as an asset specification, such as ``second_factor:locale``.
    """
    package, separator, _ = spec.partition(":")
    if not separator:
        raise ConfigurationError(
            f"add_oidc_translations takes a directory such as package:locale, not {spec!r}."
        )
    config.registry.oidc.provider.text_domains.add(package)
    config.add_translation_dirs(spec)
