"""The outermost tween: rejects requests that the code behind it could not parse.

Pyramid and WebOb raise on a path, query or form that is not UTF-8 and on a form with another
charset. A NUL would reach the database driver, and a web server's own limits are far above the
needs of an OAuth request. Size limits alone are not enough: WebOb takes quadratic time for some
multipart bodies and Cookie headers, so both are rewritten here.

The standards send application/x-www-form-urlencoded. Endpoints that declare it also accept
multipart/form-data, as curl's ``-F`` sends it; it is converted to the former.
"""

import re
from collections.abc import Collection, Mapping
from html import escape
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode

from pyramid.interfaces import IRoutesMapper
from pyramid.response import Response
from webob.datetime_utils import parse_date

from oidcserver.http.cookie_header import readable_cookies
from oidcserver.http.headers import PERMISSIONS_POLICY, protective_headers
from oidcserver.http.multipart_form import read_multipart
from oidcserver.keys.jwe import MAX_ENCRYPTED_BYTES
from oidcserver.types import Handler, Registry, Request

MAX_BODY_BYTES = 65536
MAX_HEADER_BYTES = 16384
MAX_URL_BYTES = MAX_BODY_BYTES
MAX_PARAMETER_BYTES = 4096
#: Parameters that hold a whole request, signed and encrypted (RFC 9101), may be longer. Those that
#: return a token that we issued, and grants of other issuers, are limited by the size of the body
#: only.
_LONGER = {
    "request": MAX_ENCRYPTED_BYTES,
    **dict.fromkeys(
        ("id_token_hint", "access_token", "token", "subject_token", "actor_token", "assertion"),
        MAX_BODY_BYTES,
    ),
}
#: WebOb keeps parameters in a list, so each look-up among thousands of them is slow.
MAX_PARAMETERS = 256

# Octets that may decode to a NUL or to a character outside ASCII; most requests have none.
_SUSPECT = re.compile(rb"\0|%00|%[89A-Fa-f]|[\x80-\xff]")
_CHARSET = re.compile(r";\s*charset=\s*\"?([^;\"]*)", re.IGNORECASE)
_FORM = "application/x-www-form-urlencoded"
_RANGE = "(?:[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})"
_RANGES = re.compile(f"bytes={_RANGE}(?:, ?{_RANGE})*", re.ASCII)
_DATES = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE")


class _Rejected(Exception):
    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def request_guard_tween_factory(handler: Handler, registry: Registry) -> Handler:
    """Make the tween.

    In an embedding application it guards the paths below the provider's ``route_prefix``, or
    without one the paths that begin like the provider's. It does not limit other uploads.
    """
    provider = registry.oidc.provider
    prefixes = _own_prefixes(registry) if provider.embedded else frozenset()
    headers = protective_headers(provider)

    def request_guard_tween(request: Request) -> Response:
        if prefixes and not _is_below(request.environ.get("PATH_INFO", ""), prefixes):
            return handler(request)
        try:
            _check(request, request.environ, provider.multipart_paths)
        except _Rejected as rejected:
            return _answer(request, rejected, headers)
        return handler(request)

    return request_guard_tween


def _own_prefixes(registry: Registry) -> frozenset[str]:
    """Return the prefix of the provider's routes, or else the first segment of each."""
    provider = registry.oidc.provider
    if provider.route_prefix:
        return frozenset({provider.route_prefix})
    routes = registry.getUtility(IRoutesMapper).get_routes(include_static=True)
    ours = (route.pattern for route in routes if route.name in provider.route_names)
    return frozenset("/" + pattern.lstrip("/").partition("/")[0] for pattern in ours)


