"""Makes the responses of the protocol, including errors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pyramid.renderers import render_to_response
from pyramid.response import Response

from oidcserver.keys.strict_json import compact
from oidcserver.oauth.errors import Rejection
from oidcserver.texts import _, english
from oidcserver.types import Request

#: The header of a rejection that has its reference, for ``oidcserver explain-error``.
REFERENCE_HEADER = "Error-Reference"
NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


def json_response(
    status: int, body: Mapping[str, Any], headers: Iterable[tuple[str, str]] = ()
) -> Response:
    """Return JSON that must not be cached (RFC 6749 section 5.1)."""
    response = Response(
        body=compact(body).encode(),
        status=status,
        content_type="application/json",
        charset=None,
    )
    response.headerlist.extend(NO_STORE)
    response.headerlist.extend(headers)
    return response


def jwt_response(token: str, media_type: str = "application/jwt") -> Response:
    """Return a JWT that must not be cached (OpenID Connect Core section 5.3.2)."""
    response = Response(body=token.encode(), content_type=media_type, charset=None)
    response.headerlist.extend(NO_STORE)
    return response


def error_response(rejection: Rejection, reference: str | None = None) -> Response:
    """Return a rejection as JSON (RFC 6749 section 5.2).

    :param reference: the reference of the recorded rejection, for a header.
    """
    body = {"error": rejection.error, "error_description": rejection.description}
    response = json_response(rejection.status_code, body, rejection.headers)
    if reference is not None:
        response.headers[REFERENCE_HEADER] = reference
    return response


@dataclass(frozen=True, slots=True)
class Onward:
    """A link or form that leads to a client: its destination in words, its URL and its fields.

    Fields are posted; without fields it is a link.
    """

    destination: str
    url: str
    fields: Mapping[str, str]


def destination(redirect_uri: str) -> str:
    """Return the destination of a redirect URI: a host, or an application on the user's device."""
    parts = urlsplit(redirect_uri)
    if parts.scheme in {"http", "https"}:
        return parts.netloc
    return _("an application on this device (${scheme})", {"scheme": parts.scheme})


def error_page(
    request: Request,
    rejection: Rejection,
    reference: str,
    back: str | None = None,
    hint: str = "",
    onward: Onward | None = None,
) -> Response:
    """Return the page for a rejection that cannot be sent to a client.

    It shows a sentence and the reference, and no registered data.

    :param back: the URL of a safe way back, if there is a better one than the home page.
    :param onward: the way to a client that is not trusted.
    :param hint: a further sentence, for the developer who configures the provider.
    """
    if not hint and request.oidc.provider.settings["oidcserver.mode"] == "development":
        hint = english(rejection.detail) if rejection.detail else ""
    values = {"rejection": rejection, "reference": reference, "back": back, "hint": hint}
    values["onward"] = onward
    response = render_to_response("oidcserver:templates/error.jinja2", values, request=request)
    response.status_int = rejection.status_code
    response.headers[REFERENCE_HEADER] = reference
    # A challenge would make the browser open its own password dialog.
    response.headerlist.extend(it for it in rejection.headers if it[0] != "WWW-Authenticate")
    return response


def see_other(location: str) -> Response:
    """Return a redirect that becomes a GET (RFC 9700 section 4.12: never 307)."""
    return Response(status=303, headerlist=[("Location", location), *NO_STORE])


def own_url(request: Request) -> str:
    """Return the public URL of this request with its query; the Host header is not used."""
    path = request.path_qs.removeprefix(request.script_name)
    url: str = request.oidc.provider.url(path)
    return url
