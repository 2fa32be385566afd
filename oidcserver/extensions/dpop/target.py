"""The target URI of a request, as ``htu`` names it (RFC 9449 section 4.3, RFC 3986 section 6.2)."""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

# urlsplit silently drops a TAB or a newline.
_URI = re.compile(r"[!-~]{1,4096}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Target(NamedTuple):
    """A URI in its normal form, without query and fragment.

    The octets of the path are decoded, as the application gets them (WSGI's ``PATH_INFO``): it
    cannot tell ``%2F`` from a slash.
    """

    scheme: str
    host: str
    port: int
    path: bytes


def target_of(uri: str) -> Target | None:
    """Return the normal form of an http(s) URI; None for any other text.

    Case and percent-encoding are normalised, dot segments removed, and a default port is the same
    as none (RFC 3986 sections 6.2.2 and 6.2.3).
    """
    if not _URI.fullmatch(uri):
        return None
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    default = _DEFAULT_PORTS.get(parts.scheme)
    if default is None or not host or "@" in parts.netloc:
        return None
    return Target(parts.scheme, host, default if port is None else port, _path(parts.path))


def _path(path: str) -> bytes:
    """Return the path without dot segments (RFC 3986 section 5.2.4), decoded."""
    segments: list[bytes] = []
    last = b""
    for last in map(unquote_to_bytes, path.split("/")[1:]):
        if last == b"..":
            del segments[-1:]
        elif last != b".":
            segments.append(last)
    if last in (b".", b".."):
        segments.append(b"")
    return b"/" + b"/".join(segments)
