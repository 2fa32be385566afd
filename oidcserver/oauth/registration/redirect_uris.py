"""Which redirect URIs may be registered (RFC 7591 section 5, RFC 8252, RFC 9700 section 4.1)."""

import ipaddress
import re
from urllib.parse import urlsplit

MAX_URI = 2000
#: RFC 3986 without what browsers and parsers disagree on: no backslash, quote, bracket or space.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]*")
#: Schemes that run or read something in the browser itself.
_NEVER = frozenset(
    {"javascript", "data", "vbscript", "file", "about", "blob", "filesystem", "view-source"}
)


def redirect_uri_problem(uri: str, application_type: str, *, development: bool) -> str | None:
    """Return what is wrong with a redirect URI in half a sentence, or None.

    :param application_type: ``web`` or ``native`` (OpenID Connect Registration section 2).
    :param development: whether web clients may use http on loopback.
    """
    problem = uri_problem(uri)
    if problem is not None:
        return problem
    parts = urlsplit(uri)
    if parts.scheme == "https":
        return None if parts.hostname else "has no host"
    if parts.scheme == "http":
        if not is_loopback(parts.hostname or ""):
            return "is http, which is for loopback addresses only (RFC 8252 section 7.3)"
        if application_type == "native" or development:
            return None
        return "is http, which web applications may not use"
    if application_type != "native" and not development:
        return "has a scheme of its own, which is for native applications only"
    if "." not in parts.scheme:
        return "has a scheme without a dot: com.example.app is one (RFC 8252 section 7.1)"
    return None


def uri_problem(uri: str) -> str | None:
    """Return what is wrong with any URI that a browser may be sent to, or None."""
    if not _URI.fullmatch(uri) or len(uri) > MAX_URI:
        return "is not an absolute URI without fragment"
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is not an absolute URI without fragment"
    if parts.scheme in _NEVER:
        return f"has the scheme {parts.scheme}"
    if "@" in parts.netloc:
        return "holds a user name"
    if "*" in host:
        return "holds a wildcard"
    return None


def web_uri_problem(uri: str, *, development: bool) -> str | None:
    """Return what is wrong with the URI of a page or document of the client's, or None."""
    problem = uri_problem(uri)
    if problem is not None:
        return problem
    parts = urlsplit(uri)
    if parts.scheme == "https" and parts.hostname:
        return None
    if development and parts.scheme == "http" and is_loopback(parts.hostname or ""):
        return None
    return "is not https"


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine, by name or address literal."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
