"""The second step of a sign-in: the page that leads to the user's second factor.

A user who is signed in comes here too, where a request asks for a class that a second factor
reaches.
"""

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.accounts.remembered_devices import LIFETIME, is_remembered
from oidcserver.accounts.second_factors import (
    Begun,
    begin_pending,
    complete,
    factors_of,
    factors_reaching,
    find_begun,
    late_username,
    second_factor_is_due,
)
from oidcserver.interfaces import User
from oidcserver.interfaces.authentication import PASSWORD, AuthenticationMethod
from oidcserver.models.upstream_session import attach
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.responses import see_other
from oidcserver.oidc.acr import decline_acr, lacks_essential_acr, wanted_acr
from oidcserver.plugins.selection import SECOND_FACTORS
from oidcserver.sessions.login import PASSWORD_AMR
from oidcserver.texts import _
from oidcserver.types import Configurator, Request
from oidcserver.views.access import with_query
from oidcserver.views.client_preview import duration
from oidcserver.views.pages import render
from oidcserver.views.suspended import (
    go_on,
    go_on_signed_in,
    needs,
    open_row,
    read_request,
    reject,
)

ROUTE = "oidc.second_factor"
#: In the query of the login page: the sign-in waited for the second step for too long.
LATE = "late"
#: The box of the second step by which a user is not asked again in this browser.
REMEMBER = "remember_device"
#: In the query of a page that sets a factor up: the account of the sign-in that waits for it.
WAITING = "account"


def after_first_factor(
    request: Request,
    asking: AuthorizationRequest | None,
    user: User,
    amr: tuple[str, ...] = PASSWORD_AMR,
    method: str = PASSWORD,
    *,
    upstream_session_id: str | None = None,
    auth_time: int | None = None,
) -> Response | None:
    """Sign a user in who has proven the first factor, or go on to the second.

    :param amr: how (RFC 8176); by default with the password.
    :param method: the name of the method, by which the class is judged.
    :param upstream_session_id: the sign-in at an upstream that was the first factor.
    :param auth_time: when the user signed in there; 0: not known. None: the factor was proven now.
    :returns: None if the account cannot sign in any more.
    """
    methods = (method,)
    if second_factor_is_due(request, user):
        acr = request.oidc.provider.acr_policy.class_of(methods)
        if _is_new_sign_in(request, asking, acr) or not is_remembered(request, user):
            begin_pending(request, user, amr, methods, upstream_session_id, auth_time)
            return see_other(with_query(request, ROUTE))
    session = request.oidc.sign_in(user, amr=amr, methods=methods, auth_time=auth_time)
    if session is not None and upstream_session_id is not None:
        attach(request.oidc.dbsession, upstream_session_id, session.id)
    return None if session is None else go_on_signed_in(request, asking, session)


def _is_new_sign_in(request: Request, asking: AuthorizationRequest | None, acr: str) -> bool:
    """Whether a remembered device does not suffice.

    A page of ours or an application asks for a new sign-in (``prompt=login``, ``max_age``), or for
    a higher class than that of the first factor.
    """
    return "again" in request.GET or (
        asking is not None
        and (
            asking.max_age is not None
            or "login" in asking.prompt
            or wanted_acr(asking, acr) is not None
        )
    )


def after_second_factor(
    request: Request,
    asking: AuthorizationRequest | None,
    begun: Begun,
    method: AuthenticationMethod,
    amr: tuple[str, ...] | None = None,
) -> Response:
    """Sign the user in who has just proven a second factor, and go on.

    Where that raises a session, it is no sign-in for a request that asks for a new one.

    :param asking: the authorization request, read before a code was used up.
    :param begun: the sign-in of the user whose factor was proven.
    :param amr: how (RFC 8176); by default as the method says.
    """
    session = complete(request, begun, method, amr, remember=REMEMBER in request.POST)
    if session is None:
        return see_other(with_query(request, "oidc.login"))
    return go_on_signed_in(request, asking, None if begun.pending is None else session)


