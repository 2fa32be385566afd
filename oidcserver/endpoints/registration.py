"""The client registration endpoint (RFC 7591 section 3, OpenID Connect Registration 1.0)."""

from typing import Any

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.clients.dynamic import (
    check_metadata,
    describe_client,
    limit_secret,
    read_metadata,
)
from oidcserver.clients.registration import register_client
from oidcserver.clients.software_statement import MEMBER as SOFTWARE_STATEMENT
from oidcserver.clients.software_statement import reject_malformed_issuers
from oidcserver.credentials import REGISTRATION_TOKEN, digest, new_credential
from oidcserver.http.cors import allow_any_origin
from oidcserver.http.throttling import network_of, take
from oidcserver.models import Client
from oidcserver.models.initial_access_token import (
    find_initial_access_token,
    use_initial_access_token,
)
from oidcserver.oauth.bearer import invalid_token, read_bearer_token
from oidcserver.oauth.errors import Rejection, as_rejection
from oidcserver.oauth.events import OAuthEvent
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.responses import error_response, json_response
from oidcserver.settings import boolean, integer, lines, seconds, text, words
from oidcserver.types import Configurator, Request

CONFIGURATION = "client_configuration"


def registration(request: Request) -> Response:
    """Register a client, for whom the ini lets in."""
    try:
        token = _admit(request)
        said = read_metadata(request.body)
        metadata = check_metadata(request, said)
        if token is not None and not use_initial_access_token(request.oidc.dbsession, token):
            raise _unknown_token()
        # The issuer of the token or of the software statement vouches for the client.
        vouched = token is not None or said.get(SOFTWARE_STATEMENT) is not None
        registered = _register(request, metadata, self_registered=not vouched)
        return allow_any_origin(json_response(201, registered))
    except OAuth2Error as error:
        rejection = as_rejection(error)
        record_rejection(request, rejection, None)
        return error_response(rejection)


def issue_registration_token(request: Request, client: Client) -> dict[str, str]:
    """Give a client a token by which it manages its registration, and where (RFC 7592 section 3).

    Nothing, where that endpoint is not selected.
    """
    if CONFIGURATION not in request.oidc.provider.endpoints:
        return {}
    token = new_credential(REGISTRATION_TOKEN)
    client.registration_token_digest = digest(token)
    return {
        "registration_access_token": token,
        "registration_client_uri": request.oidc.url(
            f"oidc.{CONFIGURATION}_endpoint", client_id=client.client_id
        ),
    }


def _register(
    request: Request, metadata: dict[str, Any], *, self_registered: bool
) -> dict[str, Any]:
    provider, dbsession = request.oidc.provider, request.oidc.dbsession
    client, secret = register_client(provider, dbsession, metadata)
    client.last_used_at = request.oidc.now
    client.self_registered = self_registered
    if secret is not None:
        limit_secret(provider, client)
    managed = issue_registration_token(request, client)
    dbsession.flush()
    event = OAuthEvent(request, "client_created", {"client_id": client.client_id})
    request.registry.notify(event)
    secrets = {"client_secret": secret} if secret is not None else {}
    return {**describe_client(client), **secrets, **managed}


def _admit(request: Request) -> str | None:
    """Return the initial access token of the request, or None where none is needed.

    :raises Rejection: without a token that is valid, or over the limit of the network.
    """
    network = network_of(request.remote_addr or "")
    if request.oidc.provider.settings["oauth.registration"] == "open":
        _count(request, f"registration:{network}")
        return None
    token = read_bearer_token(request)
    known = find_initial_access_token(request.oidc.dbsession, token)
    # Attempts are counted outside of a transaction, wrong tokens separately from each valid token.
    request.oidc.database.commit()
    _count(request, f"registration:{known.id if known else 'wrong token'} {network}")
    if known is None:
        raise _unknown_token()
    return token


def _count(request: Request, key: str) -> None:
    """Count an attempt, since each registered client is stored for a long time."""
    settings = request.oidc.provider.settings
    limit, window = settings["oauth.registration_limit"], settings["oauth.registration_window"]
    wait = take(request.oidc.database.alone.engine, key, limit, window)
    if wait:
        raise Rejection(
            "temporarily_unavailable",
            "Too many clients were registered from this network.",
            status_code=429,
            headers=(("Retry-After", str(wait)),),
        )


def _unknown_token() -> Rejection:
    return invalid_token("The initial access token is not valid, was used up or has expired.")


def includeme(config: Configurator) -> None:
    """Offer the endpoint and its policies."""
    setting = config.add_oauth_setting
    setting(
        "oauth.registration",
        text,
        "initial_access_token",
        "Who may register clients: whoever has a token of the command, or everybody.",
        allowed=("initial_access_token", "open"),
    )
    setting(
        "oauth.registration_grant_types",
        words,
        ("authorization_code", "implicit", "refresh_token"),
        "The grant types that a client may register by itself.",
    )
    setting(
        "oauth.registration_scopes",
        words,
        (),
        "The scopes that a client may register by itself, and has if it names none; empty: all.",
    )
    setting(
        "oauth.registration_secret_lifetime",
        seconds,
        0,
        "How long the secret of such a client works; 0: for good.",
    )
    setting(
        "oauth.registration_limit",
        integer,
        20,
        "How many clients one network, with one token, may register in oauth.registration_window.",
    )
    setting("oauth.registration_window", seconds, 3600,
            "The time in which oauth.registration_limit counts.")  # fmt: skip
    setting(
        "oauth.software_statement_issuers",
        lines,
        (),
        "Whose software statements count: lines of an issuer and the https URI of its JWK Set.",
    )
    setting(
        "oauth.software_statement_required",
        boolean,
        False,
        "Whether a client registers only with a software statement.",
    )
    config.add_startup_check("software statements", reject_malformed_issuers)
    config.add_oauth_endpoint("registration", "/oauth/register", registration, cors=True)
