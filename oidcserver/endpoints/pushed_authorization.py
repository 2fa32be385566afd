"""The pushed authorization request endpoint (RFC 9126 section 2)."""

from pyramid.response import Response

from oidcserver.clients.metadata_documents import fetch_document, is_selected
from oidcserver.database.writes import inserting
from oidcserver.extensions.dpop.authorization_request import (
    check_proof_of_pushed_request,
    spend_proof_of_pushed_request,
)
from oidcserver.extensions.pushed_request import ENDPOINT, LIFETIME, PER_ADDRESS
from oidcserver.extensions.sender_constraints import selects
from oidcserver.interfaces import Step
from oidcserver.keys.strict_json import compact
from oidcserver.models import SuspendedRequest
from oidcserver.models.suspended_request import new_pushed_request
from oidcserver.oauth.authorization_request import (
    MAX_STORED,
    AuthorizationRequest,
    count_for_client,
)
from oidcserver.oauth.client_authentication import CREDENTIAL_PARAMETERS
from oidcserver.oauth.errors import Rejection, invalid_request, too_many
from oidcserver.oauth.flow import run, run_steps
from oidcserver.oauth.requests import OAuthRequest, Payload
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
from oidcserver.types import Configurator, Request


class PushedRequest(OAuthRequest):
    """A request that pushes an authorization request, and the findings of the steps."""

    #: The authorization request that is pushed; ``check_request`` sets and checks it.
    authorization_request: AuthorizationRequest


def pushed_authorization(request: Request) -> Response:
    """Check and store an authorization request. Every rejection is JSON (section 2.3)."""
    return run(ENDPOINT, PushedRequest(request), reject)


def reject_reference(pushed_request: PushedRequest) -> None:
    """Reject a ``request_uri``, because the request has to be in the form itself."""
    if "request_uri" in pushed_request.form:
        raise invalid_request("A pushed request has no request_uri.", "RFC 9126 section 2.1")


def identify_client(pushed_request: PushedRequest) -> None:
    """Let the authorization request be that of the client, without the client's credentials.

    A client whose credentials name it need not send its ``client_id`` too.
    """
    client_id = pushed_request.client.client_id
    if pushed_request.form.get("client_id", client_id) != client_id:
        raise invalid_request(
            "The client_id is not that of the authenticated client.", "RFC 9126 section 2.1"
        )
    given = pushed_request.payload.datalist.items()
    pushed_request.payload = Payload(
        (name, value)
        for name, values in given
        for value in values
        if name not in CREDENTIAL_PARAMETERS
    )
    pushed_request.payload.replace("client_id", client_id)


def check_request(pushed_request: PushedRequest) -> Response | None:
    """Pass the checks of the flow ``authorization_request``."""
    pushed_request.authorization_request = AuthorizationRequest(pushed_request, pushed=True)
    return run_steps("authorization_request", pushed_request.authorization_request)


def check_proof(pushed_request: PushedRequest) -> None:
    """Check the DPoP proof, which stands for ``dpop_jkt`` or is of the same key."""
    check_proof_of_pushed_request(pushed_request.authorization_request)


def spend_proof(pushed_request: PushedRequest) -> None:
    """Use the proof up."""
    spend_proof_of_pushed_request(pushed_request.authorization_request)


def check_size(pushed_request: PushedRequest) -> None:
    """Reject a request that is too long to be stored."""
    if len(compact(pushed_request.payload.datalist)) > MAX_STORED:
        raise Rejection(
            "invalid_request",
            f"The request is longer than {MAX_STORED} characters.",
            rule="RFC 9126 section 2.3",
            status_code=413,
        )


def limit_public_clients(pushed_request: PushedRequest) -> None:
    """Count the request of a client that anybody can be, and so can fill the database."""
    wait = count_for_client(pushed_request, PER_ADDRESS)
    if wait:
        raise too_many("Too many requests were pushed from this network.", wait)


def prepare_answer(pushed_request: PushedRequest) -> None:
    """Prepare the row of the request and its ``request_uri`` (section 2.2)."""
    lifetime = pushed_request.provider.settings[LIFETIME]
    request_uri, values = new_pushed_request(
        client_id=pushed_request.client.client_id,
        parameters=dict(pushed_request.payload.datalist),
        signed=pushed_request.authorization_request.signed,
        expires_at=pushed_request.request.oidc.now + lifetime,
    )
    pushed_request.outcome.also(inserting(SuspendedRequest), **values)
    pushed_request.status = 201
    pushed_request.answer = {"request_uri": request_uri, "expires_in": lifetime}


STEPS: tuple[Step[PushedRequest], ...] = (
    Step(read_parameters),  # no duplicates, no credentials in the URL
    Step(reject_reference),  # section 2.1
    Step(fetch_document, when=is_selected),  # of a client that publishes its metadata
    Step(authenticate_client),  # as at the token endpoint
    Step(require_client),  # a public client names itself
    Step(identify_client),
    Step(check_request),  # the steps of authorization_request, as at the authorization endpoint
    Step(check_proof, when=selects("dpop")),  # RFC 9449 section 10.1
    Step(check_size),  # section 2.3
    Step(limit_public_clients),
    Step(spend_proof, when=selects("dpop")),  # RFC 9449 section 11.1
    Step(prepare_answer),
    Step(write_response),
    Step(commit),
    Step(announce),
    Step(respond),
)


def includeme(config: Configurator) -> None:
    """Offer the endpoint and its flow."""
    config.add_oauth_flow(ENDPOINT, STEPS)
    config.add_oauth_endpoint(
        ENDPOINT, "/oauth/par", pushed_authorization, cors=True, transaction=False
    )