def after_set_up(
    request: Request,
    begun: Begun,
    method: AuthenticationMethod,
    amr: tuple[str, ...] | None = None,
) -> Response | None:
    """Give the sign-in of a user the class of a second factor that the user has just set up.

    :returns: the response of a sign-in or of a request that waited for the factor; None for a
        session that no request waits for.
    """
    asking = None
    try:
        asking = read_request(request)
    except OAuth2Error as error:
        if begun.pending is not None:
            return reject(request, error)
    if begun.pending is None and asking is None:
        complete(request, begun, method, amr)
        return None
    return after_second_factor(request, asking, begun, method, amr)


def begin_again(request: Request) -> Response:
    """Redirect to the login page, which says so if the sign-in waited for too long."""
    notice = {"notice": LATE} if late_username(request) else {}
    return see_other(with_query(request, "oidc.login", **notice))


def other_factors(
    request: Request, begun: Begun, present: AuthenticationMethod
) -> list[tuple[str, str, bool]]:
    """Return the user's other factors: label, URL, and whether it is for emergencies alone."""
    return [
        (method.label, with_query(request, method.route_name), not method.counts)
        for method in factors_of(request, begun.user).values()
        if method is not present
    ]


def remember_label(request: Request, begun: Begun) -> str:
    """Return the label of the box of the second step, or nothing where there is no box."""
    lifetime: int = request.oidc.provider.settings[LIFETIME]
    if not lifetime or begun.pending is None:
        return ""
    return _("Do not ask again on this device for ${time}", {"time": duration(lifetime)})


def show(request: Request) -> Response:
    """Lead to the user's second factor, or offer to set one up."""
    begun = find_begun(request)
    if begun is None:
        return begin_again(request)
    try:
        asking = read_request(request)
    except OAuth2Error as error:
        return reject(request, error)
    own, wanted = factors_of(request, begun.user), _wanted_class(request, asking, begun)
    reaching = own if wanted is None else factors_reaching(request, begun, wanted)
    fitting = [own[name] for name in own if name in reaching]
    if not fitting and begun.pending is not None:
        fitting = list(own.values())
    if fitting:
        return see_other(with_query(request, fitting[0].route_name))
    if begun.pending is not None:
        # This user needs one, and sets it up now.
        offered = request.oidc.provider.second_factors
        counting = [name for name, it in offered.items() if it.counts]
        first = next((name for name in counting if name in reaching), counting[0])
        for_whom = {WAITING: begun.user.id}
        return see_other(with_query(request, offered[first].setup_route_name, **for_whom))
    values = {
        "methods": [it for name, it in reaching.items() if it.counts and name not in own],
        "set_up": lambda it: with_query(request, it.setup_route_name),
        "sign_in_url": with_query(request, "oidc.login", again="1"),
        "required": _is_required(request, asking, begun),
    }
    return render(request, "second_factor", values)


def _wanted_class(
    request: Request, asking: AuthorizationRequest | None, begun: Begun
) -> str | None:
    """Return the class that the user is to reach; a page of ours names it in the query."""
    if asking is not None:
        return wanted_acr(asking, begun.acr)
    named = request.GET.get("acr", "")
    return named if named in request.oidc.provider.acr_pages else None


def _is_required(request: Request, asking: AuthorizationRequest | None, begun: Begun) -> bool:
    """Whether the request requires the class; a page of ours says so in the query."""
    if asking is None:
        return "required" in request.GET
    return lacks_essential_acr(request.oidc.provider, begun.acr, asking.claims_request)


def decline(request: Request) -> Response:
    """Go on without the class that the request asks for, where it can."""
    begun = find_begun(request)
    try:
        asking = read_request(request)
    except OAuth2Error as error:
        return reject(request, error)
    if asking is None or begun is None or not needs(asking, ROUTE):
        return go_on(request)
    wanted = wanted_acr(asking, begun.acr)
    if wanted is None:
        return go_on(request)
    reference, row = open_row(asking)
    decline_acr(row, wanted)
    return go_on(request, reference)


def register(config: Configurator) -> None:
    """Add the page, where the ini selects a second factor."""
    if not config.registry.oidc.provider.settings[SECOND_FACTORS]:
        return
    config.add_oidc_route(ROUTE, "/login/second-factor")
    config.add_oidc_view(show, route_name=ROUTE, request_method="GET")
    config.add_oidc_view(decline, route_name=ROUTE, request_method="POST")
