"""``oidcserver clients``: register clients and look after them."""

import json
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from oidcserver.cli.application import (
    confirm,
    ini_argument,
    json_option,
    open_registry,
    show,
    transaction,
    when,
    yes_option,
)
from oidcserver.cli.keys import demand_keys
from oidcserver.models import Client
from oidcserver.oauth.registration import (
    InvalidClientMetadata,
    register_client,
    rotate_client_secret,
)


@click.group()
def clients() -> None:
    """Register clients and look after them."""


@clients.command()
@ini_argument
@click.option("--name", required=True, help="What people read on the consent page.")
@click.option("--redirect-uri", "redirect_uris", multiple=True, help="May be given again.")
@click.option("--grant-type", "grant_types", multiple=True, help="May be given again.")
@click.option("--response-type", "response_types", multiple=True, help="May be given again.")
@click.option("--scope", default="", help="The scopes that it may ask for, in one text.")
@click.option("--token-endpoint-auth-method", help="How it authenticates.")
@click.option("--application-type", type=click.Choice(["web", "native"]))
@click.option("--id-token-signed-response-alg", help="How its ID tokens are signed.")
@click.option("--jwks", type=click.File("rb"), help="A file with its public keys, a JWK Set.")
@click.option("--jwks-uri", help="Where its public keys are fetched.")
@click.option("--client-uri", help="Its home page.")
@click.option(
    "--metadata",
    "metadata_file",
    type=click.File("rb"),
    help="A file with its other metadata, a JSON object; - is standard input.",
)
@click.option(
    "--require-pkce/--no-require-pkce",
    default=None,
    help="Whether it has to use PKCE, whatever oauth.pkce_required says.",
)
@click.option(
    "--access-token-format",
    type=click.Choice(["sealed", "jwt"]),
    help="Another than oauth.access_token_format.",
)
@click.option("--resource-server", is_flag=True, help="Let it introspect every client's tokens.")
@json_option
def create(
    ini: Path,
    name: str,
    jwks: Any,
    metadata_file: Any,
    access_token_format: str | None,
    resource_server: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Register a client; print its client_id and its client_secret, which is shown only now.

    Example: oidcserver clients create development.ini --name Shop
    --redirect-uri https://shop.example/cb --grant-type authorization_code
    --response-type code --scope "openid profile"

    What has no option is given in a file, under the names of RFC 7591:
    post_logout_redirect_uris, backchannel_logout_uri, request_uris and so on.
    """
    metadata = {key: _plain(value) for key, value in options.items() if value not in (None, "", ())}
    metadata["client_name"] = name
    if jwks is not None:
        metadata["jwks"] = _read_json(jwks)
    if metadata_file is not None:
        metadata = _merged(metadata, _read_json(metadata_file))
    registry = open_registry(ini)
    demand_keys(registry)
    with transaction(registry) as dbsession:
        try:
            client, secret = register_client(registry.provider, dbsession, metadata)
        except InvalidClientMetadata as problem:
            raise click.ClickException(problem.description) from None
        client.access_token_format = access_token_format
        client.resource_server = resource_server
        dbsession.flush()
        issued = {"client_id": client.client_id, "client_secret": secret}
        result = {name: value for name, value in issued.items() if value is not None}
        complete = {**result, **client.client_metadata}
    if as_json:
        show(complete)
        return
    for key, value in result.items():
        click.echo(f"{key}: {value}")
    if secret:
        click.echo("The secret is not kept and cannot be shown again.", err=True)


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
        show([_described(client) for client in found])
        return
    for client in found:
        method = client.token_endpoint_auth_method
        click.echo(f"{client.client_id}  {client.client_name}  ({method})")


@clients.command("show")
@ini_argument
@click.argument("client_id")
@json_option
def show_client(ini: Path, client_id: str, as_json: bool) -> None:
    """Show what a client registered.

    Example: oidcserver clients show production.ini s6BhdRkqt3
    """
    with transaction(open_registry(ini)) as dbsession:
        described = _described(_find(dbsession, client_id))
    if as_json:
        show(described)
        return
    for name, value in described.items():
        text = " ".join(value) if isinstance(value, list) else value
        click.echo(f"{name}: {when(value) if name.endswith('_at') else text}")


@clients.command("new-secret")
@ini_argument
@click.argument("client_id")
@json_option
def new_secret(ini: Path, client_id: str, as_json: bool) -> None:
    """Give a client a new secret; the one before goes on working for a while.

    Example: oidcserver clients new-secret production.ini s6BhdRkqt3
    """
    registry = open_registry(ini)
    demand_keys(registry)
    with transaction(registry) as dbsession:
        client = _find(dbsession, client_id)
        if client.secret_digest is None:
            raise click.ClickException("This client has no secret.")
        secret = rotate_client_secret(registry.provider, dbsession, client)
        until = client.previous_secret_expires_at
    if as_json:
        show({"client_id": client_id, "client_secret": secret, "previous_secret_expires_at": until})
        return
    click.echo(f"client_secret: {secret}")
    click.echo(f"The former secret works until {when(until)}.", err=True)


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
    with transaction(registry) as dbsession:
        dbsession.delete(_find(dbsession, client_id))
    click.echo(f"Deleted {client_id}.")


def _find(dbsession: Session, client_id: str) -> Client:
    client = dbsession.get(Client, client_id)
    if client is None:
        raise click.ClickException(f"There is no client {client_id}.")
    return client


def _described(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "client_id_issued_at": client.client_id_issued_at,
        **client.client_metadata,
        "access_token_format": client.access_token_format,
        "resource_server": client.resource_server,
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _merged(given: dict[str, Any], read: Any) -> dict[str, Any]:
    """Return the metadata of the options and of the file, neither of which outdoes the other."""
    if not isinstance(read, dict):
        raise click.ClickException("--metadata has to be a JSON object of client metadata.")
    twice = sorted(given.keys() & read.keys())
    if twice:
        raise click.ClickException(f"Both --metadata and an option say: {', '.join(twice)}.")
    return given | read


def _read_json(file: Any) -> Any:
    try:
        return json.load(file)
    except ValueError:
        raise click.ClickException(f"{file.name} is not JSON.") from None
