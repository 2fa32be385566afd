"""``oidcserver initdb`` and ``oidcserver prune``."""

from pathlib import Path

import click

from oidcserver.cli.application import counted, ini_argument, json_option, open_registry, show
from oidcserver.migrations import NEEDED
from oidcserver.operations.prune import prune as prune_rows
from oidcserver.operations.schema import ensure_schema, read_revision, upgrade
from oidcserver.sessions.ending import end_expired_sessions


@click.command()
@ini_argument
def initdb(ini: Path) -> None:
    """Create the schema, or bring it up to date.

    It is safe to run this again, and on several hosts at once: one does the work, the others wait.

    Example: oidcserver initdb production.ini
    """
    engine = open_registry(ini).oidc.database.engine
    before = read_revision(engine)
    if before == NEEDED:
        click.echo(f"The schema is at revision {NEEDED} already.")
        return
    click.echo(f"Bringing the schema from {before or 'nothing'} to revision {NEEDED} ...")
    upgrade(engine)
    click.echo("Done.")


@click.command()
@ini_argument
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="How many rows one transaction removes.",
)
@json_option
def prune(ini: Path, batch: int, as_json: bool) -> None:
    """End expired sessions and remove expired rows.

    The server may run meanwhile. Applications that took part in an expired login session are
    notified.

    Example, every hour: oidcserver prune production.ini
    """
    registry = open_registry(ini)
    ensure_schema(registry)

    def progress(table: str, rows: int) -> None:
        if not as_json:
            click.echo(f"{table}: {rows} removed so far", err=True)

    end_expired_sessions(registry, batch)
    removed = prune_rows(
        registry.oidc.database.session,
        registry.oidc.provider.settings,
        batch=batch,
        progress=progress,
    )
    if as_json:
        show(removed)
    else:
        click.echo(f"Removed {counted(sum(removed.values()), 'row')}.")
