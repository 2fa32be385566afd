"""Registering clients (RFC 7591): the one way for the command line, the pages and an endpoint."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.clients.given import check_client_id, check_client_secret, needed_length
from oidcserver.clients.needed_secret import needs_readable_secret, needs_secret
from oidcserver.clients.rules import validate_client_metadata
from oidcserver.credentials import CLIENT_SECRET, digest, new_credential, new_identifier
from oidcserver.models import Client
from oidcserver.models.client_identity import ask_again, end_grants_elsewhere, is_another
from oidcserver.types import Provider

PURPOSE = "client secret"
#: As 64 characters they are a key for HS512 too (RFC 7518 section 3.2).
SECRET_OCTETS = 48


def register_client(
    provider: Provider,
    dbsession: Session,
    metadata: Mapping[str, Any],
    *,
    owner_id: str | None = None,
    client_id: str | None = None,
    secret: str | None = None,
) -> tuple[Client, str | None]:
    """Register a client; return it and its secret, which is known only now.

    :param client_id: one that it has already; by default a new one.
    :param secret: one that it has already; by default a new one, if it needs any.
    :raises InvalidClientMetadata: with the member and what is wrong with it.
    :raises sqlalchemy.exc.IntegrityError: if there is a client of that ``client_id``.
    """
    columns, secret = new_client(provider, metadata, client_id=client_id, secret=secret)
    client = Client(owner_id=owner_id, **columns)
    dbsession.add(client)
    dbsession.flush()
    return client, secret


def new_client(
    provider: Provider,
    metadata: Mapping[str, Any],
    *,
    client_id: str | None = None,
    secret: str | None = None,
) -> tuple[dict[str, Any], str | None]:
    """Return the columns of a new client and its secret; nothing is written.

    See :func:`register_client`.
    """
    checked = validate_client_metadata(provider, metadata)
    if client_id is None:
        client_id = new_identifier()
    check_client_id(provider, client_id)
    if secret is not None:
        check_client_secret(checked, secret)
    columns = {"client_id": client_id, "client_metadata": checked}
    if needs_secret(checked):
        secret = secret or _make_secret()
        columns |= _secret_columns(provider, checked, secret)
    return columns, secret


def update_client(
    provider: Provider, dbsession: Session, client: Client, metadata: Mapping[str, Any]
) -> str | None:
    """Replace a client's metadata; return a secret if it needs another than it had.

    A secret that it had goes on working for a while, as after a rotation. If the users would
    not recognise the client, they are asked again. If the client registered itself, its grants at
    redirect URIs that it no longer has end.

    :raises InvalidClientMetadata: with the member and what is wrong with it.
    """
    before = client.client_metadata
    client.client_metadata = validate_client_metadata(provider, metadata)
    if is_another(before, client.client_metadata):
        ask_again(dbsession, client.client_id)
        if client.self_registered:
            any_port = provider.settings_for(client)["oauth.localhost_any_port"]
            may_redirect_to = partial(client.check_redirect_uri, localhost_any_port=any_port)
            end_grants_elsewhere(dbsession, client.client_id, may_redirect_to)
    secret = None
    if not needs_secret(client.client_metadata):
        client.secret_digest = None
        _forget_previous_secret(client)
    elif client.secret_digest is None:
        secret = _set_secret(provider, client, _make_secret())
    elif needs_readable_secret(client.client_metadata) and not _is_key(provider, client):
        dbsession.flush()
        secret = rotate_client_secret(provider, dbsession, client)
    if not needs_readable_secret(client.client_metadata):
        client.secret_sealed = client.previous_secret_sealed = None
    dbsession.flush()
    return secret


def rotate_client_secret(provider: Provider, dbsession: Session, client: Client) -> str:
    """Give a client a new secret; the one before works for ``oauth.client_secret_overlap`` more.

    Of several that rotate at once each waits for the one before.
    """
    dbsession.refresh(client, with_for_update=True)
    client.previous_secret_digest = client.secret_digest
    client.previous_secret_sealed = client.secret_sealed
    overlap = provider.settings["oauth.client_secret_overlap"]
    ends_at = clock.now() + overlap
    # A secret that expires, or has expired, does not live longer for being replaced.
    client.previous_secret_expires_at = min(ends_at, client.secret_expires_at or ends_at)
    secret = _set_secret(provider, client, _make_secret())
    dbsession.flush()
    return secret


def read_client_secrets(provider: Provider, client: Client) -> list[str]:
    """Return the secrets of a client that the server can read and that hold now, newest first."""
    now = clock.now()
    sealed = []
    if not client.secret_expires_at or client.secret_expires_at > now:
        sealed.append(client.secret_sealed)
    if client.previous_secret_expires_at and client.previous_secret_expires_at > now:
        sealed.append(client.previous_secret_sealed)
    unsealed = (provider.sealer(PURPOSE).unseal(text) for text in sealed if text)
    return [secret.decode() for secret in unsealed if secret is not None]


def _is_key(provider: Provider, client: Client) -> bool:
    """Whether the server can read the present secret and it is long enough for a key."""
    sealed = client.secret_sealed
    secret = provider.sealer(PURPOSE).unseal(sealed) if sealed is not None else None
    return secret is not None and len(secret) >= needed_length(client.client_metadata)


def _make_secret() -> str:
    return new_credential(CLIENT_SECRET, SECRET_OCTETS)


def _set_secret(provider: Provider, client: Client, secret: str) -> str:
    for column, value in _secret_columns(provider, client.client_metadata, secret).items():
        setattr(client, column, value)
    return secret


def _secret_columns(provider: Provider, metadata: Mapping[str, Any], secret: str) -> dict[str, Any]:
    readable = needs_readable_secret(metadata)
    sealed = provider.sealer(PURPOSE).seal(secret.encode()) if readable else None
    return {"secret_digest": digest(secret), "secret_expires_at": 0, "secret_sealed": sealed}


def _forget_previous_secret(client: Client) -> None:
    client.previous_secret_digest = client.previous_secret_sealed = None
    client.previous_secret_expires_at = 0
