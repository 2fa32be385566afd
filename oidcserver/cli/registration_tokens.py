"""``oidcserver registration-tokens``: the initial access tokens for client registration."""

from pathlib import Path
from typing import Any

import click
from sqlalchemy import select, update

from oidcserver import clock
from oidcserver.cli.application import (
    counted,
    ini_argument,
    json_option,
    open_registry,
    show,
    transaction,
    when,
)
from oidcserver.credentials import INITIAL_ACCESS_TOKEN, digest, new_credential
from oidcserver.models import InitialAccessToken

DAY = 86400
MAX_NAME = 255


@click.group("registration-tokens")
def registration_tokens() -> None:
    """Manage the initial access tokens of registration."""


@registration_tokens.command()
@ini_argument
@click.option("--name", required=True, help="The holder or the purpose of the token.")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True,
              help="How long the token works.")  # fmt: skip
@click.option(
    "--uses",
    type=click.IntRange(1, 10**6),
    help="How many clients it may register; by default any number.",
)
@json_option
def create(ini: Path, name: str, days: int, uses: int | None, as_json: bool) -> None:
    """Make an initial access token (RFC 7591).

    Print the token, which cannot be shown again.

    Example: oidcserver registration-tokens create production.ini --name Shop
    """
    if len(name) > MAX_NAME:
        raise click.BadParameter(f"it is longer than {MAX_NAME} characters", param_hint="--name")
    token = new_credential(INITIAL_ACCESS_TOKEN)
    with transaction(open_registry(ini)) as dbsession:
        row = InitialAccessToken(
            token_digest=digest(token), name=name, uses_left=uses,
            expires_at=clock.now() + days * DAY,
        )  # fmt: skip
        dbsession.add(row)
        dbsession.flush()
        identifier = row.id
    if as_json:
        show({"id": identifier, "initial_access_token": token})
        return
    click.echo(f"id: {identifier}")
    click.echo(f"initial_access_token: {token}")
    click.echo("The token cannot be shown again.", err=True)


@registration_tokens.command("list")
@ini_argument
@json_option
def list_tokens(ini: Path, as_json: bool) -> None:
    """List the tokens, the newest first.

    Example: oidcserver registration-tokens list production.ini
    """
    with transaction(open_registry(ini)) as dbsession:
        statement = select(InitialAccessToken).order_by(InitialAccessToken.created_at.desc())
        rows: list[dict[str, Any]] = [
            {
                "id": row.id, "name": row.name, "created_at": row.created_at,
                "expires_at": row.expires_at, "uses_left": row.uses_left,
                "revoked_at": row.revoked_at,
            }
            for row in dbsession.scalars(statement)
        ]  # fmt: skip
    if as_json:
        show(rows)
        return
    for row in rows:
        left = row["uses_left"]
        uses = "any number of uses" if left is None else f"{counted(left, 'use')} left"
        ended = f", revoked {when(row['revoked_at'])}" if row["revoked_at"] else ""
        click.echo(f"{row['id']}  {row['name']}: until {when(row['expires_at'])}, {uses}{ended}")


@registration_tokens.command()
@ini_argument
@click.argument("identifier", metavar="ID")
def revoke(ini: Path, identifier: str) -> None:
    """Revoke a token by its id. The clients that it registered stay.

    Example: oidcserver registration-tokens revoke production.ini ID
    """
    statement = (
        update(InitialAccessToken)
        .where(InitialAccessToken.id == identifier, InitialAccessToken.revoked_at.is_(None))
        .values(revoked_at=clock.now())
        .returning(InitialAccessToken.id)
    )
    with transaction(open_registry(ini)) as dbsession:
        if dbsession.scalar(statement) is None:
            raise click.ClickException(f"There is no token {identifier} that is not revoked.")
    click.echo("The token is revoked.")
