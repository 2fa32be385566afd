"""The page of backchannel requests (CIBA), on which a user decides on them."""

from typing import Any

from pyramid.response import Response

from oidcserver.interfaces import Scope
from oidcserver.keys.strict_json import compact
from oidcserver.models import BackchannelRequest, Client
from oidcserver.models.backchannel_request import open_requests
from oidcserver.oauth.grant_types import may_refresh
from oidcserver.oauth.issuing import still_allowed
from oidcserver.oauth.responses import see_other
from oidcserver.oidc.ciba.decisions import approve, deny
from oidcserver.oidc.interactions import is_older
from oidcserver.texts import Moment, _
from oidcserver.types import Configurator, Request
from oidcserver.views.access import login_url, own_session, signed_in
from oidcserver.views.consent import ends_after, ends_when_unused
from oidcserver.views.pages import render
from oidcserver.views.shown import CHANGED, digest_of, is_as_shown
from oidcserver.views.step_up import ALLOW, ALLOW_AS_SIGNED_IN, go_to_step_up, step_up_of

ROUTE = "oidc.approvals"
DECISIONS = (ALLOW, ALLOW_AS_SIGNED_IN, "deny")
#: Messages after a decision, by the value of ``notice`` in the query: the kind and the sentence.
NOTICES = {
    "allowed": ("success", _("You allowed the request. You can go back to the application.")),
    "denied": ("success", _("You denied the request. The application gets no access.")),
    "changed": ("error", CHANGED),
    "gone": ("note", _("That request was decided before, or has expired. Nothing was changed.")),
}


@signed_in
def show(request: Request) -> Response:
    """Show the open requests to the user, the oldest first."""
    asked = open_requests(request.oidc.dbsession, own_session(request).user_id)
    values = {
        "session": own_session(request),
        "notice": NOTICES.get(request.GET.get("notice", "")),
        "requests": [_description(request, row, client) for row, client in asked],
    }
    return render(request, "approvals", values)


@signed_in
def submit(request: Request) -> Response:
    """Store the user's decision on one request, once."""
    session, decision = own_session(request), request.POST.get("decision")
    if decision not in DECISIONS:
        return see_other(request.oidc.url(ROUTE))
    own = open_requests(request.oidc.dbsession, session.user_id)
    chosen = request.POST.get("request")
    row, client = next((it for it in own if it[0].request_digest == chosen), (None, None))
    if row is None or client is None:
        return _answer(request, "gone")
    if decision == "deny":
        return _answer(request, "denied" if deny(request, row) else "gone")
    if not is_as_shown(request, _shown(request, row, client)):
        return _answer(request, "changed")
    if _signed_in_too_long_ago(request, client):
        return see_other(login_url(request, again="1"))
    step_up = step_up_of(request, row.claims_request)
    if away := go_to_step_up(request, step_up, decision):
        return away
    if step_up.impossible:
        return see_other(request.oidc.url(ROUTE))
    allowed = approve(
        request,
        row,
        client,
        row.scope,
        auth_time=session.auth_time,
        acr=session.acr,
        amr=session.amr,
    )
    return _answer(request, "allowed" if allowed else "gone")


def _answer(request: Request, notice: str) -> Response:
    return see_other(request.oidc.url(ROUTE, _query={"notice": notice}))


def _signed_in_too_long_ago(request: Request, client: Client) -> bool:
    """Whether the client requires a newer sign-in (OpenID Connect Registration section 2)."""
    max_age: int | None = client.member("default_max_age")
    return is_older(request, own_session(request), max_age)


def _description(request: Request, row: BackchannelRequest, client: Client) -> dict[str, Any]:
    """Return the values of a request for the page."""
    known = request.oidc.provider.scopes
    scopes: list[Scope] = [known[it] for it in still_allowed(request, client, row.scope).split()]
    return {
        "row": row,
        "client": client,
        "shown": _shown(request, row, client),
        "scopes": scopes,
        "details": [_sentences(request, it) for it in row.authorization_details or ()],
        "asked_at": Moment(row.created_at),
        "expires_at": Moment(row.expires_at),
        "duration": _duration(request, client),
        "step_up": step_up_of(request, row.claims_request),
    }


def _shown(request: Request, row: BackchannelRequest, client: Client) -> str:
    """Return the digest of what the page shows of a request, which itself does not change."""
    return digest_of(client, still_allowed(request, client, row.scope))


def _sentences(request: Request, detail: dict[str, Any]) -> list[str]:
    """Return the sentences about an authorization detail (RFC 9396).

    A detail that a plugin made, of a type that is not offered, is shown by its members.
    """
    kind = str(detail.get("type", ""))
    known = request.oidc.provider.authorization_details_types.get(kind)
    if known is not None:
        return known.sentences(detail)
    others = [
        f"{name}: {value if isinstance(value, str) else compact(value)}"
        for name, value in detail.items()
        if name != "type"
    ]
    return [kind, *others]


def _duration(request: Request, client: Client) -> str:
    """Return a sentence that says how long the access lasts."""
    settings = request.oidc.provider.settings
    if not may_refresh(request.oidc.provider, client):
        return ends_after(settings["oauth.access_token_lifetime"])
    return ends_when_unused(settings)


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route(ROUTE, "/approvals")
        config.add_oidc_view(show, route_name=ROUTE, request_method="GET")
        config.add_oidc_view(submit, route_name=ROUTE, request_method="POST")

    config.add_oauth_page("approvals", register)
