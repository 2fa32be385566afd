"""The client configuration endpoint (RFC 7592): a client reads, changes, ends its registration."""

from hmac import compare_digest
from typing import Any

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.clients.dynamic import (
    SERVER_MEMBERS,
    check_metadata,
    describe_client,
    limit_secret,
    read_metadata,
)
from oidcserver.clients.registration import update_client
from oidcserver.credentials import digest
from oidcserver.http.cors import allow_any_origin
from oidcserver.models import Client
from oidcserver.oauth.bearer import invalid_token, read_bearer_token
from oidcserver.oauth.errors import as_rejection, invalid_request
from oidcserver.oauth.events import OAuthEvent
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.responses import NO_STORE, error_response, json_response
from oidcserver.types import Configurator, Registry, Request

_NOBODY = digest("")
#: What a client may say of itself again (RFC 7592 section 2.2); the rest is the server's.
_REPEATED = frozenset({"client_id", "client_secret"})


def client_configuration(request: Request) -> Response:
    """Answer a request of section 2; who has not the client's token learns nothing."""
    client_id = request.matchdict["client_id"]
    try:
        token = read_bearer_token(request)
        client = _demand_client(request, client_id, token)
        if request.method == "DELETE":
            return allow_any_origin(_delete(request, client))
        secrets: dict[str, str] = {}
        if request.method == "PUT":
            client, secrets = _replace(request, client, token)
        own = {
            "registration_access_token": token,
            "registration_client_uri": request.oidc.url(
                "oidc.client_configuration_endpoint", client_id=client_id
            ),
        }
        described = {**describe_client(client), **secrets, **own}
        return allow_any_origin(json_response(200, described))
    except OAuth2Error as error:
        rejection = as_rejection(error)
        record_rejection(request, rejection, client_id)
        return error_response(rejection)


def _demand_client(
    request: Request, client_id: str, token: str, *, for_update: bool = False
) -> Client:
    client: Client | None = None
    if client_id.isascii() and client_id.isprintable():
        client = request.oidc.dbsession.get(
            Client, client_id, with_for_update=for_update, populate_existing=for_update
        )
    known = client.registration_token_digest if client is not None else None
    fits = compare_digest(digest(token), known or _NOBODY)
    if client is None or known is None or not fits:
        raise invalid_token("The registration access token is not valid.")
    return client


def _replace(request: Request, client: Client, token: str) -> tuple[Client, dict[str, str]]:
    """Store the new metadata; return the changed client, and the secret if it is new."""
    metadata = read_metadata(request.body)
    _check_repeated(client, metadata)
    checked = check_metadata(request, metadata, client)
    # Once more, and now for us alone: waiting for another host ended the transaction.
    client = _demand_client(request, client.client_id, token, for_update=True)
    secret = update_client(request.oidc.provider, request.oidc.dbsession, client, checked)
    if secret is not None:
        limit_secret(request.oidc.provider, client)
    _notify(request, "client_changed", client)
    return client, ({"client_secret": secret} if secret is not None else {})


def _check_repeated(client: Client, metadata: dict[str, Any]) -> None:
    if metadata.get("client_id") != client.client_id:
        raise invalid_request("The client_id is missing or another.", "RFC 7592 section 2.2")
    if SERVER_MEMBERS.difference(_REPEATED).intersection(metadata):
        raise invalid_request("A member is not the client's to set.", "RFC 7592 section 2.2")
    secret = metadata.get("client_secret")
    if secret is not None and not (isinstance(secret, str) and client.check_client_secret(secret)):
        raise invalid_request("The client_secret is another.", "RFC 7592 section 2.2")


def _delete(request: Request, client: Client) -> Response:
    _notify(request, "client_deleted", client)
    request.oidc.dbsession.delete(client)
    return Response(status=204, headerlist=list(NO_STORE))


def _notify(request: Request, name: str, client: Client) -> None:
    request.registry.notify(OAuthEvent(request, name, {"client_id": client.client_id}))


def _require_registration(registry: Registry) -> str | None:
    endpoints = registry.oidc.provider.endpoints
    if "client_configuration" in endpoints and "registration" not in endpoints:
        return "oauth.endpoints selects client_configuration, which needs registration."
    return None


def includeme(config: Configurator) -> None:
    """Offer the endpoint."""
    config.add_startup_check("registration of client_configuration", _require_registration)
    config.add_oauth_endpoint(
        "client_configuration", "/oauth/register/{client_id}", client_configuration,
        methods=("GET", "PUT", "DELETE"), cors=True, metadata_field=None,
    )  # fmt: skip
