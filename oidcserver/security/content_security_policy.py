"""The Content-Security-Policy of a page: nothing is allowed until its view says so."""

import re
from urllib.parse import urlsplit

from pyramid.request import Request

from oidcserver.security.cors import origin_of

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
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
# Schemes whose URLs are content or commands: no redirect goes there (RFC 9700 section 4.1).
_UNSAFE_SCHEMES = frozenset(
    {
        "about:",
        "blob:",
        "chrome:",
        "data:",
        "file:",
        "filesystem:",
        "javascript:",
        "vbscript:",
        "view-source:",
    }
)


class ContentSecurityPolicy:
    """The policy of one response (W3C Content Security Policy Level 3), which only ever grows."""

    def __init__(self) -> None:
        self._sources = {directive: [source] for directive, source in _START.items()}

    def __str__(self) -> str:
        """Return the value of the header."""
        return "; ".join(
            " ".join((directive, *sources)) for directive, sources in self._sources.items()
        )

    @property
    def forbids_frames(self) -> bool:
        """Whether no page at all may show this one in a frame."""
        return self._sources["frame-ancestors"] == [_NONE]

    def allow(self, directive: str, source: str) -> None:
        """Add a source to a directive.

        A source is ``'self'``, an origin as browsers write it (``https://client.example``), a
        hash such as ``'sha256-...'`` (scripts and styles), ``data:`` (images and fonts), a
        private-use scheme such as ``com.example.app:`` or ``http:`` or ``https:`` (form-action)
        or ``*`` (frame-ancestors). There is no way to allow inline code by wholesale.

        :raises ValueError: for another directive or source, so for anything that would end the
            directive or the header.
        """
        if directive not in _EXTENSIBLE or not _is_source(directive, source):
            raise ValueError(f"{source!r} is no source that {directive!r} may allow")
        sources = self._sources.setdefault(directive, [])
        if sources == [_NONE]:
            sources.clear()
        if source not in sources:
            sources.append(source)

    def allow_redirect(self, uri: str) -> None:
        """Let a form of this page end in a redirect (or a POST) to a registered ``uri``.

        Chromium applies form-action to the redirects that follow a form; without this the button
        of the consent page seems dead.

        :raises ValueError: if nothing may redirect there (``javascript:`` and the like).
        """
        origin = origin_of(uri)
        if origin is None or "[" in origin:
            # A private-use scheme (RFC 8252 section 7.1) has no origin; and the grammar of CSP
            # has no IPv6 addresses, which RFC 8252 section 7.3 allows for loopback.
            origin = f"{urlsplit(uri).scheme}:"
        self.allow("form-action", origin)


def content_security_policy(_request: Request) -> ContentSecurityPolicy:
    """Return the policy that a view may add to: ``request.content_security_policy``, reified."""
    return ContentSecurityPolicy()


def _is_source(directive: str, source: str) -> bool:
    if source == "'self'" or origin_of(source) == source:
        return True
    if directive in {"script-src", "style-src"}:
        return _HASH.fullmatch(source) is not None
    if directive in {"img-src", "font-src"}:
        return source == "data:"
    if directive == "form-action":
        return _SCHEME.fullmatch(source) is not None and source not in _UNSAFE_SCHEMES
    return directive == "frame-ancestors" and source == "*"
