"""The answer to an authorization request that was granted: prepared, committed, or repeated."""

import json
from collections.abc import Callable, Iterable
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlsplit

from pyramid.response import Response

from oidcserver.database.writes import inserting
from oidcserver.models import Authorization
from oidcserver.models.authorization_code import find_authorization_code
from oidcserver.models.live_session import STAY
from oidcserver.models.suspended_request import ANSWER_AGAIN, USE, read_again
from oidcserver.oauth.authorization_errors import send
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.flow import run_steps
from oidcserver.oauth.issuing import announce_token, new_authorization
from oidcserver.oauth.outcome import Outcome
from oidcserver.oauth.resuming import request_is_finished, request_is_unknown

#: The purpose of the seal on the stored answer to an authorization request.
ANSWER = "authorization response"


def repeat_answer(authorization_request: AuthorizationRequest) -> Response | None:
    """Repeat the answer to a double click; later, process the request again.

    A code that the client has redeemed is not sent again, because redeeming it twice would end its
    tokens (RFC 9700 section 4.5). The user's decision is still valid, so another code is issued.
    A request that the client pushed is not processed again: it is used once (RFC 9126 section 7.3).
    """
    suspended, request = authorization_request.suspended, authorization_request.request
    if suspended is None or suspended.used_at is None:
        return None
    window = request.oidc.provider.settings["oidc.repeat_window"]
    session = request.oidc.login_session
    if suspended.response_sealed and suspended.used_at > request.oidc.now - window and session:
        answer = request.oidc.provider.sealer(ANSWER).unseal(suspended.response_sealed)
        user_id, parameters = json.loads(answer or b"[null, {}]")
        if user_id == session.user_id:
            if not _is_redeemed(authorization_request, parameters.get("code", "")):
                authorization_request.parameters = parameters
                return send(authorization_request)
            if not authorization_request.pushed:
                return None
    if authorization_request.pushed:
        authorization_request.redirect_uri = None  # the client has had its answer
        raise request_is_finished()
    authorization_request.suspended = None
    return None


def prepare_authorization(authorization_request: AuthorizationRequest) -> None:
    """Prepare the authorization to which the answer and all later tokens belong.

    A pairwise subject is stored at its first use, alone: it has to be the same for every request.
    """
    request, client = authorization_request.request, authorization_request.client
    session = authorization_request.login_session
    assert client is not None
    row = new_authorization(
        request,
        client,
        session.user,
        redeemable_for=authorization_request.redeemable_for,
        session_id=session.id,
        scope=authorization_request.scope,
        claims_request=authorization_request.claims_request,
        confirmation=authorization_request.confirmation,
        resources=list(authorization_request.resources) or None,
        authorization_details=authorization_request.authorization_details,
        nonce=authorization_request.data.get("nonce"),
        auth_time=session.auth_time,
        acr=session.acr,
        amr=session.amr,
    )
    authorization_request.authorization = authorization_request.oauth_request.authorization = (
        row.record()
    )
    authorization_request.outcome.also(inserting(Authorization), **row.values)


def prepare_answer(authorization_request: AuthorizationRequest) -> None:
    """Let the grant of the response type prepare the parameters of the response."""
    request, oauth_request = authorization_request.request, authorization_request.oauth_request
    client, user = authorization_request.client, authorization_request.login_session.user
    assert client is not None
    offer = request.oidc.provider.authorization_grants[authorization_request.response_type]
    oauth_request.user = user
    grant = request.oidc.server.make_grant(offer, oauth_request)
    _, answer, headers = grant.create_authorization_response(
        authorization_request.redirect_uri, user
    )
    authorization_request.parameters = (
        answer if isinstance(answer, dict) else _parameters_of(headers)
    )
    if "access_token" in authorization_request.parameters:
        announce_token(oauth_request, authorization_request.scope)
    authorization_request.outcome.announce(
        "authorization_granted",
        client_id=client.client_id,
        user_id=user.id,
        scope=authorization_request.scope,
    )


def _parameters_of(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the parameters of the redirect by which Authlib's own grants answer."""
    parts = urlsplit(dict(headers)["Location"])
    return dict(parse_qsl(parts.fragment or parts.query, keep_blank_values=True))


def seal_answer(authorization_request: AuthorizationRequest) -> None:
    """Let the use of the suspended request decide, and store the answer for a double click.

    The login session and the consent have to go on until the commit, or nothing is written: the end
    of all sessions of a user, or the withdrawal of a consent, ends every authorization.
    """
    suspended, request = authorization_request.suspended, authorization_request.request
    outcome, live = authorization_request.outcome, _live(authorization_request)
    if suspended is None:
        outcome.decide(STAY, _reject_ended, **live)
        return
    answer = [authorization_request.login_session.user_id, authorization_request.parameters]
    sealed = request.oidc.provider.sealer(ANSWER).seal(json.dumps(answer).encode())
    values: dict[str, Any] = {
        "answered_reference": suspended.reference_digest,
        "answer": sealed,
        **live,
    }
    if suspended.used_at is None:
        values |= {"answered_now": request.oidc.now}
        outcome.decide(USE, _lose(authorization_request), **values)
    else:
        outcome.decide(ANSWER_AGAIN, _lose(authorization_request), **values)


def write_response(authorization_request: AuthorizationRequest) -> None:
    """Write the response by the response mode, before anything is written that it depends on."""
    authorization_request.response = send(authorization_request)


def commit(authorization_request: AuthorizationRequest) -> Response | None:
    """Write all that the request decides, and what follows from it, in one transaction.

    Of several requests of one browser that want to answer the same suspended request, one does;
    the others repeat its answer.
    """
    authorization_request.outcome.write(authorization_request.request)
    if not authorization_request.lost:
        return None
    suspended, oauth_request = authorization_request.suspended, authorization_request.oauth_request
    assert suspended is not None
    authorization_request.suspended = read_again(
        authorization_request.request.oidc.database, suspended.reference_digest
    )
    if authorization_request.suspended is None:  # its client has just been deleted
        raise request_is_unknown()
    authorization_request.lost, oauth_request.outcome = False, Outcome()
    return run_steps("authorization", authorization_request, start="repeat_answer")


def _lose(authorization_request: AuthorizationRequest) -> Callable[[], None]:
    """Return the function that notes that another request was faster, or that the session ended."""

    def lose() -> None:
        database = authorization_request.request.oidc.database
        if not database.write(STAY, **_live(authorization_request)):
            _reject_ended()
        authorization_request.lost = True

    return lose


def _live(authorization_request: AuthorizationRequest) -> dict[str, str | None]:
    """Return the values of ``LIVE``."""
    client = authorization_request.client
    assert client is not None
    return {
        "live_session": authorization_request.login_session.id,
        "live_client": client.client_id if authorization_request.consented else None,
    }


def _reject_ended() -> NoReturn:
    raise Rejection(
        "login_required",
        "The End-User has just signed out or withdrawn the access.",
        rule="OpenID Connect Core section 3.1.2.6",
    )


def _is_redeemed(authorization_request: AuthorizationRequest, code: str) -> bool:
    found = find_authorization_code(authorization_request.request.oidc.database, code)
    return found is not None and found.code.used_at is not None
