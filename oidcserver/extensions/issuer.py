"""The ``iss`` parameter of every authorization response (RFC 9207)."""

from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.types import Configurator


def add_issuer(authorization_request: AuthorizationRequest) -> None:
    """Name the issuer, so that a client cannot be led to confuse two (RFC 9700 section 4.4)."""
    authorization_request.parameters["iss"] = authorization_request.provider.issuer


def includeme(config: Configurator) -> None:
    """Add the metadata."""
    config.add_server_metadata("authorization_response_iss_parameter_supported", True)
