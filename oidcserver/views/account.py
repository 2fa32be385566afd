"""The account page: the user's login sessions, and the access that the user gave to clients."""

from functools import partial
from typing import Any

from pyramid.response import Response
from sqlalchemy import select

from oidcserver.interfaces import DirectoryUnavailable, User
from oidcserver.models import Client, LoginSession
from oidcserver.models.consent import withdraw_consent
from oidcserver.models.login_session import is_live
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.oauth.responses import see_other
from oidcserver.oidc.claims import known_claims
from oidcserver.oidc.scopes import describe_claim
from oidcserver.sessions.ending import end_sessions_of_user
from oidcserver.texts import Moment, _
from oidcserver.types import Configurator, Request
from oidcserver.views import activity, factors, own_password, second_factor, upstream_links
from oidcserver.views.access import login_url, own_session, signed_in
from oidcserver.views.applications import (
    allowed_applications,
    applications_without_consent,
    clients_with_access,
    initiate_login_url,
)
from oidcserver.views.pages import render
from oidcserver.views.recent_login import sign_in_again
from oidcserver.views.user_agents import describe_user_agent

#: Messages from the page before, by the value of ``notice`` in the query.
NOTICES = {
    "password": _("Your password was changed."),
    "address": _("Your email address was changed."),
    "profile": _("Your profile was saved."),
    "session": _("The other browser was signed out."),
    "withdrawn": _("The access was withdrawn."),
}


#: In the place of the identifier of a session: all of them. No identifier is this word.
EVERYWHERE = "all"


@signed_in
def account(request: Request) -> Response:
    """Show the user, the user's live sessions, and the applications that have access."""
    session = own_session(request)
    idle_since = request.oidc.now - request.oidc.provider.settings["oidc.session_idle_lifetime"]
    sessions = request.oidc.dbsession.scalars(
        select(LoginSession)
        .where(LoginSession.user_id == session.user_id, is_live(request.oidc.now, idle_since))
        .order_by(LoginSession.last_seen_at.desc())
    ).all()
    with_access = clients_with_access(request)
    applications = [
        (client, consent, _permissions(request, consent.scope, consent.claims))
        for consent, client in allowed_applications(request)
    ]
    values = {
        "session": session,
        "claims": _claims(request, session.user),
        "sessions": sessions,
        "everywhere": EVERYWHERE,
        "has_password": own_password.may_change_password(request),
        "moment": Moment,
        "describe": describe_user_agent,
        "applications": [it for it in applications if it[0].client_id in with_access],
        "allowed_before": [it for it in applications if it[0].client_id not in with_access],
        "own_applications": [
            (client, _permissions(request, " ".join(sorted(scopes))))
            for client, scopes in applications_without_consent(request)
        ],
        "accounts": request.oidc.accounts.all(),
        "open_url": partial(initiate_login_url, request),
        "notice": NOTICES.get(request.GET.get("notice", "")),
    }
    return render(request, "account", values)


def _claims(request: Request, user: User) -> dict[str, Any]:
    """Return the claims of a user; none while the directory does not answer."""
    try:
        return known_claims(request, user)
    except DirectoryUnavailable:
        return {}


@signed_in
def ask_end(request: Request) -> Response:
    """Ask before another of the user's sessions ends, or all of them."""
    if request.GET.get("session") == EVERYWHERE:
        return sign_in_again(request) or _confirm(request, everywhere=EVERYWHERE)
    row = _own_session(request, request.GET.get("session", ""))
    if row is None or row.ended_at is not None:
        return _account(request)
    return sign_in_again(request) or _confirm(request, row=row)


@signed_in
def end_session(request: Request) -> Response:
    """End one of the user's own sessions or all, and the access that depends on them."""
    if request.POST.get("session") == EVERYWHERE:
        again = sign_in_again(request)
        if again is None:
            end_sessions_of_user(request, own_session(request).user_id)
            target = request.oidc.url("oidc.account")
            again = see_other(login_url(request, target, notice="everywhere"))
        return again
    row = _own_session(request, request.POST.get("session", ""))
    if row is not None:
        again = sign_in_again(request)
        own = row.id == own_session(request).id
        if again is not None and not own:
            return again
        request.oidc.end_login_session(row)
        return _account(request, "" if own else "session")
    return _account(request)


@signed_in
def ask_withdraw(request: Request) -> Response:
    """Ask before the access of an application is withdrawn."""
    client = request.oidc.dbsession.get(Client, request.GET.get("client", ""))
    if client is None:
        return _account(request)
    return sign_in_again(request) or _confirm(request, client=client)


@signed_in
def withdraw(request: Request) -> Response:
    """Withdraw the access of an application; its tokens stop working."""
    client_id = request.POST.get("client", "")
    again = sign_in_again(request)
    if again is not None:
        return again
    user_id = own_session(request).user_id
    if withdraw_consent(request.oidc.dbsession, user_id, client_id):
        details = {"client_id": client_id, "user_id": user_id}
        event = OAuthEvent(request, "consent_withdrawn", details)
        request.oidc.database.after_commit(announce, event)
        return _account(request, "withdrawn")
    return _account(request)


def _account(request: Request, notice: str = "") -> Response:
    query = {"notice": notice} if notice else None
    return see_other(request.oidc.url("oidc.account", _query=query))


def _own_session(request: Request, session_id: str) -> LoginSession | None:
    row: LoginSession | None = request.oidc.dbsession.get(LoginSession, session_id)
    return row if row is not None and row.user_id == own_session(request).user_id else None


def _confirm(
    request: Request,
    *,
    row: LoginSession | None = None,
    client: Client | None = None,
    everywhere: str = "",
) -> Response:
    values = {
        "row": row,
        "client": client,
        "everywhere": everywhere,
        "moment": Moment,
        "describe": describe_user_agent,
    }
    return render(request, "account_confirm", values)


def _permissions(request: Request, scope: str, claims: str = "") -> list[str]:
    """Return the descriptions of scopes, and of the claims beyond them."""
    provider = request.oidc.provider
    known = provider.scopes
    scopes = [known[name].description if name in known else name for name in scope.split()]
    return scopes + [describe_claim(provider, name) for name in claims.split()]


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route("oidc.account", "/account")
        config.add_oidc_route("oidc.account_sessions", "/account/sessions")
        config.add_oidc_route("oidc.account_applications", "/account/applications")
        config.add_oidc_view(account, route_name="oidc.account", request_method="GET")
        second_factor.register(config)
        factors.register(config)
        activity.register(config)
        upstream_links.register(config)
        for name, shown, sent in (
            ("oidc.account_sessions", ask_end, end_session),
            ("oidc.account_applications", ask_withdraw, withdraw),
        ):
            config.add_oidc_view(shown, route_name=name, request_method="GET")
            config.add_oidc_view(sent, route_name=name, request_method="POST")

    config.add_oauth_page("account", register)
