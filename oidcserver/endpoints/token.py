"""The token endpoint (RFC 6749 section 3.2)."""

from pyramid.response import Response

from oidcserver.clients import use
from oidcserver.extensions import (
    authorization_details,
    mutual_tls,
    pkce,
    resource_indicators,
    sender_constraints,
)
from oidcserver.extensions.dpop.token_request import check_proof, spend_proof
from oidcserver.extensions.sender_constraints import selects
from oidcserver.grants import jwt_bearer
from oidcserver.interfaces import Step
from oidcserver.oauth.client_authentication import client_required
from oidcserver.oauth.errors import Rejection, invalid_client, invalid_request
from oidcserver.oauth.flow import run
from oidcserver.oauth.issuing import announce_token
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.steps import (
    announce,
    authenticate_client,
    commit,
    read_parameters,
    reject,
    respond,
    write_response,
)
from oidcserver.oidc import id_token
from oidcserver.oidc.allowed_groups import check_user_of_grant
from oidcserver.types import Configurator, Request


def token(request: Request) -> Response:
    """Answer a token request."""
    return run("token", OAuthRequest(request), reject)


def find_grant(token_request: OAuthRequest) -> None:
    """Find the grant that the ini selected for the ``grant_type``."""
    grant_type = token_request.payload.grant_type
    if not grant_type:
        raise invalid_request("The request has no grant_type.", "RFC 6749 section 4")
    offer = token_request.provider.token_grants.get(grant_type)
    if offer is None:
        raise Rejection(
            "unsupported_grant_type",
            "This grant_type is not supported.",
            rule="RFC 6749 section 5.2",
            received={"grant_type": grant_type},
        )
    token_request.grant = token_request.request.oidc.server.make_grant(offer, token_request)


def check_grant_type(token_request: OAuthRequest) -> None:
    """Reject a client that did not register the grant type, before the grant checks anything."""
    if token_request.client is not None:
        _require_registered(token_request)


def validate_grant(token_request: OAuthRequest) -> None:
    """Let the grant load and check what is redeemed; it consumes nothing.

    A grant that checks a password counts the attempt at once.
    """
    proven = token_request.client
    token_request.grant.validate_token_request()
    named = token_request.client
    if proven is not None and (named is None or named.client_id != proven.client_id):
        # RFC 7521 section 4.1: credentials beside an assertion have to be of the same client.
        token_request.client = proven
        raise invalid_client("RFC 7521 section 4.1", reason="The grant names another client.")


def require_client(token_request: OAuthRequest) -> None:
    """Require a client, authenticated or named by the grant, that registered the grant type."""
    if token_request.client is None:
        raise client_required(token_request)
    _require_registered(token_request)


def _require_registered(token_request: OAuthRequest) -> None:
    grant_type = token_request.payload.grant_type
    if not token_request.client.check_grant_type(grant_type):
        raise Rejection(
            "unauthorized_client",
            "The client did not register this grant_type.",
            rule="RFC 6749 section 5.2",
            received={"grant_type": grant_type},
        )


def require_decision(token_request: OAuthRequest) -> None:
    """Reject a poll of a request that the user has not decided on yet.

    A client that cannot use the tokens, since it lacks the key, learns so at its first poll.
    """
    if token_request.undecided is not None:
        raise token_request.undecided()


def prepare_answer(token_request: OAuthRequest) -> None:
    """Let the grant make its tokens and hand in what the commit writes."""
    user = token_request.user
    status, answer, headers = token_request.grant.create_token_response()
    if token_request.user is not user:  # a grant of a plugin may name the user only now
        check_user_of_grant(token_request)
    token_request.status, token_request.answer = status, answer
    own = {"content-type", "cache-control", "pragma"}
    token_request.answer_headers = [item for item in headers if item[0].lower() not in own]
    announce_token(token_request, answer.get("scope"))


STEPS: tuple[Step[OAuthRequest], ...] = (
    Step(read_parameters),  # RFC 6749 section 3.2: no duplicates, no credentials in the URL
    # An ID-JAG may be the first request of a client that publishes its metadata.
    Step(jwt_bearer.fetch_client, when=jwt_bearer.fetches_clients),
    Step(authenticate_client),  # section 2.3: the credentials must hold, if there are any
    Step(find_grant),  # of those that oauth.grants selects
    Step(check_proof, when=selects("dpop")),  # RFC 9449 section 4.3
    Step(check_grant_type),  # section 5.2: the client registered it
    Step(validate_grant),  # loads and checks what is redeemed, and consumes nothing
    Step(require_client),  # the client that authenticated, or that the grant names
    Step(check_user_of_grant),  # the user is in a group that may use the client
    Step(mutual_tls.bind_to_certificate, when=selects("mtls")),  # RFC 8705 section 3
    Step(sender_constraints.require_registered_keys),  # RFC 9449 section 5.2, RFC 8705 section 3.4
    Step(sender_constraints.require_constraint, when=sender_constraints.requires_keys),
    Step(sender_constraints.check_key),  # of the code or refresh token
    Step(require_decision),  # RFC 8628 section 3.5, CIBA section 11
    Step(pkce.check_code_verifier),  # RFC 7636 section 4.6
    # RFC 8707 section 2.2
    Step(resource_indicators.narrow_audience, when=resource_indicators.are_declared),
    Step(resource_indicators.keep_audience, when=resource_indicators.are_ignored),
    Step(authorization_details.narrow_authorization_details),  # RFC 9396 section 6
    Step(spend_proof, when=selects("dpop")),  # RFC 9449 section 11.1
    Step(jwt_bearer.spend_assertion, when=jwt_bearer.is_selected),  # RFC 7523 section 3, jti
    Step(prepare_answer),  # access token and refresh token; nothing is written yet
    Step(id_token.add_to_token_response),  # OpenID Connect Core sections 3.1.3.3 and 12.2
    Step(use.note_tokens),  # a client that registered itself is in use
    Step(write_response),
    Step(commit),  # the decision and everything that follows from it, as one statement
    Step(announce),  # events; a subscriber that fails is logged
    Step(respond),
)


def includeme(config: Configurator) -> None:
    """Offer the endpoint; curl's ``-F`` sends multipart."""
    config.add_oauth_flow("token", STEPS)
    config.add_oauth_endpoint(
        "token", "/oauth/token", token, cors=True, multipart=True, transaction=False
    )
