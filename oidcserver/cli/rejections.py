"""``oidcserver explain-error``: why a request was rejected."""

from pathlib import Path

import click

from oidcserver.cli.application import (
    ini_argument,
    json_option,
    open_registry,
    show,
    transaction,
    when,
)
from oidcserver.models import RecordedRejection


@click.command("explain-error")
@ini_argument
@click.argument("reference", metavar="REF")
@json_option
def explain_error(ini: Path, reference: str, as_json: bool) -> None:
    """Say why a request was rejected.

    The reference is on the error page, in the header Error-Reference and in the log.

    Example: oidcserver explain-error production.ini BCDFG-HJKLM
    """
    with transaction(open_registry(ini)) as dbsession:
        row = dbsession.get(RecordedRejection, reference.strip().upper())
        if row is None:
            raise click.ClickException(
                f"There is no rejection {reference} in the database. It may be too old, or only in "
                "the log."
            )
        names = ("reference", "created_at", "endpoint", "client_id", "error", "description",
                 "rule", "received")  # fmt: skip
        described = {name: getattr(row, name) for name in names}
    if as_json:
        show(described)
        return
    click.echo(f"{described['error']}: {described['description']}")
    click.echo(f"rule:      {described['rule'] or '-'}")
    click.echo(f"when:      {when(described['created_at'])}")
    click.echo(f"endpoint:  {described['endpoint'] or '-'}")
    click.echo(f"client_id: {described['client_id'] or '-'}")
    for name, value in described["received"].items():
        click.echo(f"received {name}: {value}")
