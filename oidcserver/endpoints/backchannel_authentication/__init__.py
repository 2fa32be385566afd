"""The backchannel authentication endpoint of CIBA (sections 7.1 to 7.3).

A client asks here for the sign-in of a user; the user decides elsewhere, and the client gets the
tokens at the token endpoint.
"""

from functools import partial
from typing import Any

from pyramid.response import Response

from oidcserver.credentials import BACKCHANNEL_REQUEST, digest, new_credential
from oidcserver.endpoints.backchannel_authentication.hints import find_user, read_hint
from oidcserver.endpoints.backchannel_authentication.parameters import (
    read_acr_values,
    read_authorization_details,
    read_binding_message,
    read_notification_token,
    read_requested_expiry,
    read_resources,
    read_scope,
    reject_user_code,
)
from oidcserver.endpoints.backchannel_authentication.request import (
    BackchannelAuthenticationRequest,
    rejected,
)
from oidcserver.endpoints.backchannel_authentication.signed_request import (
    read_signed_request,
    use_signed_request,
)
from oidcserver.extensions import resource_indicators
from oidcserver.http.senders import remote_address_of
from oidcserver.interfaces import Step
from oidcserver.models import BackchannelRequest
from oidcserver.models.backchannel_request import add_backchannel_request
from oidcserver.oauth.errors import invalid_client, too_many
from oidcserver.oauth.flow import run
from oidcserver.oauth.grant_types import CIBA
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
from oidcserver.oidc.ciba import DELIVERY, ENDPOINT, INTERVAL, OPEN, REQUESTED, SIGNING
from oidcserver.oidc.ciba.ping import seal_ping
from oidcserver.types import Configurator, Provider, Request


def backchannel_authentication(request: Request) -> Response:
    """Answer a backchannel authentication request."""
    return run(ENDPOINT, BackchannelAuthenticationRequest(request), reject)


def require_confidential_client(asking: BackchannelAuthenticationRequest) -> None:
    """Require that the client is authenticated (section 7.2)."""
    require_client(asking)
    if asking.auth_method == "none":
        raise invalid_client("CIBA section 7.2", reason="The client is public.")


def check_grant_type(asking: BackchannelAuthenticationRequest) -> None:
    """Reject a client that did not register the grant type, or that registered itself.

    Otherwise anybody could register a client, find out by it which users exist, and bother them.
    """
    if not asking.client.check_grant_type(CIBA):
        raise rejected("unauthorized_client", "The client did not register the CIBA grant type.")
    if asking.client.self_registered:
        raise rejected(
            "unauthorized_client",
            "The client registered itself without a token: its operator has not been verified.",
        )


def prepare_answer(asking: BackchannelAuthenticationRequest) -> None:
    """Prepare the answer (section 7.3) and the row that the user decides on."""
    request, settings = asking.request, asking.provider.settings
    auth_req_id = new_credential(BACKCHANNEL_REQUEST)
    expires_at = request.oidc.now + asking.lifetime
    asking.answer = {
        "auth_req_id": auth_req_id,
        "expires_in": asking.lifetime,
        "interval": settings[INTERVAL],
    }
    columns: dict[str, Any] = {
        "request_digest": digest(auth_req_id),
        "client_id": asking.client.client_id,
        "user_id": asking.user.id,
        "scope": asking.granted_scope,
        "claims_request": asking.claims_request,
        "resources": list(asking.audience) or None,
        "authorization_details": asking.authorization_details,
        "binding_message": asking.binding_message,
        "remote_address": remote_address_of(request),
        "poll_interval": settings[INTERVAL],
        "next_poll_at": request.oidc.now,
        "created_at": request.oidc.now,
        "expires_at": expires_at,
    }
    if asking.notification_token is not None:
        token = asking.notification_token
        columns["ping_sealed"] = seal_ping(asking.provider, auth_req_id, token)
    asking.outcome.first(_add, request, columns)
    asking.outcome.announce(
        REQUESTED,
        client_id=asking.client.client_id,
        user_id=asking.user.id,
        scope=asking.granted_scope,
        binding_message=asking.binding_message,
        expires_at=expires_at,
    )


def _add(request: Request, columns: dict[str, Any]) -> None:
    """Add the row.

    :raises Rejection: 429 if the user has too many open requests, and is not asked again.
    """
    most = request.oidc.provider.settings[OPEN]
    wait = add_backchannel_request(request.oidc.dbsession, BackchannelRequest(**columns), most)
    if wait:
        raise too_many("The End-User has too many open requests.", wait)


def _from_settings(name: str, provider: Provider) -> list[str]:
    return list(provider.settings[name])


STEPS: tuple[Step[BackchannelAuthenticationRequest], ...] = (
    Step(read_parameters),  # RFC 6749 section 3.2: no duplicates, no credentials in the URL
    Step(authenticate_client),
    Step(require_confidential_client),  # CIBA section 7.2
    Step(check_grant_type),
    Step(read_signed_request),  # section 7.1.1: from here on its parameters are the request's
    Step(use_signed_request),  # its jti is spent, also when the request fails later
    Step(read_scope),
    Step(read_resources, when=resource_indicators.are_declared),  # RFC 8707 section 2
    Step(read_authorization_details),  # RFC 9396 section 5
    Step(read_hint),  # exactly one
    Step(read_binding_message),
    Step(reject_user_code),
    Step(read_requested_expiry),
    Step(read_acr_values),
    Step(read_notification_token),  # of a client in ping mode
    Step(find_user),  # last, so that no other mistake tells whether there is such a user
    Step(prepare_answer),
    Step(write_response),
    Step(commit),  # the request, if the user has not too many
    Step(announce),  # plugins notify the user's device
    Step(respond),
)


def includeme(config: Configurator) -> None:
    """Offer the endpoint."""
    config.add_oauth_flow(ENDPOINT, STEPS)
    config.add_oauth_endpoint(
        ENDPOINT,
        "/oauth/bc-authorize",
        backchannel_authentication,
        transaction=False,
        metadata={
            "backchannel_token_delivery_modes_supported": partial(_from_settings, DELIVERY),
            "backchannel_authentication_request_signing_alg_values_supported": partial(
                _from_settings, SIGNING
            ),
            "backchannel_user_code_parameter_supported": False,
        },
    )
