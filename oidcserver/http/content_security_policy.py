"""The Content-Security-Policy of a page: nothing is allowed until its view allows it.

Browsers apply ``form-action``, ``frame-src`` and ``img-src`` to every redirect that follows. An
application may redirect to any origin and any scheme, which no list of sources can name. So a page
whose form may end at an application has no ``form-action`` at all.

That directive protects against an injected form that sends the user's input to another site. Such a
page keeps the protections against injection: templates escape by default, only our own scripts
run, no style is inline, ``base-uri 'none'`` keeps forms without an action at their own URL, and
every form needs the token of the browser (:mod:`oidcserver.http.csrf`).
"""

import re

from oidcserver.http.cors import origin_of
from oidcserver.types import Request

_NONE = "'none'"
_START = {
    "default-src": _NONE,
    "style-src": "'self'",
    "img-src": "'self'",
    "base-uri": _NONE,
    "frame-ancestors": _NONE,
    "form-action": "'self'",
}
_EXTENSIBLE = frozenset(
    {
        "connect-src",
        "font-src",
        "form-action",
        "frame-ancestors",
        "frame-src",
        "img-src",
        "manifest-src",
        "media-src",
        "script-src",
        "style-src",
    }
)
_HASH = re.compile(r"'sha(?:256|384|512)-[A-Za-z0-9+/]{43,86}={0,2}'")


class ContentSecurityPolicy:
    """The policy of one response (W3C Content Security Policy Level 3); sources are only added."""

    def __init__(self) -> None:
        self._sources = {directive: [source] for directive, source in _START.items()}

    def __str__(self) -> str:
        """Return the value of the header."""
        return "; ".join(
            " ".join((directive, *sources)) for directive, sources in self._sources.items()
        )

    @property
    def forbids_frames(self) -> bool:
        """Whether no page may show this one in a frame."""
        return self._sources["frame-ancestors"] == [_NONE]

    def allow(self, directive: str, source: str) -> None:
        """Add a source to a directive.

        A source is ``'self'``, an origin as browsers write it (``https://client.example``), a
        hash such as ``'sha256-...'`` (scripts and styles), ``data:`` (images and fonts),
        ``https:`` or ``http:`` (images and frames) or ``*`` (frame-ancestors). Inline code cannot
        be allowed in general.

        :raises ValueError: for another directive or source, such as text that would end the
            directive or the header.
        """
        if directive not in _EXTENSIBLE or not _is_source(directive, source):
            raise ValueError(f"{source!r} is no source that {directive!r} may allow")
        sources = self._sources.setdefault(directive, [])
        if sources == [_NONE]:
            sources.clear()
        if source not in sources:
            sources.append(source)

    def let_forms_leave(self) -> None:
        """Let the forms of this page lead to any origin, so that the user reaches the application.

        The pages of interactions (``config.add_interaction``, ``config.add_acr_value``) need not
        call this.
        """
        self._sources.pop("form-action", None)


def content_security_policy(request: Request) -> ContentSecurityPolicy:
    """Return the policy that a view may add to: ``request.oidc.content_security_policy``, reified.

    From the page of an interaction the user goes on to the application.
    """
    policy = ContentSecurityPolicy()
    route = getattr(request, "matched_route", None)
    pages = {interaction.route_name for interaction in request.registry.oidc.provider.interactions}
    if route is not None and route.name in pages:
        policy.let_forms_leave()
    return policy


def _is_source(directive: str, source: str) -> bool:
    if source == "'self'" or origin_of(source) == source:
        return True
    if directive in {"script-src", "style-src"}:
        return _HASH.fullmatch(source) is not None
    if directive in {"img-src", "frame-src"} and source in {"https:", "http:"}:
        return True
    if directive in {"img-src", "font-src"}:
        return source == "data:"
    return directive == "frame-ancestors" and source == "*"
