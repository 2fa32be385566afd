"""The logos of clients, which the provider fetches and serves itself.

A browser that loaded them from the hosts of clients would tell these hosts who signs in and when,
and the Content-Security-Policy of the page would have to allow every host (OAuth Client ID Metadata
Document, section "Displaying Logos").
"""

from hashlib import sha256
from urllib.parse import urlencode

from pyramid.response import Response

from oidcserver.clients.uris import fetched_uri_problem
from oidcserver.http import allowed_addresses
from oidcserver.http.pictures import MAX_AGE
from oidcserver.http.waiting import TooManyWaiting
from oidcserver.models import RegisteredClient
from oidcserver.oauth.waiting import cause_of
from oidcserver.types import Configurator, Request

ROUTE = "oidc.logo"
#: The picture alone, also if somebody opens its address as a page.
_POLICY = "default-src 'none'; sandbox"


def logo_url(request: Request, client: RegisteredClient) -> str | None:
    """Return the address of a client's logo here, which changes with its ``logo_uri``; or None."""
    uri = _logo_uri(request, client)
    if uri is None:
        return None
    version = sha256(uri.encode()).hexdigest()[:12]
    query = urlencode({"client": client.client_id, "version": version})
    return f"{request.oidc.url(ROUTE)}?{query}"


def show(request: Request) -> Response:
    """Return the logo of a client to a user who has signed in; fetch it if it is not known."""
    if request.oidc.login_session is None:
        return _missing()
    client = request.oidc.server.query_client(request.GET.get("client", ""), renew=False)
    uri = None if client is None else _logo_uri(request, client)
    if uri is None:
        return _missing()
    pictures = request.registry.oidc.remote_pictures
    picture = pictures.known(uri)
    if picture is None:
        request.oidc.database.commit()  # no transaction is open while the request waits
        cause = cause_of(request, "client logo", client.client_id, anybody=client.self_registered)
        try:
            picture = pictures.fetch(uri, cause)
        except TooManyWaiting as problem:
            return _later(problem.status_code, problem.retry_after)
    if not picture.content:
        return _missing()
    response = Response(body=picture.content, content_type=picture.media_type)
    response.headers["Cache-Control"] = f"private, max-age={MAX_AGE}"
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def _logo_uri(request: Request, client: RegisteredClient) -> str | None:
    """Return the ``logo_uri`` of a client if the server may fetch it."""
    uri, settings = client.member("logo_uri"), request.oidc.provider.settings
    if not isinstance(uri, str) or fetched_uri_problem(uri, allowed_addresses(settings)):
        return None
    return uri


def _missing() -> Response:
    return Response(status=404, content_type="text/plain")


def _later(status: int, seconds: int) -> Response:
    return Response(status=status, content_type="text/plain", retry_after=seconds)


def add_logo(config: Configurator) -> None:
    """Add the view, for a page that shows logos."""
    config.add_oidc_route(ROUTE, "/consent/logo")
    config.add_oidc_view(show, route_name=ROUTE, request_method="GET")
