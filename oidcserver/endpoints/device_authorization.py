"""The device authorization endpoint (RFC 8628 section 3.1)."""

from typing import NoReturn

from pyramid.response import Response

from oidcserver.clients import metadata_documents, use
from oidcserver.credentials import DEVICE_CODE, digest, new_credential
from oidcserver.database import NewRow
from oidcserver.extensions import authorization_details, claims, resource_indicators
from oidcserver.grants.device_code import (
    ENDPOINT,
    PAGE,
    PER_ADDRESS,
    REQUEST_FLOW,
    DeviceCodeGrant,
)
from oidcserver.http.senders import remote_address_of, user_agent_of
from oidcserver.http.throttling import waiting_time
from oidcserver.interfaces import Step
from oidcserver.keys.strict_json import compact
from oidcserver.models import DeviceAuthorization
from oidcserver.models.device_authorization import STORE
from oidcserver.oauth.authorization_checks import narrow_scope, read_prompt
from oidcserver.oauth.authorization_request import (
    MAX_STORED,
    AuthorizationRequest,
    count_for_client,
)
from oidcserver.oauth.client_authentication import CREDENTIAL_PARAMETERS
from oidcserver.oauth.errors import Rejection, invalid_request, too_many
from oidcserver.oauth.flow import run, run_steps
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.steps import (
    announce,
    authenticate_client,
    commit,
    read_parameters,
    reject,
    require_client,
    respond,
    write_response,
)
from oidcserver.oauth.user_codes import (
    INTERVAL,
    LIFETIME,
    PURPOSE,
    new_user_code,
    shown_user_code,
)
from oidcserver.oidc import acr, id_token_hint, languages
from oidcserver.texts import SOURCE
from oidcserver.types import Configurator, Request


class DeviceRequest(OAuthRequest):
    """A request for codes, and the findings of the steps."""

    #: The request that the user decides on; ``check_request`` sets and checks it.
    authorization_request: AuthorizationRequest


def device_authorization(request: Request) -> Response:
    """Issue a device code and a user code."""
    return run("device_authorization", DeviceRequest(request), reject)


def require_grant_type(device_request: DeviceRequest) -> None:
    """Reject a client that did not register the grant."""
    if not device_request.client.check_grant_type(DeviceCodeGrant.GRANT_TYPE):
        raise Rejection(
            "unauthorized_client",
            "The client did not register the device grant.",
            rule="RFC 6749 section 5.2",
        )


def limit_requests(device_request: DeviceRequest) -> None:
    """Count the request of a client that anybody can be, and so can fill the database."""
    wait = count_for_client(device_request, PER_ADDRESS, LIFETIME)
    if wait:
        raise too_many(
            "Too many device codes were requested from this network. "
            f"Please try again in {SOURCE.translate(waiting_time(wait))}.",
            wait,
        )


def check_request(device_request: DeviceRequest) -> Response | None:
    """Pass the checks of the flow ``device_authorization_request``, which the page repeats."""
    device_request.authorization_request = AuthorizationRequest(
        device_request, client=device_request.client, response_type="code"
    )
    return run_steps(REQUEST_FLOW, device_request.authorization_request)


def prepare_codes(device_request: DeviceRequest) -> None:
    """Prepare the codes, and the row that keeps the request until it expires.

    The row has the scope that the client may have now, and not the one that it asked for.
    """
    request, provider = device_request.request, device_request.provider
    parameters = {
        name: values
        for name, values in device_request.payload.datalist.items()
        if name not in CREDENTIAL_PARAMETERS
    }
    parameters["scope"] = [device_request.authorization_request.scope]
    if len(compact(parameters)) > MAX_STORED:
        raise invalid_request(f"The request is longer than {MAX_STORED} characters.")
    device_code, user_code = new_credential(DEVICE_CODE), new_user_code(provider.settings)
    sealer = provider.sealer(PURPOSE)
    row = NewRow(
        DeviceAuthorization,
        device_code_digest=digest(device_code),
        user_code_digest=sealer.digests(user_code)[0],
        user_code_sealed=sealer.seal(user_code.encode()),
        client_id=device_request.client.client_id,
        parameters=parameters,
        remote_address=remote_address_of(request),
        user_agent=user_agent_of(request),
        expires_at=request.oidc.now + provider.settings[LIFETIME],
        poll_interval=provider.settings[INTERVAL],
    )
    device_request.outcome.decide(STORE, _collide, **row.values)
    shown = shown_user_code(user_code)
    device_request.answer = {
        "device_code": device_code,
        "user_code": shown,
        "verification_uri": request.oidc.url(PAGE),
        "verification_uri_complete": request.oidc.url(PAGE, _query={"user_code": shown}),
        "expires_in": provider.settings[LIFETIME],
        "interval": provider.settings[INTERVAL],
    }
    device_request.outcome.announce("device_code_issued", client_id=device_request.client.client_id)


def _collide() -> NoReturn:
    """Reject the request whose random user code another request has already."""
    raise Rejection(
        "temporarily_unavailable",
        "No user code could be found. Please try again.",
        status_code=503,
        headers=(("Retry-After", "1"),),
    )


def reject_silent(authorization_request: AuthorizationRequest) -> None:
    """Reject ``prompt=none``: the user of another device is always asked."""
    if "none" in authorization_request.prompt:
        raise invalid_request("prompt=none is not possible for a device.")


STEPS: tuple[Step[DeviceRequest], ...] = (
    Step(read_parameters),  # RFC 8628 section 3.1: a form, no parameter twice
    Step(metadata_documents.fetch_document, when=metadata_documents.is_selected),
    Step(authenticate_client),  # a public client names itself
    Step(require_client),
    Step(require_grant_type),
    Step(limit_requests),
    Step(check_request),  # the steps below
    Step(prepare_codes),  # section 3.2
    Step(use.note_tokens),  # a client that registered itself is in use
    Step(write_response),
    Step(commit),
    Step(announce),
    Step(respond),
)

#: The flow ``device_authorization_request`` checks the request as the authorization endpoint does.
#: The page of the user repeats the checks.
REQUEST_STEPS: tuple[Step[AuthorizationRequest], ...] = (
    Step(narrow_scope),  # RFC 6749 section 3.3
    # RFC 8707 section 2
    Step(resource_indicators.read_resources, when=resource_indicators.are_declared),
    Step(authorization_details.read_authorization_details),  # RFC 9396 section 5
    Step(read_prompt),  # OpenID Connect Core section 3.1.2.1
    Step(reject_silent),
    Step(id_token_hint.read_hint),
    Step(claims.read_claims),  # section 5.5
    Step(languages.read_claims_locales),  # section 5.2
    Step(acr.read_acr_values),  # sections 3.1.2.1 and 5.5.1.1
)


def includeme(config: Configurator) -> None:
    """Offer the endpoint and its flows."""
    config.add_oauth_flow("device_authorization", STEPS)
    config.add_oauth_flow(REQUEST_FLOW, REQUEST_STEPS)
    config.add_oauth_endpoint(
        ENDPOINT, "/oauth/device_authorization", device_authorization, transaction=False
    )
