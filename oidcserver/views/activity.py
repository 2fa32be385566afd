"""The page with the recent activity of the user's account."""

from operator import attrgetter

from pyramid.response import Response

from oidcserver.interfaces.authentication import UPSTREAM
from oidcserver.models import Activity, Client
from oidcserver.models.activity import latest_activity
from oidcserver.operations.activity import BY_COMMAND, CHANGES, FAILURES, RETENTION
from oidcserver.texts import Moment, _
from oidcserver.types import Configurator, Request
from oidcserver.views.access import own_session, signed_in
from oidcserver.views.authenticator_app import NAME as TOTP
from oidcserver.views.own_password import may_change_password
from oidcserver.views.pages import render
from oidcserver.views.recovery_codes import NAME as RECOVERY_CODES
from oidcserver.views.user_agents import describe_user_agent

ROUTE = "oidc.activity"
#: Failed tries do not push the others from the page, since an attacker can make many.
MOST, MOST_FAILURES = 50, 20
EVENTS = {
    "signed_in": _("Signed in"),
    "stepped_up": _("The sign-in was confirmed with a second factor"),
    "login_failed": _("A wrong password was entered"),
    "login_locked": _("Signing in was locked for a while, after too many wrong passwords"),
    "second_factor_failed": _("A second factor was not accepted: ${name}"),
    "second_factor_locked": _("A second factor was locked for a while, after too many wrong codes"),
    "passkey_copied": _("A passkey was rejected, because there may be a copy of it"),
    "user_registered": _("The account was created"),
    "password_changed": _("The password was changed"),
    "user_recovered": _("The password was reset with a link from an email"),
    "address_changed": _("The email address was changed"),
    "profile_changed": _("The profile was changed"),
    "device_remembered": _(
        "A browser was remembered, which does not ask for a second factor again"
    ),
    "factor_added": _("A second factor was added: ${name}"),
    "factor_removed": _("A second factor was removed: ${name}"),
    "recovery_codes_made": _("New recovery codes were created"),
    "recovery_code_used": _("A recovery code was used as the second factor"),
    "upstream_linked": _("An account was connected: ${name}"),
    "upstream_unlinked": _("An account was disconnected: ${name}"),
    "consent_granted": _("Access was allowed: ${name}"),
    "consent_withdrawn": _("Access was withdrawn: ${name}"),
}
#: The events that have a sign.
WARNINGS = FAILURES | {"passkey_copied"}
#: Authentication methods (RFC 8176 section 2).
METHODS = {
    "pwd": _("password"),
    "otp": _("one-time code"),
    "email": _("link or code from an email"),
    "swk": _("passkey"),
    "hwk": _("passkey"),
}


@signed_in
def show(request: Request) -> Response:
    """Show the latest events of the account."""
    dbsession, user_id = request.oidc.dbsession, own_session(request).user_id
    rows = [
        *latest_activity(dbsession, user_id, CHANGES, MOST),
        *latest_activity(dbsession, user_id, FAILURES, MOST_FAILURES),
    ]
    rows.sort(key=attrgetter("occurred_at", "id"), reverse=True)
    values = {
        "session": own_session(request),
        "rows": [(row, _sentence(request, row), _methods(request, row)) for row in rows],
        "warnings": WARNINGS,
        "by_command": BY_COMMAND,
        "has_password": may_change_password(request),
        "moment": Moment,
        "describe": describe_user_agent,
    }
    return render(request, "activity", values)


def _sentence(request: Request, row: Activity) -> str:
    sentence = EVENTS[row.event]
    return _(sentence, mapping={"name": _name(request, row)})


def _name(request: Request, row: Activity) -> str:
    """Return the name of the application, factor or upstream of an event."""
    provider, details = request.oidc.provider, row.details
    client = (
        request.oidc.dbsession.get(Client, details["client_id"]) if "client_id" in details else None
    )
    if client is not None:
        return client.client_name
    factor = provider.second_factors.get(details.get("method", ""))
    if factor is not None:
        return factor.label
    upstream = provider.upstreams.get(details.get("upstream", ""))
    if upstream is not None:
        return upstream.label
    # It does not exist any more.
    return next(
        (str(details[key]) for key in ("client_id", "method", "upstream") if key in details), ""
    )


def _methods(request: Request, row: Activity) -> str:
    """Return how the user signed in: the upstream, if there was one, and the other methods."""
    upstreams = request.oidc.provider.upstreams
    names = [
        name.removeprefix(UPSTREAM)
        for name in row.details.get("methods", ())
        if name.startswith(UPSTREAM)
    ]
    labels = [upstreams[name].label if name in upstreams else name for name in names]
    methods = METHODS | {"otp": _("recovery code")} if _by_recovery_code(row) else METHODS
    known = [methods[it] for it in row.details.get("amr", ()) if it in methods]
    return request.oidc.locale.join(dict.fromkeys([*labels, *known]))


def _by_recovery_code(row: Activity) -> bool:
    """Whether a recovery code was the only one-time code of a sign-in."""
    methods = row.details.get("methods", ())
    return RECOVERY_CODES in methods and TOTP not in methods


def register(config: Configurator) -> None:
    """Add the page, unless nothing is recorded."""
    if not config.registry.oidc.provider.settings[RETENTION]:
        return
    config.add_oidc_route(ROUTE, "/account/activity")
    config.add_oidc_view(show, route_name=ROUTE, request_method="GET")
