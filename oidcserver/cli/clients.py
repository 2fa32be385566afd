"""``oidcserver clients``: register and manage clients."""

import sys
from pathlib import Path
from typing import IO, Any

import click
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from oidcserver.cli.application import (
    announce_after_commit,
    confirm,
    ini_argument,
    json_option,
    notifying,
    open_registry,
    show,
    transaction,
    when,
    yes_option,
)
from oidcserver.cli.client_options import STDIN, file_name, given_members, member_options
from oidcserver.cli.client_output import as_text, describe, note_unknown_groups, show_written
from oidcserver.cli.keys import require_keys
from oidcserver.clients.columns import reject_unknown, set_columns, split_columns
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.registration import (
    register_client,
    rotate_client_secret,
    update_client,
)
from oidcserver.models import Client

#: The members of a client that gets tokens.
_OF_SIGN_INS = frozenset({"grant_types", "response_types", "redirect_uris"})


@click.group()
def clients() -> None:
    """Register, change and delete clients."""


@clients.command()
@ini_argument
@member_options
@click.option(
    "--client-id",
    help="The client_id that the client has at another server, or the URL where it publishes its "
    "metadata.",
)
@click.option(
    "--client-secret-stdin",
    is_flag=True,
    help="Read the client's present secret from standard input.",
)
@json_option
def create(
    ini: Path,
    client_id: str | None,
    client_secret_stdin: bool,
    metadata_file: IO[bytes] | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Register a client.

    Print its client_id and its client_secret, which is not shown again.

    \b
    Example: oidcserver clients create development.ini --name Shop \\
        --redirect-uri https://shop.example/cb \\
        --grant-type authorization_code --response-type code \\
        --scope "openid profile"

    A client that moves here from another server keeps its identifier and its secret:
    --client-id shop --client-secret-stdin < secret.txt

    With the URL where a client publishes its metadata as --client-id, your registration counts
    here: the document of the client is not fetched.

    A --resource-server gets no grant and needs no redirect URI, unless you name one of them.
    """
    given = given_members(options, metadata_file)
    if given.get("resource_server") is True and given.keys().isdisjoint(_OF_SIGN_INS):
        given["grant_types"] = []
    if not given.get("client_name"):
        raise click.UsageError("A client needs a name: pass --name.")
    secret = _read_secret(metadata_file) if client_secret_stdin else None
    registry = open_registry(ini)
    require_keys(registry)
    with notifying(registry) as request:
        dbsession = request.oidc.dbsession
        _require_unused(dbsession, client_id)
        try:
            reject_unknown(registry.oidc.provider, given)
            metadata, columns = split_columns(registry.oidc.provider, given)
            client, secret = register_client(
                registry.oidc.provider, dbsession, metadata, client_id=client_id, secret=secret
            )
            set_columns(client, columns)
            note_unknown_groups(dbsession, client)
        except InvalidClientMetadata as problem:
            raise click.ClickException(problem.description) from None
        except IntegrityError:
            raise click.ClickException(f"There is a client {client_id} already.") from None
        announce_after_commit(request, "client_created", client_id=client.client_id)
        complete = describe(client)
    shown = secret if not client_secret_stdin else None
    show_written(complete, shown, as_json)


@clients.command()
@ini_argument
@click.argument("client_id")
@member_options
@click.option(
    "--unset", multiple=True, metavar="MEMBER", help="Remove a member. May be given again."
)
@json_option
def update(
    ini: Path,
    client_id: str,
    metadata_file: IO[bytes] | None,
    unset: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Change members of a client; the other members do not change.

    The values that you pass replace all values of a member. In a --metadata file, null removes a
    member.

    \b
    Example: oidcserver clients update production.ini s6BhdRkqt3 \\
        --redirect-uri https://shop.example/cb \\
        --redirect-uri https://shop.example/cb2 --unset logo_uri
    """
    given = given_members(options, metadata_file)
    if twice := sorted(given.keys() & set(unset)):
        raise click.ClickException(f"Both --unset and another option name: {', '.join(twice)}.")
    given |= dict.fromkeys(unset)
    if not given:
        raise click.UsageError("There is nothing to change: pass an option, or --metadata.")
    registry = open_registry(ini)
    require_keys(registry)
    with notifying(registry) as request:
        dbsession = request.oidc.dbsession
        client = _find(dbsession, client_id, to_change=True)
        if client.publishes_itself:
            raise click.ClickException(f"The client publishes its metadata at {client_id}.")
        try:
            reject_unknown(registry.oidc.provider, given)
            metadata, columns = split_columns(registry.oidc.provider, given)
            changed = {**client.client_metadata, **metadata}
            secret = update_client(registry.oidc.provider, dbsession, client, changed)
            set_columns(client, columns)
            note_unknown_groups(dbsession, client)
        except InvalidClientMetadata as problem:
            raise click.ClickException(problem.description) from None
        announce_after_commit(request, "client_changed", client_id=client_id)
        complete = describe(client)
    show_written(complete, secret, as_json)


@clients.command("list")
@ini_argument
@json_option
def list_clients(ini: Path, as_json: bool) -> None:
    """List the clients.

    Example: oidcserver clients list production.ini
    """
    with transaction(open_registry(ini)) as dbsession:
        statement = select(Client).order_by(Client.client_id_issued_at, Client.client_id)
        found = dbsession.scalars(statement).all()
    if as_json:
        show([describe(client) for client in found])
        return
    for client in found:
        about = client.token_endpoint_auth_method
        if client.publishes_itself:
            about += ", publishes its metadata"
        click.echo(f"{client.client_id}  {client.client_name}  ({about})")


@clients.command("show")
@ini_argument
@click.argument("client_id")
@json_option
def show_client(ini: Path, client_id: str, as_json: bool) -> None:
    """Show the metadata of a client.

    Example: oidcserver clients show production.ini s6BhdRkqt3
    """
    with transaction(open_registry(ini)) as dbsession:
        described = describe(_find(dbsession, client_id))
    if as_json:
        show(described)
        return
    for name, value in described.items():
        click.echo(f"{name}: {when(value) if name.endswith('_at') else as_text(value)}")


@clients.command("new-secret")
@ini_argument
@click.argument("client_id")
@json_option
def new_secret(ini: Path, client_id: str, as_json: bool) -> None:
    """Make a new secret for a client.

    The present secret keeps working until the time that the command prints.

    Example: oidcserver clients new-secret production.ini s6BhdRkqt3
    """
    registry = open_registry(ini)
    require_keys(registry)
    with notifying(registry) as request:
        client = _find(request.oidc.dbsession, client_id)
        if client.secret_digest is None:
            raise click.ClickException("This client has no secret.")
        secret = rotate_client_secret(registry.oidc.provider, request.oidc.dbsession, client)
        announce_after_commit(request, "client_secret_rotated", client_id=client_id)
        until = client.previous_secret_expires_at
    if as_json:
        show({"client_id": client_id, "client_secret": secret, "previous_secret_expires_at": until})
        return
    click.echo(f"client_secret: {secret}")
    click.echo(f"The previous secret works until {when(until)}.", err=True)


@clients.command()
@ini_argument
@click.argument("client_id")
@yes_option
def delete(ini: Path, client_id: str, yes: bool) -> None:
    """Delete a client and end all its tokens.

    Example: oidcserver clients delete production.ini s6BhdRkqt3 --yes
    """
    registry = open_registry(ini)
    with transaction(registry) as dbsession:
        name = _find(dbsession, client_id).client_name
    confirm(f"Delete {name} and end all its tokens?", yes=yes)
    with notifying(registry) as request:
        request.oidc.dbsession.delete(_find(request.oidc.dbsession, client_id))
        announce_after_commit(request, "client_deleted", client_id=client_id)
    click.echo(f"Deleted {client_id}.")


def _require_unused(dbsession: Session, url: str | None) -> None:
    """Require that no client has signed users in by the document at a URL."""
    client = None if url is None else dbsession.get(Client, url)
    if client is not None and client.publishes_itself:
        raise click.ClickException(
            f"The client {url} has been used here, by the document that it publishes. Delete it "
            "first (oidcserver clients delete), which ends what it was granted."
        )


def _find(dbsession: Session, client_id: str, *, to_change: bool = False) -> Client:
    client = dbsession.get(Client, client_id, with_for_update=to_change or None)
    if client is None:
        raise click.ClickException(f"There is no client {client_id}.")
    return client


def _read_secret(metadata_file: IO[bytes] | None) -> str:
    if metadata_file is not None and file_name(metadata_file) == STDIN:
        raise click.ClickException("Standard input cannot hold both --metadata and the secret.")
    return sys.stdin.readline().rstrip("\r\n")
