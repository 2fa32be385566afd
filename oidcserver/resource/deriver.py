"""The view option ``oauth_scope``: a view with it requires an access token with these scopes."""

import logging
from collections.abc import Callable
from typing import Any

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.oauth.bearer import insufficient_scope, invalid_token, read_bearer_token
from oidcserver.oauth.errors import Rejection, as_rejection
from oidcserver.oauth.responses import error_response
from oidcserver.resource.remote_provider import ValidatorUnavailable
from oidcserver.types import AccessToken, Request

log = logging.getLogger(__name__)

RETRY_SECONDS = 5

View = Callable[[Any, Any], Response]


def oauth_scope_deriver(view: View, info: Any) -> View:
    """Wrap a view that has the option; return every other view unchanged."""
    wanted = info.options.get("oauth_scope")
    if wanted is None:
        return view
    alternatives = [wanted] if isinstance(wanted, str) else list(wanted)

    def protected(context: Any, request: Request) -> Response:
        try:
            token = authenticate(request, alternatives)
        except OAuth2Error as error:
            return error_response(as_rejection(error))
        request.oidc.access_token = token
        return view(context, request)

    return protected


oauth_scope_deriver.options = ("oauth_scope",)  # type: ignore[attr-defined]


def no_access_token(request: Request) -> None:
    """``request.oidc.access_token`` of a view without ``oauth_scope``."""


def authenticate(request: Request, alternatives: list[str]) -> AccessToken:
    """Return the request's token if it is valid and has the scopes of one alternative.

    :raises Rejection: with the challenge of RFC 6750 section 3.
    """
    text = read_bearer_token(request)
    try:
        token: AccessToken | None = request.registry.oidc.token_validator.validate(request, text)
    except ValidatorUnavailable as problem:
        log.error("A token cannot be checked: %s", problem)
        raise Rejection(
            "temporarily_unavailable",
            "The token cannot be checked at this moment.",
            status_code=503,
            headers=(("Retry-After", str(RETRY_SECONDS)),),
        ) from None
    if token is None:
        raise invalid_token("The access token is not valid, has expired or was revoked.")
    if token.confirmation is not None:
        raise invalid_token("The access token is bound to a key and was sent as Bearer.")
    if not any(token.scopes.issuperset(scopes.split()) for scopes in alternatives):
        raise insufficient_scope(alternatives[0])
    return token
