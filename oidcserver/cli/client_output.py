"""The output of the commands of clients."""

import json
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from oidcserver.cli.application import show
from oidcserver.clients.columns import column_values
from oidcserver.models import Client, Group
from oidcserver.models.group import names_of_upstream_groups


def describe(client: Client) -> dict[str, Any]:
    """Return the members and the columns of a client."""
    return {
        "client_id": client.client_id,
        "client_id_issued_at": client.client_id_issued_at,
        **client.client_metadata,
        **column_values(client),
    }


def as_text(value: Any) -> str:
    """Return the value of a member as one line: JSON, except for texts and lists of texts."""
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def show_written(described: dict[str, Any], secret: str | None, as_json: bool) -> None:
    """Print the client that a command wrote, and the secret if the server made one."""
    made = {"client_secret": secret} if secret is not None else {}
    if as_json:
        show({**described, **made})
        return
    for key, value in {"client_id": described["client_id"], **made}.items():
        click.echo(f"{key}: {value}")
    if made:
        click.echo("The secret cannot be shown again.", err=True)


def note_unknown_groups(dbsession: Session, client: Client) -> None:
    """Say which groups of a client nobody is known to be in: a directory may name them yet."""
    wanted = set(client.allowed_groups or ())
    known = {*dbsession.scalars(select(Group.name)), *names_of_upstream_groups(dbsession)}
    for name in sorted(wanted - known) if wanted else ():
        click.echo(
            f"Note: there is no group {name} here yet. Until a user is in it, it lets nobody use "
            "the client.",
            err=True,
        )
