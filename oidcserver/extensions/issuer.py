"""The ``iss`` parameter of every authorization response (RFC 9207)."""

from typing import Any

from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.types import Configurator


def add_issuer(authorization_request: AuthorizationRequest, parameters: dict[str, Any]) -> None:
    """Name the issuer, so that a client cannot be led to confuse two (RFC 9700 section 4.4)."""
    parameters["iss"] = authorization_request.provider.issuer


def includeme(config: Configurator) -> None:
    """Register the stage and what it promises."""
    config.add_oauth_stage("authorization_response", "issuer", add_issuer)
    config.add_server_metadata("authorization_response_iss_parameter_supported", True)
