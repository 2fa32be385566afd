"""The page where a user sets up, renews and removes second factors."""

from pyramid.response import Response

from oidcserver.accounts.remembered_devices import LIFETIME, is_this_browser
from oidcserver.accounts.second_factors import (
    Begun,
    begun_by,
    factors_of,
    find_pending,
    forget_pending,
)
from oidcserver.interfaces import User
from oidcserver.models import RememberedDevice
from oidcserver.models.remembered_device import devices_of, forget_devices
from oidcserver.models.second_factor import count_recovery_codes
from oidcserver.oauth.responses import see_other
from oidcserver.plugins.selection import SECOND_FACTORS
from oidcserver.texts import Moment, _
from oidcserver.types import Configurator, Request
from oidcserver.views.access import login_url, own_session, signed_in
from oidcserver.views.pages import render
from oidcserver.views.recent_login import prove_strongest_factor
from oidcserver.views.second_factor import WAITING
from oidcserver.views.user_agents import describe_user_agent

ROUTE = "oidc.factors"
#: Messages from the page before, by the value of ``notice`` in the query.
NOTICES = {
    "factor_added": _("The second factor was set up."),
    "factor_removed": _("The second factor was removed."),
    "passkey_removed": _("The passkey was removed."),
    "device_forgotten": _("That browser asks for a second factor again."),
}


@signed_in
def show(request: Request) -> Response:
    """Show each method, and whether the user has it."""
    user = own_session(request).user
    methods = request.oidc.provider.second_factors
    values = {
        "methods": [(name, it, it.enrolled(request, user)) for name, it in methods.items()],
        "counts": bool(factors_of(request, user)),
        "codes_left": count_recovery_codes(request.oidc.dbsession, user.id),
        "devices": [
            (device, is_this_browser(request, device))
            for device in devices_of(request.oidc.dbsession, user)
        ]
        if request.oidc.provider.settings[LIFETIME]
        else [],
        "codes_url": recovery_codes_url(request, user),
        "moment": Moment,
        "describe": describe_user_agent,
        "notice": NOTICES.get(request.GET.get("notice", "")),
    }
    return render(request, "factors", values)


def recovery_codes_url(request: Request, user: User) -> str:
    """Return the URL where a user with factors and without codes creates some, or nothing."""
    codes = request.oidc.provider.second_factors.get("recovery_codes")
    if codes is None or not factors_of(request, user) or codes.enrolled(request, user):
        return ""
    url: str = request.oidc.url(codes.setup_route_name)
    return url


@signed_in
def forget(request: Request) -> Response:
    """Forget a remembered device of the user."""
    device_id = request.POST.get("forget", "")
    user_id = own_session(request).user_id
    if not forget_devices(request.oidc.dbsession, user_id, RememberedDevice.id == device_id):
        return to_factors(request)
    return to_factors(request, notice="device_forgotten")


def may_set_up(request: Request) -> Begun | Response:
    """Return the sign-in of a user who may change second factors now, or a redirect.

    A user whose sign-in waits, because this user needs a second factor, may set up the first. Such
    a page names the account in its query. Every other page acts for the signed-in user, and ends a
    sign-in that waits: else the new factor would complete it, for another account.
    """
    if WAITING in request.GET:
        waiting = find_pending(request)
        named = waiting is not None and waiting.user.id == request.GET[WAITING]
        if waiting is None or not named or factors_of(request, waiting.user):
            return see_other(request.oidc.url("oidc.login"))
        return waiting
    session = request.oidc.login_session
    if session is None:
        return see_other(login_url(request))
    forget_pending(request)
    return prove_strongest_factor(request) or begun_by(session)


def to_factors(request: Request, **query: str) -> Response:
    """Redirect to the page."""
    return see_other(request.oidc.url(ROUTE, _query=query))


def register(config: Configurator) -> None:
    """Add the page, where the ini selects a second factor."""
    if not config.registry.oidc.provider.settings[SECOND_FACTORS]:
        return
    config.add_oidc_route(ROUTE, "/account/factors")
    config.add_oidc_view(show, route_name=ROUTE, request_method="GET")
    config.add_oidc_view(forget, route_name=ROUTE, request_method="POST")
