"""The page of a device's request (RFC 8628 section 3.3): compare the code, decide.

An attacker may start a request and send its code to a victim (RFC 10027). So a link alone decides
nothing, and the page says which client asks, from which place and since when.
"""

from collections.abc import Callable

from authlib.oauth2 import OAuth2Error
from pyramid.httpexceptions import HTTPNotFound
from pyramid.response import Response

from oidcserver.clients import use
from oidcserver.grants.device_code import PAGE, REQUEST_FLOW
from oidcserver.interfaces import Step
from oidcserver.models import DeviceAuthorization
from oidcserver.models.device_authorization import (
    decide_device_authorization,
    release_device_authorization,
)
from oidcserver.oauth.authorization_answer import prepare_authorization
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.events import OAuthEvent
from oidcserver.oauth.events import announce as notify
from oidcserver.oauth.flow import run
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.responses import error_page, see_other
from oidcserver.oauth.steps import announce, commit
from oidcserver.oauth.user_codes import (
    PURPOSE,
    shown_user_code,
)
from oidcserver.sessions import logout_channels
from oidcserver.types import Configurator, Request
from oidcserver.views.access import SWITCH, login_url, own_session, signed_in
from oidcserver.views.device_code import REQUEST_PAGE, enter, keep_code, request_url, submit
from oidcserver.views.pages import render
from oidcserver.views.pending import (
    Overtaken,
    PendingRequest,
    described,
    obstacle,
    read_pending,
    record_consent,
    sign_in_needed,
)
from oidcserver.views.shown import CHANGED, is_as_shown, shown_of
from oidcserver.views.step_up import ALLOW, ALLOW_AS_SIGNED_IN, go_to_step_up, step_up_of


@signed_in
def show(request: Request) -> Response:
    """Show the request to the user who claimed it."""
    row = _own_row(request)
    if row.decided_at is not None or row.expires_at <= request.oidc.now:
        return _page(request, row)
    try:
        pending = read_pending(request, row, REQUEST_FLOW)
    except OAuth2Error:
        return _page(request, row)
    if sign_in_needed(pending):
        return see_other(login_url(request, again="1"))
    return _page(request, row, pending)


@signed_in
def decide(request: Request) -> Response:
    """Carry out the user's decision, once; then show what came of it."""
    row, user_id = _own_row(request), own_session(request).user_id
    decision = request.POST.get("decision")
    here = see_other(request_url(request, row.id))
    if decision == "switch":
        return _switch_account(request, row)
    if decision == "deny":
        if decide_device_authorization(request.oidc.dbsession, row.id, user_id, None):
            details = {"client_id": row.client_id, "user_id": user_id}
            event = OAuthEvent(request, "authorization_denied", details)
            request.oidc.database.after_commit(notify, event)
        return here
    if decision not in {ALLOW, ALLOW_AS_SIGNED_IN}:
        return here
    if row.decided_at is not None or row.expires_at <= request.oidc.now:
        return here
    try:
        pending = read_pending(request, row, REQUEST_FLOW)
    except OAuth2Error:
        return here
    if sign_in_needed(pending) or obstacle(pending) is not None:
        return here
    if not is_as_shown(request, shown_of(pending)):
        return _page(request, row, pending, CHANGED)
    if away := go_to_step_up(request, step_up_of(request, pending.claims_request), decision):
        return away
    return run("device_approval", pending, reject)


def approve(pending: PendingRequest) -> None:
    """Let the approval decide whether the authorization is written."""
    client = pending.client
    assert client is not None
    pending.outcome.first(_approve, pending)
    pending.outcome.announce(
        "authorization_granted",
        client_id=client.client_id,
        user_id=pending.login_session.user_id,
        scope=pending.scope,
    )
    pending.outcome.announce(
        "consent_granted",
        client_id=client.client_id,
        user_id=pending.login_session.user_id,
        scope=pending.scope,
        claims=" ".join(pending.single_claims),
    )


def _approve(pending: PendingRequest) -> None:
    authorization = pending.authorization
    assert authorization is not None
    user_id, row_id = pending.login_session.user_id, pending.waiting.id
    dbsession = pending.request.oidc.dbsession
    if not decide_device_authorization(dbsession, row_id, user_id, authorization.id):
        raise Overtaken("access_denied", "The request was decided before.")
    record_consent(pending)


def go_back(pending: PendingRequest) -> Response:
    """Redirect to the page, which shows the decision."""
    return see_other(request_url(pending.request, pending.waiting.id))


def reject(pending: PendingRequest, rejection: Rejection) -> Response:
    """Show the page if another decision came first, or else the rejection of a plugin's step."""
    if isinstance(rejection, Overtaken):
        return go_back(pending)
    request, client = pending.request, pending.client
    reference = record_rejection(request, rejection, client and client.client_id)
    return error_page(request, rejection, reference, back=request_url(request, pending.waiting.id))


def _own_row(request: Request) -> DeviceAuthorization:
    """Return the row of the URL.

    :raises HTTPNotFound: if there is none, or another account claimed it.
    """
    row = request.oidc.dbsession.get(DeviceAuthorization, request.matchdict["id"])
    if row is None or row.claimed_by != own_session(request).user_id:
        raise HTTPNotFound
    return row


def _switch_account(request: Request, row: DeviceAuthorization) -> Response:
    """Give the claim up, so that another account of the user can enter the code."""
    user_id = own_session(request).user_id
    if release_device_authorization(request.oidc.dbsession, row.id, user_id):
        keep_code(request, _code_of(request, row))
    return see_other(login_url(request, request.oidc.url(PAGE), **{SWITCH: "1"}))


def _code_of(request: Request, row: DeviceAuthorization) -> str:
    code = request.oidc.provider.sealer(PURPOSE).unseal(row.user_code_sealed)
    return "" if code is None else code.decode()


def _page(
    request: Request,
    row: DeviceAuthorization,
    pending: PendingRequest | None = None,
    error: str = "",
) -> Response:
    values = {
        "code": shown_user_code(_code_of(request, row)),
        "approved": row.authorization_id is not None,
        "decided": row.decided_at is not None,
        "error": error,
        **(described(pending) if pending is not None else {"client": None}),
    }
    return render(request, "device_request", values, 409 if error else 200)


#: The flow ``device_approval``: the user allows the request.
STEPS: tuple[Step[PendingRequest], ...] = (
    Step(prepare_authorization),  # the root of a new family, as for a code
    Step(logout_channels.take_part),  # the client is notified of the end of the login session
    Step(approve),  # the first of several concurrent decisions counts
    Step(use.note_authorization),  # a client that registered itself is in use
    Step(commit),
    Step(announce),
    Step(go_back),
)


def includeme(config: Configurator) -> None:
    """Offer the pages."""

    def register(config: Configurator) -> None:
        config.add_oidc_route(PAGE, "/device")
        config.add_oidc_route(REQUEST_PAGE, "/device/{id}")
        views: tuple[tuple[str, str, Callable[[Request], Response]], ...] = (
            (PAGE, "GET", enter),
            (PAGE, "POST", submit),
            (REQUEST_PAGE, "GET", show),
            (REQUEST_PAGE, "POST", decide),
        )
        for route_name, method, view in views:
            config.add_oidc_view(view, route_name=route_name, request_method=method)

    config.add_oauth_flow("device_approval", STEPS)
    config.add_oauth_page("device", register)