def _is_below(path: str, prefixes: Collection[str]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def _check(request: Request, environ: dict[str, Any], multipart_paths: Collection[str]) -> None:
    content_type = environ.get("CONTENT_TYPE", "")
    headers = len(content_type)
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            headers += len(key) + len(value)
    if headers > MAX_HEADER_BYTES:
        raise _Rejected(431, "The header fields are too large.")
    path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
    if len(path) + len(query) > MAX_URL_BYTES:
        raise _Rejected(414, "The URL is too long.")
    if not path.isascii() or "\0" in path:
        _check_text(path.encode("latin-1"), "path")
    if query:
        _check_parameters(query.encode("latin-1"), "query")
    if cookies := environ.get("HTTP_COOKIE"):
        environ["HTTP_COOKIE"] = readable_cookies(cookies)
    multipart = content_type[:10].lower() == "multipart/"
    if multipart and path not in multipart_paths:
        raise _Rejected(415, f"The body must be {_FORM}.")
    _drop_unusable(environ)
    body = _read_body(request, environ)
    if multipart:
        body = _replace_multipart(request, body, content_type)
    if body:
        _check_body(body, request.environ.get("CONTENT_TYPE", ""))
    elif ";" in content_type:
        # Without a body the charset has no meaning, and WebOb raises on some charsets.
        environ["CONTENT_TYPE"] = content_type.partition(";")[0]


def _drop_unusable(environ: dict[str, Any]) -> None:
    """Remove headers that a server may or must ignore and that make WebOb raise.

    See RFC 9110 sections 14.2 (ranges) and 13.1.3 (dates).
    """
    if (ranges := environ.get("HTTP_RANGE")) and not _RANGES.fullmatch(ranges):
        del environ["HTTP_RANGE"]
    for name in _DATES:
        if (date := environ.get(name)) and not _is_date(date):
            del environ[name]


def _is_date(text: str) -> bool:
    try:
        return parse_date(text) is not None
    except (ValueError, OverflowError):
        return False


def _read_body(request: Request, environ: dict[str, Any]) -> bytes:
    """Return the body, and keep it in memory for the code that reads it next."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length:
        if not (length.isascii() and length.isdigit()):
            raise _Rejected(400, "The Content-Length is not a number.")
        if len(length) > 9 or int(length) > MAX_BODY_BYTES:
            raise _Rejected(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
        expected = int(length)
    elif environ.get("wsgi.input_terminated"):
        # Chunked. If the server does not mark the end of the input, it must not be read.
        expected = MAX_BODY_BYTES + 1
    else:
        return b""
    body = _read(request, expected)
    if len(body) > MAX_BODY_BYTES:
        raise _Rejected(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
    if length and len(body) < expected:
        raise _Rejected(400, "The body is shorter than its Content-Length.")
    if body:
        request.body = body
    return body


def _read(request: Request, expected: int) -> bytes:
    source = request.body_file_raw
    body = b""
    try:
        if request.is_body_seekable:  # a tween of the application may have read it
            source.seek(0)
        while len(body) < expected and (part := source.read(expected - len(body))):
            body += part
    except OSError:
        raise _Rejected(400, "The body did not arrive.") from None
    return body


def _replace_multipart(request: Request, body: bytes, content_type: str) -> bytes:
    """Replace a multipart body by a form, and return it."""
    try:
        pairs = read_multipart(content_type, body, max_parts=MAX_PARAMETERS)
    except ValueError as problem:
        raise _Rejected(400, str(problem)) from None
    form = urlencode(pairs).encode()
    request.body = form
    request.environ["CONTENT_TYPE"] = _FORM
    return form


def _check_body(body: bytes, content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in ("", _FORM):
        charset = _CHARSET.search(content_type)
        if charset and charset[1].strip().lower() not in ("", "utf-8", "utf8"):
            raise _Rejected(400, "The body must be in UTF-8.")
        _check_parameters(body, "body")


def _check_parameters(raw: bytes, where: str) -> None:
    if _SUSPECT.search(raw):
        _check_text(unquote_to_bytes(raw), where)
    if len(raw) > MAX_PARAMETER_BYTES:
        for parameter in raw.split(b"&"):
            name, _, value = parameter.partition(b"=")
            limit = _LONGER.get(name.decode("latin-1"), MAX_PARAMETER_BYTES)
            if len(parameter) > limit and any(
                len(unquote_to_bytes(part)) > limit for part in (name, value)
            ):
                raise _Rejected(400, f"A parameter is longer than {limit} bytes.")
    # WebOb treats a semicolon in a query as a separator too.
    if raw.count(b"&") + raw.count(b";") >= MAX_PARAMETERS:
        raise _Rejected(400, f"There are more than {MAX_PARAMETERS} parameters.")


def _check_text(decoded: bytes, where: str) -> None:
    if b"\0" in decoded:
        raise _Rejected(400, f"The {where} has a NUL character.")
    try:
        decoded.decode("utf-8")
    except UnicodeDecodeError:
        raise _Rejected(400, f"The {where} is not UTF-8.") from None


def _answer(request: Request, rejected: _Rejected, headers: Mapping[str, str]) -> Response:
    offers = request.accept.acceptable_offers(["application/json", "text/html"])
    if offers and offers[0][0] == "text/html":
        page = f"<!DOCTYPE html><title>Bad request</title><p>{escape(rejected.sentence)}</p>"
        response = Response(page, status=rejected.status)
    else:
        error = {"error": "invalid_request", "error_description": rejected.sentence}
        response = Response(json_body=error, status=rejected.status)
        response.content_type = "application/json"
    # Nothing below this tween runs, and neither does the tween that sets headers.
    response.headers.update(headers)
    response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    response.headers["Permissions-Policy"] = PERMISSIONS_POLICY
    response.headers["X-Frame-Options"] = "DENY"
    return response
