"""Cross-origin requests from scripts in browsers (the Fetch standard's CORS protocol).

No response allows credentials, so a script can use its own code, token or DPoP key, but never the
user's cookies. Successful responses are readable by the pages of the client only. Errors of the
same endpoints are readable by every script, so that an application can distinguish an expired token
from a network failure: they hold nothing that a request without a browser would not get.
"""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from pyramid.response import Response

from oidcserver.types import Handler, Registry, Request

#: The headers that a script may read: challenges, the nonce of RFC 9449, the time to wait, and the
#: reference of a rejection.
EXPOSED_HEADERS = "WWW-Authenticate, DPoP-Nonce, Retry-After, Error-Reference"

# urlsplit silently drops a TAB or a newline.
_URI = re.compile(r"[!-~]+")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(uri: str) -> str | None:
    """Return the origin of an http(s) URI as browsers write it (RFC 6454 section 6.2), or None.

    None for every other scheme, for a URI with user information, and for one that cannot be read.
    The result has ASCII letters, digits and ``:/.-_[]`` only, so it is safe in any header.
    """
    if not _URI.fullmatch(uri):
        return None
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname or "", parts.port
        if "[" in parts.netloc:
            host = f"[{ipaddress.IPv6Address(host)}]"
        elif not _HOST.fullmatch(host):
            return None
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or "@" in parts.netloc or "%" in host:
        return None
    origin = f"{parts.scheme}://{host}"
    return origin if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{origin}:{port}"


def cors_tween_factory(handler: Handler, registry: Registry) -> Handler:
    """Make the tween that lets every script read the errors of the endpoints for scripts.

    It belongs above the tweens that reject requests before the endpoint.
    """
    provider = registry.oidc.provider

    def cors_tween(request: Request) -> Response:
        response = handler(request)
        if response.status_int >= 400 and provider.is_for_scripts(
            request.environ.get("PATH_INFO", "")
        ):
            allow_any_origin(response)
            response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        return response

    return cors_tween


def allow_any_origin(response: Response) -> Response:
    """Let every script read a response, such as discovery; return the response."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def allow_registered_origin(request: Request, response: Response, uris: Iterable[str]) -> Response:
    """Let a script of the client's pages read the response; return the response.

    For token, userinfo and revocation, where they succeed.

    :param uris: the redirect URIs of the client that the request is from.
    """
    # Also where the origin is not allowed: a cache must not give that answer to one that is.
    response.headerlist.append(("Vary", "Origin"))
    origin = request.environ.get("HTTP_ORIGIN")
    if origin is not None and any(origin_of(uri) == origin for uri in uris):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    return response
