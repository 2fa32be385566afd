"""The language of a request: chosen by the user, the application, the browser, or the operator."""

from collections.abc import Callable, Iterable

from webob.acceptparse import create_accept_language_header

from oidcserver.http.cookies import MAX_AGE, read_cookie, set_cookie
from oidcserver.texts import LANGUAGE_TAG, Locale
from oidcserver.types import Request

#: The parameter of requests to sign in and to sign out.
UI_LOCALES = "ui_locales"
#: The cookie with the tag that the user chose on a page.
COOKIE = "language"
MAX_TAGS = 20
#: A header that is longer is of no browser.
MAX_HEADER = 1000


def negotiate(request: Request, ui_locales: str = "") -> Locale:
    """Return the language of a request.

    It is the one that the user chose on a page; or else the first of ``ui_locales`` (OpenID Connect
    Core section 3.1.2.1), or else of the browser's Accept-Language, that is available, by the
    lookup of RFC 4647 section 3.4; or else ``oidc.default_locale``.
    """
    locales = request.registry.oidc.locales
    chosen = locales.get(read_cookie(request, COOKIE) or "")
    if chosen is not None:
        return chosen
    tags = [tag for tag in ui_locales.split()[:MAX_TAGS] if LANGUAGE_TAG.fullmatch(tag)]
    default: str = request.oidc.provider.settings["oidc.default_locale"]
    found = _look_up(", ".join(tags), locales) or _look_up(
        request.headers.get("Accept-Language", ""), locales
    )
    return locales[found or default]


def prefer(request: Request, ui_locales: str | None) -> None:
    """Let the page of a request have a language that its application asks for."""
    if ui_locales:
        request.oidc.locale = negotiate(request, ui_locales)


def remember_choice(request: Request, tag: str) -> None:
    """Keep the user's choice in a cookie; other texts than tags of ours are ignored."""
    if tag in request.registry.oidc.locales:
        set_cookie(request, COOKIE, tag, max_age=MAX_AGE)


def _look_up(header: str, locales: Iterable[str]) -> str | None:
    if not header or len(header) > MAX_HEADER:
        return None
    found: str = create_accept_language_header(header).lookup(list(locales), default="")
    return found or None


class LocaleNegotiator:
    """Pyramid's locale negotiator: ours for pages of the provider, else that of the application."""

    def __init__(self, other: Callable[[Request], str | None]) -> None:
        self._other = other

    def __call__(self, request: Request) -> str | None:
        """Return the name of the language, as Pyramid writes it: ``pt_BR``."""
        provider = request.oidc.provider
        route = getattr(request, "matched_route", None)
        if not provider.embedded or (route is not None and route.name in provider.route_names):
            return request.oidc.locale.tag.replace("-", "_")
        return self._other(request)
