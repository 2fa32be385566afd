"""An endpoint with a flow of its own: a client asks what it registered, with its credentials."""

from pyramid.response import Response

from oidcserver.interfaces import Step
from oidcserver.oauth.flow import run
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.steps import (
    authenticate_client,
    read_parameters,
    reject,
    require_client,
    respond,
    write_response,
)
from oidcserver.types import Configurator, Request


def client_info(request: Request) -> Response:
    """Answer a client."""
    return run("client_info", OAuthRequest(request), reject)


def describe_client(oauth_request: OAuthRequest) -> None:
    """Prepare the members of the response."""
    client = oauth_request.client
    oauth_request.answer = {"client_id": client.client_id, "scope": " ".join(client.scopes)}


STEPS: tuple[Step[OAuthRequest], ...] = (
    Step(read_parameters),
    Step(authenticate_client),
    Step(require_client),
    Step(describe_client),
    Step(write_response),
    Step(respond),
)


def includeme(config: Configurator) -> None:
    """Offer the flow, and the endpoint for ``oauth.endpoints``."""
    config.add_oauth_flow("client_info", STEPS)
    config.add_oauth_endpoint("client_info", "/oauth/client_info", client_info, transaction=False)
