"""The ``iss`` parameter of every authorization response (RFC 9207)."""

from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.types import Configurator


def add_issuer(authorization_request: AuthorizationRequest) -> None:
    """Add the issuer, which prevents mix-up attacks on clients (RFC 9700 section 4.4)."""
    authorization_request.parameters["iss"] = authorization_request.provider.issuer


def includeme(config: Configurator) -> None:
    """Add the metadata."""
    config.add_server_metadata("authorization_response_iss_parameter_supported", True)
