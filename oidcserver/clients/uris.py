"""The URIs that may be registered (RFC 7591 section 5, RFC 8252, RFC 9700 section 4.1).

Each check returns the mistake as half a sentence that quotes no input, or None.
"""

import ipaddress
import re
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from oidcserver.http.addresses import (
    Address,
    Reachable,
    RejectedURL,
    check_addresses,
    is_loopback,
    parse_url,
)
from oidcserver.http.cors import origin_of

MAX_URI = 2000
#: RFC 1035 section 2.3.4, without the length octets of the wire. Sectors are hosts too.
MAX_HOST = 253
#: RFC 3986 without the fragment. Browsers and parsers disagree on other characters: backslash,
#: quotes, angle brackets, white space and control characters.
_CHARACTERS = re.compile(r"[!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]*")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.+")
#: Schemes that run or read something in the browser itself.
_NEVER = frozenset(
    {"javascript", "data", "vbscript", "file", "about", "blob", "filesystem", "view-source"}
)


def redirect_uri_problem(
    uri: str,
    application_type: str,
    *,
    development: bool,
    implicit: bool = False,
    schemes: Collection[str] = (),
) -> str | None:
    """Check a URI to which a browser is sent with an answer.

    :param application_type: ``web`` or ``native`` (OpenID Connect Registration section 2).
    :param development: whether web applications may use http on loopback.
    :param implicit: whether tokens are sent there. A web application must not receive them on the
        user's own machine (OpenID Connect Registration section 2).
    :param schemes: private-use schemes without a dot that native applications may use.
    """
    problem = uri_problem(uri)
    if problem is not None:
        return problem
    if "*" in uri:
        return "holds a wildcard: it has to be the whole URI (RFC 9700 section 4.1)"
    parts = urlsplit(uri)
    native, local = application_type == "native", is_loopback(parts.hostname or "")
    if parts.scheme == "https":
        if implicit and local and not native and not development:
            return "is on the user's machine, where web applications get no tokens"
        return None
    if parts.scheme == "http":
        if not local:
            return "is http, which is for loopback addresses only (RFC 8252 section 7.3)"
        if native or development:
            return None
        return "is http, which only native applications may register (application_type native)"
    if not native:
        return (
            f"uses a custom scheme ({parts.scheme}:). Only native applications may register one "
            "(application_type native)"
        )
    if "." not in parts.scheme and parts.scheme not in schemes:
        return (
            f"uses a scheme without a dot ({parts.scheme}:), which oauth.private_use_schemes does "
            "not name; com.example.app: has one (RFC 8252 section 7.1)"
        )
    return None


def implied_application_type(uris: Iterable[str]) -> str:
    """Return the application type of a client that registers none, from its redirect URIs.

    The default of OpenID Connect Registration section 2 is ``web``. Clients of RFC 7591 do not know
    the member, but only native applications use http on loopback and private-use schemes (RFC 8252
    section 7).
    """
    return "native" if any(_is_native(uri) for uri in uris) else "web"


def _is_native(uri: str) -> bool:
    if uri_problem(uri) is not None:
        return False
    parts = urlsplit(uri)
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    return local or parts.scheme not in {"http", "https"}


def web_uri_problem(uri: str, *, development: bool) -> str | None:
    """Check the URI of a page or document of the client: https, in development also loopback."""
    problem = uri_problem(uri)
    if problem is not None:
        return problem
    parts = urlsplit(uri)
    local = development and parts.scheme == "http" and is_loopback(parts.hostname or "")
    return None if local or parts.scheme == "https" else "is not https"


def fetched_uri_problem(uri: str, allowed: Reachable) -> str | None:
    """Check a URI that the server itself connects to: its host is not an internal address.

    The connection follows the same rule. The addresses of a name are checked at each connection.
    """
    problem = web_uri_problem(uri, development=allowed.loopback)
    if problem is not None:
        return problem
    try:
        target = parse_url(uri, allow_http=allowed.loopback)
        if addresses := _addresses(target.host):
            check_addresses(addresses, target, allowed)
    except RejectedURL as problem_of_url:
        return f"is rejected: {str(problem_of_url).rstrip('.')}"
    return None


def request_uri_problem(uri: str, allowed: Reachable) -> str | None:
    """Check a URI from which a request object is fetched.

    It may have a fragment, which distinguishes versions (OpenID Connect Core section 6.2).
    """
    fetched, _, fragment = uri.partition("#")
    problem = fetched_uri_problem(fetched, allowed)
    if problem is None and not (_CHARACTERS.fullmatch(fragment) and len(uri) <= MAX_URI):
        problem = "has a fragment that is too long or no fragment of a URI"
    return problem


def uri_problem(uri: str) -> str | None:
    """Check any URI that a browser may be sent to."""
    if len(uri) > MAX_URI:
        return f"is longer than {MAX_URI} characters"
    if "#" in uri:
        return "has a fragment"
    if not _CHARACTERS.fullmatch(uri):
        return "has a character that a URI may not have"
    if not _ABSOLUTE.fullmatch(uri):
        return "is not an absolute URI"
    scheme = uri.partition(":")[0].lower()
    if scheme in _NEVER:
        return f"has the scheme {scheme}"
    try:
        authority, host = urlsplit(uri).netloc, urlsplit(uri).hostname or ""
    except ValueError:
        return "is not an absolute URI"
    if len(host) > MAX_HOST:
        return f"has a host of more than {MAX_HOST} characters"
    if "@" in authority:
        return "holds a user name"
    if scheme in {"http", "https"} and origin_of(uri) is None:
        return "has no host, or one that cannot be read"
    return None


def https_host(uri: str) -> str | None:
    """Return the host of an https URI; None for every other, and for a loopback address."""
    parts = urlsplit(uri)
    host = parts.hostname
    return host if host and parts.scheme == "https" and not is_loopback(host) else None


def _addresses(host: str) -> list[Address]:
    """Return the addresses of a literal or of localhost; other names have to be looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return [ipaddress.IPv4Address("127.0.0.1"), ipaddress.IPv6Address("::1")]
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        return []
