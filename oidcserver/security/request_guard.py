"""The outermost tween: refuses what no part of the provider could read, before any part tries.

Pyramid and WebOb raise on a path, query, form or cookie that is not UTF-8 and on a form with
another charset; a NUL would reach the database driver; and a web server's own limits are far
above what an OAuth request needs. Standards send application/x-www-form-urlencoded; multipart, as
curl's ``-F`` sends it, is taken too where it can be read.
"""

import re
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import unquote_to_bytes

from pyramid.registry import Registry
from pyramid.request import Request
from pyramid.response import Response

from oidcserver.keys.jwe import MAX_ENCRYPTED_BYTES

Handler = Callable[[Request], Response]

MAX_BODY_BYTES = 65536
MAX_HEADER_BYTES = 16384
MAX_URL_BYTES = 16384
MAX_PARAMETER_BYTES = 4096
#: Parameters that hold a whole request, signed and encrypted (RFC 9101), may be longer.
_LONGER = {"request": MAX_ENCRYPTED_BYTES}
#: WebOb keeps parameters in a list, so a look-up in many thousands of them is slow.
MAX_PARAMETERS = 256

# Whatever could decode to a NUL or to something else than ASCII; most requests have none.
_SUSPECT = re.compile(rb"\0|%00|%[89A-Fa-f]|[\x80-\xff]")
_CHARSET = re.compile(r";\s*charset=\s*\"?([^;\"]*)", re.IGNORECASE)
_FORM = "application/x-www-form-urlencoded"


class _Refusal(Exception):
    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def request_guard_tween_factory(handler: Handler, registry: Registry) -> Handler:
    """Make the tween.

    Embedded, it guards the paths below the provider's ``route_prefix``, so all paths if the
    application included the provider without one.
    """
    provider = registry.provider

    def request_guard_tween(request: Request) -> Response:
        if provider.embedded and not _is_below(request.environ, provider.route_prefix):
            return handler(request)
        try:
            _check(request, request.environ)
        except _Refusal as refusal:
            return _answer(request, refusal)
        return handler(request)

    return request_guard_tween


def _is_below(environ: dict[str, Any], prefix: str) -> bool:
    path = environ.get("PATH_INFO", "")
    return bool(path == prefix or path.startswith(f"{prefix}/"))


def _check(request: Request, environ: dict[str, Any]) -> None:
    headers = 0
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            headers += len(key) + len(value)
    if headers > MAX_HEADER_BYTES:
        raise _Refusal(431, "The header fields are too large.")
    path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
    if len(path) + len(query) > MAX_URL_BYTES:
        raise _Refusal(414, "The URL is too long.")
    if not path.isascii() or "\0" in path:
        _check_text(path.encode("latin-1"), "path")
    if query:
        _check_parameters(query.encode("latin-1"), "query")
    cookie = environ.get("HTTP_COOKIE", "")
    # WebOb decodes the bytes and octal escapes of quoted cookies without care.
    if "\\" in cookie or not cookie.isascii():
        _check_cookies(request)
    body = _read_body(request, environ)
    content_type = environ.get("CONTENT_TYPE", "")
    # WebOb looks for the boundary also where the body is empty.
    if body or content_type.lower().startswith("multipart/"):
        _check_body(request, body, content_type)


def _read_body(request: Request, environ: dict[str, Any]) -> bytes:
    """Return the body, which stays in memory for whoever reads it next."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length:
        if not (length.isascii() and length.isdigit()):
            raise _Refusal(400, "The Content-Length is not a number.")
        if len(length) > 9 or int(length) > MAX_BODY_BYTES:
            raise _Refusal(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
        expected = int(length)
    elif environ.get("wsgi.input_terminated"):
        # Chunked; where the server does not mark the end of the input, nobody may read it.
        expected = MAX_BODY_BYTES + 1
    else:
        return b""
    body = _read(request, expected)
    if len(body) > MAX_BODY_BYTES:
        raise _Refusal(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
    if length and len(body) < expected:
        raise _Refusal(400, "The body is shorter than its Content-Length.")
    if body:
        request.body = body
    return body


def _read(request: Request, expected: int) -> bytes:
    source = request.body_file_raw
    body = b""
    try:
        if request.is_body_seekable:  # somebody further out may have read it
            source.seek(0)
        while len(body) < expected and (part := source.read(expected - len(body))):
            body += part
    except OSError:
        raise _Refusal(400, "The body did not arrive.") from None
    return body


def _check_body(request: Request, body: bytes, content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type.startswith("multipart/"):
        _check_multipart(request, body)
    if media_type in ("", _FORM):
        charset = _CHARSET.search(content_type)
        if charset and charset[1].strip().lower() not in ("", "utf-8", "utf8"):
            raise _Refusal(400, "The body must be in UTF-8.")
        _check_parameters(body, "body")


def _check_multipart(request: Request, body: bytes) -> None:
    _check_text(body, "body")
    try:
        pairs = list(request.POST.items())
    except (ValueError, LookupError, TypeError):
        raise _Refusal(400, "The multipart body cannot be read.") from None
    if (body and not pairs) or len(pairs) > MAX_PARAMETERS:
        raise _Refusal(400, "The multipart body has no parameters, or too many.")
    for name, value in pairs:
        limit = _LONGER.get(name, MAX_PARAMETER_BYTES)
        if isinstance(value, str) and len(value) > limit:
            raise _Refusal(400, f"A parameter is longer than {limit} bytes.")


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
                raise _Refusal(400, f"A parameter is longer than {limit} bytes.")
    # WebOb takes a semicolon in a query for a separator too.
    if raw.count(b"&") + raw.count(b";") >= MAX_PARAMETERS:
        raise _Refusal(400, f"There are more than {MAX_PARAMETERS} parameters.")


def _check_text(decoded: bytes, where: str) -> None:
    if b"\0" in decoded:
        raise _Refusal(400, f"The {where} has a NUL character.")
    try:
        decoded.decode("utf-8")
    except UnicodeDecodeError:
        raise _Refusal(400, f"The {where} is not UTF-8.") from None


def _check_cookies(request: Request) -> None:
    try:
        values = request.cookies.values()
    except UnicodeDecodeError:
        raise _Refusal(400, "A cookie is not UTF-8.") from None
    if any("\0" in value for value in values):
        raise _Refusal(400, "A cookie has a NUL character.")


def _answer(request: Request, refusal: _Refusal) -> Response:
    offers = request.accept.acceptable_offers(["application/json", "text/html"])
    if offers and offers[0][0] == "text/html":
        page = f"<!DOCTYPE html><title>Bad request</title><p>{escape(refusal.sentence)}</p>"
        response = Response(page, status=refusal.status)
    else:
        error = {"error": "invalid_request", "error_description": refusal.sentence}
        response = Response(json_body=error, status=refusal.status)
        response.content_type = "application/json"
    # Nothing below this tween runs, the tween that sets headers neither.
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
