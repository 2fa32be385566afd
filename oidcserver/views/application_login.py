"""The login page in an application that has its own: ``oidc.login_route``.

The provider sends users to the application's page, with the path of this page as ``next``. The
application signs the user in, there and here (``request.oidc.sign_in``), and redirects to that
path; the user goes on from here as from the provider's own page.
"""

import json

from authlib.oauth2 import OAuth2Error
from pyramid.interfaces import IRoutesMapper
from pyramid.response import Response

from oidcserver.keys.strict_json import compact
from oidcserver.languages.negotiation import UI_LOCALES
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.responses import see_other
from oidcserver.sessions import LOGIN_ROUTE
from oidcserver.settings import nearest
from oidcserver.types import Registry, Request
from oidcserver.views.access import home_url, local_url, with_query
from oidcserver.views.recent_login import is_recent, signed_in_a_moment_ago
from oidcserver.views.second_factor import ROUTE
from oidcserver.views.suspended import go_on, needs, open_row, read_request, reject, request_uri

PURPOSE = "login page of the application"
LEFT = "left"


def show(request: Request) -> Response:
    """Send the user to the application's login page, or on where there is nothing to do there."""
    try:
        asking = read_request(request)
        if asking is not None:
            return _for_client(request, asking)
    except OAuth2Error as error:
        return reject(request, error)
    target = local_url(request, request.GET.get("next")) or home_url(request)
    if request.oidc.login_session is None:
        return _to_application(request, target)
    if "again" not in request.GET or signed_in_a_moment_ago(request):
        return see_other(target)
    if is_recent(request):
        return see_other(with_query(request, ROUTE))  # the second factor alone is lacking
    return _to_application(request, target)


def _for_client(request: Request, asking: AuthorizationRequest) -> Response:
    if not needs(asking, "oidc.login"):
        return go_on(request)
    session, left_at = request.oidc.login_session, _left_at(request)
    if session is not None and left_at is not None and session.auth_time >= left_at:
        reference, row = open_row(asking)
        row.authenticated_session_id = session.id
        return go_on(request, reference)
    seal = request.oidc.provider.sealer(PURPOSE).seal
    left = seal(compact([request.oidc.now, request_uri(request)]).encode())
    query = {"client_id": request.GET.get("client_id", ""), "request_uri": request_uri(request)}
    own = request.oidc.url("oidc.login", _query={**query, LEFT: left})
    hints = {name: asking.data.get(name) for name in ("login_hint", UI_LOCALES)}
    return _to_application(request, own, **hints)


def _left_at(request: Request) -> int | None:
    """Return when the user left for the application's page because of this very request."""
    text = request.oidc.provider.sealer(PURPOSE).unseal(request.GET.get(LEFT, ""))
    left_at, reference = json.loads(text) if text is not None else (None, "")
    return left_at if reference == request_uri(request) else None


def _to_application(request: Request, target: str, **query: str | None) -> Response:
    provider = request.oidc.provider
    query["next"] = target.removeprefix(provider.origin)
    given = {name: value for name, value in query.items() if value}
    path = request.route_path(provider.settings[LOGIN_ROUTE], _query=given)
    return see_other(provider.origin + path)


def require_route(registry: Registry) -> str | None:
    """Users are sent to a route that does not exist, or to the page that sends them there."""
    name = registry.oidc.provider.settings[LOGIN_ROUTE]
    if not name:
        return None
    mapper = registry.queryUtility(IRoutesMapper)
    ours = registry.oidc.provider.route_names
    routes = [] if mapper is None else [route.name for route in mapper.get_routes()]
    names = [route for route in routes if route not in ours]
    if name in names:
        return None
    return f"{LOGIN_ROUTE} = {name!r} is not a route of the application.{nearest(name, names)}"
