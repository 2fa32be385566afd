"""The account page: the user's login sessions, and the access that the user gave to clients."""

from functools import partial
from typing import Any

from pyramid.renderers import render_to_response
from pyramid.response import Response
from sqlalchemy import select

from oidcserver.interfaces import DirectoryUnavailable, User
from oidcserver.models import Client, Consent, LoginSession
from oidcserver.models.consent import withdraw_consent
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.oauth.responses import see_other
from oidcserver.oidc.claims import known_claims
from oidcserver.oidc.scopes import describe_claim
from oidcserver.types import Configurator, Request
from oidcserver.views.access import own_session, signed_in
from oidcserver.views.applications import allowed_applications, initiate_login_url
from oidcserver.views.moments import moment
from oidcserver.views.recent_login import sign_in_again
from oidcserver.views.user_agents import describe_user_agent


@signed_in
def account(request: Request) -> Response:
    """Show the user, the user's live sessions, and the applications that have access."""
    session = own_session(request)
    idle_since = request.oidc.now - request.oidc.provider.settings["oidc.session_idle_lifetime"]
    sessions = request.oidc.dbsession.scalars(
        select(LoginSession)
        .where(
            LoginSession.user_id == session.user_id,
            LoginSession.ended_at.is_(None),
            LoginSession.expires_at > request.oidc.now,
            LoginSession.last_seen_at > idle_since,
        )
        .order_by(LoginSession.last_seen_at.desc())
    ).all()
    values = {
        "session": session,
        "claims": _claims(request, session.user),
        "sessions": sessions,
        "moment": moment,
        "describe": describe_user_agent,
        "applications": [
            (client, consent, _permissions(request, consent))
            for consent, client in allowed_applications(request)
        ],
        "open_url": partial(initiate_login_url, request),
    }
    return render_to_response("oidcserver:templates/account.jinja2", values, request=request)


def _claims(request: Request, user: User) -> dict[str, Any]:
    """Return the claims of a user; none while the directory does not answer."""
    try:
        return known_claims(request, user)
    except DirectoryUnavailable:
        return {}


@signed_in
def ask_end(request: Request) -> Response:
    """Ask before another of the user's sessions ends."""
    row = _own_session(request, request.GET.get("session", ""))
    if row is None or row.ended_at is not None:
        return see_other(request.oidc.url("oidc.account"))
    return sign_in_again(request, session=row.id) or _confirm(request, row=row)


@signed_in
def end_session(request: Request) -> Response:
    """End one of the user's own sessions, and the access that depends on it."""
    row = _own_session(request, request.POST.get("session", ""))
    if row is not None:
        again = sign_in_again(request, session=row.id)
        if again is not None and row.id != own_session(request).id:
            return again
        request.oidc.end_login_session(row)
    return see_other(request.oidc.url("oidc.account"))


@signed_in
def ask_withdraw(request: Request) -> Response:
    """Ask before the access of an application is withdrawn."""
    client = request.oidc.dbsession.get(Client, request.GET.get("client", ""))
    if client is None:
        return see_other(request.oidc.url("oidc.account"))
    return sign_in_again(request, client=client.client_id) or _confirm(request, client=client)


@signed_in
def withdraw(request: Request) -> Response:
    """Withdraw the access of an application; its tokens stop working."""
    client_id = request.POST.get("client", "")
    again = sign_in_again(request, client=client_id)
    if again is not None:
        return again
    user_id = own_session(request).user_id
    if withdraw_consent(request.oidc.dbsession, user_id, client_id):
        details = {"client_id": client_id, "user_id": user_id}
        event = OAuthEvent(request, "consent_withdrawn", details)
        request.oidc.database.after_commit(announce, event)
    return see_other(request.oidc.url("oidc.account"))


def _own_session(request: Request, session_id: str) -> LoginSession | None:
    row: LoginSession | None = request.oidc.dbsession.get(LoginSession, session_id)
    return row if row is not None and row.user_id == own_session(request).user_id else None


def _confirm(
    request: Request, *, row: LoginSession | None = None, client: Client | None = None
) -> Response:
    values = {"row": row, "client": client, "moment": moment, "describe": describe_user_agent}
    template = "oidcserver:templates/account_confirm.jinja2"
    return render_to_response(template, values, request=request)


def _permissions(request: Request, consent: Consent) -> list[str]:
    """Return the descriptions of the scopes of a consent, and of the claims beyond them."""
    provider = request.oidc.provider
    known = provider.scopes
    scopes = [known[name].description if name in known else name for name in consent.scope.split()]
    return scopes + [describe_claim(provider, name) for name in consent.claims.split()]


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route("oidc.account", "/account")
        config.add_oidc_route("oidc.account_sessions", "/account/sessions")
        config.add_oidc_route("oidc.account_applications", "/account/applications")
        config.add_oidc_view(account, route_name="oidc.account", request_method="GET")
        for name, shown, sent in (
            ("oidc.account_sessions", ask_end, end_session),
            ("oidc.account_applications", ask_withdraw, withdraw),
        ):
            config.add_oidc_view(shown, route_name=name, request_method="GET")
            config.add_oidc_view(sent, route_name=name, request_method="POST")

    config.add_oauth_page("account", register)
