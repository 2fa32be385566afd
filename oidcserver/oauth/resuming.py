"""Resumes the authorization request that a ``request_uri`` of ours names (RFC 9126 section 4)."""

import json
from dataclasses import replace
from typing import NamedTuple

from oidcserver.models.suspended_request import (
    ANY_BROWSER,
    BIND,
    REQUEST_URI_PREFIX,
    SuspendedRequestRecord,
    find_suspended_request,
    read_again,
)
from oidcserver.oauth.authorization_request import PURPOSE, SEALED_PREFIX, AuthorizationRequest
from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.requests import Payload
from oidcserver.texts import _
from oidcserver.types import Request


class SealedRequest(NamedTuple):
    """The content of a ``request_uri`` that was made before a user signed in."""

    client_id: str
    browser_digest: str
    signed: bool
    parameters: dict[str, list[str]]
    expires_at: int = 0


def find_request(
    request: Request, request_uri: str
) -> SealedRequest | SuspendedRequestRecord | None:
    """Return the request of a ``request_uri`` of ours; None for any other text."""
    if not request_uri.startswith(SEALED_PREFIX):
        return find_suspended_request(request.oidc.database, request_uri)
    sealed = request_uri.removeprefix(SEALED_PREFIX)
    text = request.oidc.provider.sealer(PURPOSE).unseal(sealed)
    return SealedRequest(*json.loads(text)) if text is not None else None


def resume(authorization_request: AuthorizationRequest) -> None:
    """Replace this request by the suspended request that a ``request_uri`` of ours names.

    A request that expired, or was answered long ago, is processed again as if its first URL were
    opened again. The signature of a request object was checked when it came, so the user may take
    longer than the object is valid. A request that the client pushed is not processed again: its
    ``request_uri`` is used once, and the first visit has to be in time. From then on it waits for
    the user like any other.

    :raises Rejection: if the request is unknown, finished or belongs to another browser.
    """
    request, given = authorization_request.request, authorization_request.payload.datalist
    references = given.get("request_uri", [])
    if not references or not references[0].startswith(REQUEST_URI_PREFIX):
        return
    if len(references) > 1:
        raise invalid_request(_("request_uri is repeated."), "RFC 6749 section 3.1")
    found = find_request(request, references[0])
    if found is None or given.get("client_id") != [found.client_id]:
        raise request_is_unknown()
    stored = None
    if isinstance(found, SuspendedRequestRecord):
        authorization_request.pushed = found.pushed
        found = stored = _take_up(request, found)
    if found.browser_digest != request.oidc.browser_digest:
        raise Rejection(
            "invalid_request",
            _("This sign-in was started in another browser. Start again at the application."),
            rule="RFC 9700 section 4.7",
            status_code=403,
        )
    pairs = [(name, value) for name, values in found.parameters.items() for value in values]
    authorization_request.oauth_request.payload = Payload(pairs)
    authorization_request.signed, authorization_request.stored = found.signed, True
    if authorization_request.pushed or found.expires_at > request.oidc.now:
        authorization_request.suspended = stored
        authorization_request.request_uri = references[0]


def _take_up(request: Request, stored: SuspendedRequestRecord) -> SuspendedRequestRecord:
    """Bind a stored request to the first browser that resumes it; return the request as it is now.

    The binding is written at once, before the commit: another browser cannot continue the request,
    whatever becomes of this visit.

    :raises Rejection: if it was pushed and is finished, or nobody took it up in time.
    """
    now, settings = request.oidc.now, request.oidc.provider.settings
    if stored.pushed:
        answered_at = stored.used_at
        if answered_at is not None and answered_at <= now - settings["oidc.repeat_window"]:
            raise request_is_finished()
        if answered_at is None and stored.expires_at <= now:
            raise _invalid_request_uri(
                _("The request_uri of this sign-in has expired. Start again at the application."),
                "RFC 9126 section 4",
            )
    if stored.browser_digest != ANY_BROWSER:
        return stored
    browser, until = request.oidc.browser_digest, stored.expires_at
    if stored.pushed:
        until = now + settings["oidc.interaction_lifetime"]
    reference = stored.reference_digest
    if request.oidc.database.write(
        BIND, bound_reference=reference, bound_browser=browser, bound_until=until
    ):
        return replace(stored, browser_digest=browser, expires_at=until)
    bound = read_again(request.oidc.database, reference)
    if bound is None:
        raise request_is_unknown()
    return bound


def request_is_unknown() -> Rejection:
    """Return the rejection of a ``request_uri`` of which there is no request, or none any more."""
    return invalid_request(
        _("The request_uri of this sign-in is not known here. Start again at the application."),
        "RFC 9126 section 4",
    )


def request_is_finished() -> Rejection:
    """Return the rejection of a pushed request that was answered."""
    return _invalid_request_uri(
        _("The request_uri of this sign-in was used before. Start again at the application."),
        "RFC 9126 section 7.3",
    )


def _invalid_request_uri(description: str, rule: str) -> Rejection:
    return Rejection("invalid_request_uri", description, rule=rule)
