"""A plugin with a response mode that protects responses, and cannot carry tokens."""

import json
from typing import Any

from pyramid.response import Response

from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.responses import see_other
from oidcserver.types import Configurator

CANNOT = "This mode carries no tokens."


def encode(
    authorization_request: AuthorizationRequest, redirect_uri: str, parameters: dict[str, str]
) -> Response:
    """Send the box in the query."""
    assert authorization_request.redirect_uri == redirect_uri
    return see_other(f"{redirect_uri}?box={parameters['box']}")


def problem(authorization_request: AuthorizationRequest) -> str | None:
    """Carry codes and errors only."""
    return CANNOT if authorization_request.issues_tokens else None


def protect(authorization_request: AuthorizationRequest) -> dict[str, str]:
    """Wrap the parameters, unless the state says that it cannot be done."""
    if authorization_request.data.get("state") == "broken":
        raise Rejection("server_error", "The box is broken.")
    return {"box": json.dumps(authorization_request.parameters).encode().hex()}


def opened(box: str) -> dict[str, Any]:
    """Return the parameters in a box."""
    parameters: dict[str, Any] = json.loads(bytes.fromhex(box))
    return parameters


def includeme(config: Configurator) -> None:
    """Offer the mode."""
    config.add_response_mode("boxed", encode, problem=problem, protect=protect)
