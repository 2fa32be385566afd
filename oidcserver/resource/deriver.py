"""The view option ``oauth_scope``: a view with it requires an access token with these scopes.

The options ``oauth_resource``, ``oauth_acr`` and ``oauth_max_age`` require more of the token.
"""

import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.extensions.key_confirmation import key_confirmation
from oidcserver.oauth.bearer import insufficient_scope, invalid_token
from oidcserver.oauth.errors import Rejection, as_rejection
from oidcserver.oauth.responses import error_response
from oidcserver.oauth.tokens import AccessToken
from oidcserver.resource.challenges import add_parameters
from oidcserver.resource.protected_resources import choose_resource
from oidcserver.resource.remote_provider import ValidatorUnavailable
from oidcserver.resource.step_up import step_up
from oidcserver.resource.validators import TokenValidator
from oidcserver.types import Request

log = logging.getLogger(__name__)

RETRY_SECONDS = 5

OPTIONS = ("oauth_scope", "oauth_resource", "oauth_acr", "oauth_max_age")

View = Callable[[Any, Any], Response]


def oauth_scope_deriver(view: View, info: Any) -> View:
    """Wrap a view that has one of the options; return every other view unchanged."""
    given = {name: info.options[name] for name in OPTIONS if info.options.get(name) is not None}
    if not given:
        return view
    wanted = given.get("oauth_scope", "")
    alternatives = [wanted] if isinstance(wanted, str) else list(wanted)
    resource = choose_resource(info.registry, given.get("oauth_resource"))
    sign_in = step_up(given.get("oauth_acr"), given.get("oauth_max_age"))

    def protected(context: Any, request: Request) -> Response:
        try:
            token = authenticate(request, alternatives, resource.uri if resource else "")
            sign_in.check(token)
        except OAuth2Error as error:
            rejection = as_rejection(error)
            if resource is not None:
                add_parameters(rejection, resource, alternatives[0])
            return error_response(key_confirmation(request).name_schemes(request, rejection))
        request.oidc.access_token = token
        return view(context, request)

    return protected


oauth_scope_deriver.options = OPTIONS  # type: ignore[attr-defined]


def no_access_token(request: Request) -> None:
    """``request.oidc.access_token`` of a view without ``oauth_scope``."""


def _public_uris(request: Request) -> tuple[str, ...]:
    path = quote(request.environ["PATH_INFO"], encoding="latin-1")
    return (request.registry.oidc.resource_url + path,)


def authenticate(request: Request, alternatives: list[str], audience: str) -> AccessToken:
    """Return the request's token if it is valid and has the scopes of one alternative.

    :param audience: the URI of the resource; empty: the audience of the settings.
    :raises Rejection: with the challenge of RFC 6750 section 3.
    """
    confirmation = key_confirmation(request)
    presented = confirmation.read_token(request)
    try:
        validator: TokenValidator = request.registry.oidc.token_validator
        token: AccessToken | None = validator.validate(request, presented.text, audience)
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
    proof = confirmation.check(request, presented, token, _public_uris)
    confirmation.spend(request, proof)
    if not any(token.scopes.issuperset(scopes.split()) for scopes in alternatives):
        raise insufficient_scope(alternatives[0])
    return token
