"""``oidcserver keys``: the signing, encryption and sealing keys."""

from pathlib import Path
from typing import Any

import click

from oidcserver.cli.application import ini_argument, json_option, open_registry, show, when
from oidcserver.keys import KEY_SETTINGS
from oidcserver.types import Registry


@click.group()
def keys() -> None:
    """List and rotate the server's keys."""


@keys.command("list")
@ini_argument
@json_option
def list_keys(ini: Path, as_json: bool) -> None:
    """List the keys, their states and their times.

    The output contains no secrets.

    Example: oidcserver keys list production.ini
    """
    registry = open_registry(ini)
    require_keys(registry)
    rows: list[dict[str, Any]] = [
        {
            "kid": record.kid,
            "kind": record.kind,
            "alg": record.alg,
            "state": record.state,
            "active_from": record.active_from,
            "retired_at": record.retired_at,
            "expires_at": record.expires_at,
        }
        for record in registry.oidc.provider.keys.status()
    ]
    if as_json:
        show(rows)
        return
    for row in rows:
        line = f"{row['kind']:5}{row['alg']:16}{row['state']:10}{row['kid']}"
        click.echo(f"{line}  from {when(row['active_from'])} to {when(row['retired_at'])}")


@keys.command()
@ini_argument
@click.option("--alg", "algorithms", multiple=True, help="Only this algorithm. May be given again.")
@click.option("--sealing", is_flag=True, help="Rotate the sealing key instead.")
def rotate(ini: Path, algorithms: tuple[str, ...], sealing: bool) -> None:
    """Make new keys.

    New keys are published now and used later, so that clients can fetch them first. Running
    servers read them without a restart.

    If keys are missing, such as before the first start, the command makes only these and they are
    used at once.

    Example: oidcserver keys rotate production.ini
    """
    registry = open_registry(ini)
    provider = registry.oidc.provider
    if provider.keys_problem:
        made = provider.create_keys()
        click.echo(f"Made the keys that were missing in {made.directory}.")
        return
    if sealing:
        records = [provider.keys.rotate_sealing()]
    else:
        unknown = set(algorithms).difference(provider.keys.algorithms)
        if unknown:
            raise click.ClickException(
                f"{' and '.join(KEY_SETTINGS)} have no {', '.join(sorted(unknown))}."
            )
        records = provider.keys.rotate(algorithms or None)
    for record in records:
        click.echo(f"{record.alg}  {record.kid}  in use from {when(record.active_from)}")


def require_keys(registry: Registry) -> None:
    """Fail with a message if the command requires keys and there are none."""
    if registry.oidc.provider.keys_problem:
        raise click.ClickException(registry.oidc.provider.keys_problem)
