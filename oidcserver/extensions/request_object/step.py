"""The step that replaces the parameters by those of a request object."""

from contextlib import suppress

from oidcserver.extensions import jarm
from oidcserver.extensions.request_object.merging import merge
from oidcserver.extensions.request_object.reference import fetch_request_object
from oidcserver.extensions.request_object.verification import (
    JAR,
    invalid_request_object,
    signature_required,
    verify_request_object,
)
from oidcserver.oauth.authorization_checks import find_client, match_redirect_uri
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.types import Provider

PARAMETERS = ("request", "request_uri")


def is_selected(provider: Provider, parameter: str) -> bool:
    """Whether a request object may be sent in this parameter."""
    return bool(provider.settings[f"oidc.{parameter}_parameter"])


def read_request_object(authorization_request: AuthorizationRequest) -> None:
    """Replace the parameters by those of a request object; require one if the client has to sign.

    Errors go to the redirect URI beside the object, if the client registered it, unless they might
    have to be protected in a way that only the object says.
    """
    given = [parameter for parameter in PARAMETERS if parameter in authorization_request.data]
    try:
        if given:
            _replace_parameters(authorization_request, given)
        if signature_required(authorization_request) and not authorization_request.signed:
            reject = invalid_request_object if given else invalid_request
            raise reject("The request has to be a signed request object.", "RFC 9101 section 10.5")
    except Rejection:
        known = authorization_request.client is not None
        if known and not _response_mode_is_unread(authorization_request):
            with suppress(Rejection):
                match_redirect_uri(authorization_request)
        raise


def _response_mode_is_unread(authorization_request: AuthorizationRequest) -> bool:
    """Whether the client protects its responses, and its object was not read."""
    data = authorization_request.data
    unread = any(parameter in data for parameter in PARAMETERS) and "response_mode" not in data
    return unread and jarm.registered_for(authorization_request)


def _replace_parameters(authorization_request: AuthorizationRequest, given: list[str]) -> None:
    for parameter in given:
        if not is_selected(authorization_request.provider, parameter):
            raise Rejection(
                f"{parameter}_not_supported",
                f"The parameter {parameter} is not supported.",
                rule="OpenID Connect Core section 3.1.2.6",
            )
    authorization_request.payload.reject_duplicates()
    if len(given) > 1:
        raise invalid_request(
            "request and request_uri exclude each other.", "OpenID Connect Core section 6.1"
        )
    by_value = authorization_request.data.get("request")
    token = fetch_request_object(authorization_request) if by_value is None else by_value
    request_object = verify_request_object(authorization_request, token)
    find_client(
        authorization_request
    )  # once more, since waiting for another host ended the transaction
    inside_only = (
        authorization_request.pushed  # RFC 9126 section 3
        or signature_required(authorization_request)
        or request_object.typ == JAR
    )
    authorization_request.oauth_request.payload = merge(
        authorization_request.payload, request_object, inside_only=inside_only
    )
    authorization_request.signed = request_object.signed and inside_only
