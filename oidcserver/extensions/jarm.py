"""JWT Secured Authorization Response Mode (JARM): the response as a JWT for the client.

It is signed, and encrypted if the client registered for that. The ini selects the modes
``query.jwt``, ``fragment.jwt``, ``form_post.jwt`` and ``jwt`` like any other.
"""

from collections.abc import Callable, Sequence

from pyramid.response import Response

from oidcserver.clients.client_jwt import (
    default_signing_algorithm,
    encryption_algorithms,
    encryption_encodings,
    make_client_jwt,
    require_encryption_key,
    signing_algorithms,
)
from oidcserver.extensions.response_mode import form_post, fragment, query
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.types import Configurator, Provider

#: The prefix of the client's members, such as ``authorization_signed_response_alg``.
USE = "authorization"
SIGNED = f"{USE}_signed_response_alg"
ENCRYPTED = f"{USE}_encrypted_response_alg"
#: The seconds that a response is valid; section 2.1 recommends ten minutes at most.
LIFETIME = 300


def jwt(
    authorization_request: AuthorizationRequest, redirect_uri: str, parameters: dict[str, str]
) -> Response:
    """Use the default of the response type (section 2.3.4): the query or the fragment."""
    encode = fragment if authorization_request.issues_tokens else query
    return encode(authorization_request, redirect_uri, parameters)


def protect_response(authorization_request: AuthorizationRequest) -> dict[str, str]:
    """Return the parameter ``response``, a JWT with all parameters (section 2.1).

    It has a ``typ``, so that it is not an ID token (RFC 8725 section 3.11).

    :raises Rejection: if the client has no secret to sign with or no key to encrypt to.
    """
    request, client = authorization_request.request, authorization_request.client
    assert client is not None
    provider = authorization_request.provider
    claims = {
        **authorization_request.parameters,
        "iss": provider.issuer,
        "aud": client.client_id,
        "exp": request.oidc.now + LIFETIME,
    }
    default = default_signing_algorithm(provider.settings_for(client))
    return {"response": make_client_jwt(request, client, USE, claims, typ="JWT", default=default)}


def only_encrypted_tokens(authorization_request: AuthorizationRequest) -> str | None:
    """Reject tokens in a query unless they are encrypted (section 2.3.1)."""
    assert authorization_request.client is not None
    if authorization_request.issues_tokens and not authorization_request.client.member(ENCRYPTED):
        return (
            "Tokens are not sent in a query if the response is not encrypted: use fragment.jwt or "
            "form_post.jwt."
        )
    return None


def require_response_key(authorization_request: AuthorizationRequest) -> None:
    """Require the client's encryption key before the user is asked anything."""
    client, modes = authorization_request.client, authorization_request.provider.response_modes
    assert client is not None
    alg = client.member(ENCRYPTED)
    protect = modes[authorization_request.response_mode].protect
    if alg is not None and protect is protect_response:
        require_encryption_key(authorization_request.request, client, alg)


def is_selected(provider: Provider) -> bool:
    """Whether a client may request a JWT."""
    return any(mode.protect is protect_response for mode in provider.response_modes.values())


def registered_for(authorization_request: AuthorizationRequest) -> bool:
    """Whether the client registered how its responses are protected, so that it expects that."""
    assert authorization_request.client is not None
    members = map(authorization_request.client.member, (SIGNED, ENCRYPTED))
    return is_selected(authorization_request.provider) and any(members)


def _where_selected(
    values: Callable[[Provider], Sequence[str]],
) -> Callable[[Provider], Sequence[str]]:
    return lambda provider: values(provider) if is_selected(provider) else []


def includeme(config: Configurator) -> None:
    """Offer the modes, and add the metadata."""
    mode = config.add_response_mode
    mode("query.jwt", query, problem=only_encrypted_tokens, protect=protect_response)
    mode("fragment.jwt", fragment, protect=protect_response)
    mode("form_post.jwt", form_post, protect=protect_response, posts=True)
    mode("jwt", jwt, protect=protect_response)
    for field, values in (
        ("authorization_signing_alg_values_supported", signing_algorithms),
        ("authorization_encryption_alg_values_supported", encryption_algorithms),
        ("authorization_encryption_enc_values_supported", encryption_encodings),
    ):
        config.add_server_metadata(field, _where_selected(values))
