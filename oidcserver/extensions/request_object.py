"""Request objects (OpenID Connect Core section 6): refused by name while not supported."""

from typing import Any

from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection


def refuse_request_objects(request: AuthorizationRequest) -> None:
    """Say so instead of ignoring what the client meant to protect (section 3.1.2.6)."""
    for parameter in ("request", "request_uri"):
        if parameter in request.data:
            raise Rejection(
                f"{parameter}_not_supported",
                f"The parameter {parameter} is not supported.",
                rule="OpenID Connect Core section 3.1.2.6",
            )


def includeme(config: Any) -> None:
    """Register the stage; the metadata says so, since request_uri counts as supported else."""
    config.add_oauth_stage(
        "authorization", "request_object", refuse_request_objects, after="redirect_uri"
    )
    config.add_server_metadata("request_parameter_supported", False)
    config.add_server_metadata("request_uri_parameter_supported", False)
