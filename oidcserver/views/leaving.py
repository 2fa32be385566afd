"""The page where a signed-in user exports the data of the account, or deletes it."""

from typing import Any

from pyramid.response import Response
from sqlalchemy import delete, select

from oidcserver.accounts.notices import announce_end_of_account
from oidcserver.keys.strict_json import compact
from oidcserver.models import AuthenticatorApp, Consent, LoginSession, RememberedDevice, User
from oidcserver.models.activity import activity_of
from oidcserver.models.group import groups_of_link, memberships_of
from oidcserver.models.passkey import passkeys_of
from oidcserver.models.second_factor import count_recovery_codes
from oidcserver.models.upstream import links_of
from oidcserver.oauth.responses import NO_STORE, see_other
from oidcserver.sessions.ending import end_everything
from oidcserver.texts import _
from oidcserver.types import Configurator, Request
from oidcserver.views.access import home_url, own_session, signed_in
from oidcserver.views.confirmation import ask
from oidcserver.views.pages import render
from oidcserver.views.recent_login import recently_signed_in

ROUTE, EXPORT = "oidc.leave", "oidc.export"
CONSEQUENCES = _(
    "You will be signed out everywhere, applications lose their access, and the account cannot be "
    "restored."
)


@signed_in
@recently_signed_in
def show(request: Request) -> Response:
    """Offer the export; or ask before the account is deleted."""
    if "remove" in request.GET:
        return _ask(request)
    values = {"user": own_session(request).user, "consequences": CONSEQUENCES}
    return render(request, "leave", values)


def _ask(request: Request) -> Response:
    name = {"name": own_session(request).user.username}
    question, button = _("Delete the account ${name}?", name), _("Delete the account")
    back = request.oidc.url(ROUTE)
    return ask(request, question, button, back, consequences=[CONSEQUENCES], remove="1")


@signed_in
@recently_signed_in
def export(request: Request) -> Response:
    """Return the stored data of the user, as JSON."""
    response = Response(body=compact(_data(request)).encode(), content_type="application/json")
    response.headerlist.extend(NO_STORE)
    response.content_disposition = 'attachment; filename="account.json"'
    return response


def _data(request: Request) -> dict[str, Any]:
    user = own_session(request).user
    sessions = select(LoginSession).where(LoginSession.user_id == user.id)
    consents = select(Consent).where(Consent.user_id == user.id)
    devices = select(RememberedDevice).where(RememberedDevice.user_id == user.id)
    read = request.oidc.dbsession.scalars
    return {
        "sub": user.id,
        "username": user.username,
        "claims": dict(user.claims),
        "groups": list(memberships_of(request.oidc.dbsession, user.id)),
        "sessions": [
            {
                "signed_in_at": row.auth_time,
                "acr": row.acr,
                "amr": row.amr,
                "last_seen_at": row.last_seen_at,
                "ended_at": row.ended_at,
                "address": row.remote_address,
                "browser": row.user_agent,
            }
            for row in read(sessions)
        ],
        "applications": [
            {
                "client_id": row.client_id,
                "scope": row.scope,
                "claims": row.claims,
                "allowed_at": row.updated_at,
            }
            for row in read(consents)
        ],
        "second_factors": _second_factors(request, user.id),
        "remembered_devices": [
            {
                "remembered_at": row.created_at,
                "last_used_at": row.last_used_at,
                "expires_at": row.expires_at,
                "address": row.remote_address,
                "browser": row.user_agent,
            }
            for row in read(devices)
        ],
        "connected_sign_ins": [
            {
                "upstream": row.upstream,
                "issuer": row.issuer,
                "subject": row.subject,
                "shown_as": row.shown_as,
                "groups": list(groups_of_link(request.oidc.dbsession, row.id)),
                "connected_at": row.created_at,
                "last_used_at": row.last_used_at,
            }
            for row in links_of(request.oidc.dbsession, user.id)
        ],
        "activity": [
            {
                "time": row.occurred_at,
                "event": row.event,
                "details": row.details,
                "address": row.remote_address,
                "browser": row.user_agent,
            }
            for row in activity_of(request.oidc.dbsession, user.id)
        ],
    }


def _second_factors(request: Request, user_id: str) -> dict[str, Any]:
    """Return the stored data of passkeys and second factors, without the secrets."""
    dbsession = request.oidc.dbsession
    app = dbsession.get(AuthenticatorApp, user_id)
    return {
        "passkeys": [
            {
                "name": row.name,
                "credential_id": row.credential_id,
                "made_at": row.created_at,
                "last_used_at": row.last_used_at,
            }
            for row in passkeys_of(dbsession, user_id)
        ],
        "authenticator_app": app
        and {
            "made_at": app.created_at,
            "confirmed_at": app.confirmed_at,
            "last_used_at": app.last_used_at,
        },
        "recovery_codes_left": count_recovery_codes(dbsession, user_id),
    }


@signed_in
@recently_signed_in
def leave(request: Request) -> Response:
    """End all sessions and tokens of the user, and delete the account."""
    if "remove" not in request.POST:
        return _ask(request)
    user, dbsession = own_session(request).user, request.oidc.dbsession
    end_everything(request, user.id)
    request.oidc.sign_out()
    dbsession.execute(delete(User).where(User.id == user.id))
    announce_end_of_account(request, user)
    return see_other(home_url(request, notice="deleted"))


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route(ROUTE, "/account/leave")
        config.add_oidc_route(EXPORT, "/account/export")
        config.add_oidc_view(show, route_name=ROUTE, request_method="GET")
        config.add_oidc_view(leave, route_name=ROUTE, request_method="POST")
        config.add_oidc_view(export, route_name=EXPORT, request_method="GET")

    config.add_oauth_page("leave", register)
