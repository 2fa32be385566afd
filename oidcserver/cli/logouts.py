"""``oidcserver deliver-logouts``."""

from pathlib import Path

import click
from sqlalchemy import func, select

from oidcserver import clock
from oidcserver.cli.application import ini_argument, json_option, open_registry, show
from oidcserver.models import LogoutDelivery
from oidcserver.operations.schema import ensure_schema
from oidcserver.sessions.backchannel_logout import NAME
from oidcserver.sessions.logout_channels import SETTING


@click.command("deliver-logouts")
@ini_argument
@json_option
def deliver_logouts(ini: Path, as_json: bool) -> None:
    """Send the logout tokens that are due.

    The server sends them itself, unless oidc.backchannel_logout_interval is 0.

    Example, every minute: oidcserver deliver-logouts production.ini
    """
    registry = open_registry(ini)
    if NAME not in registry.oidc.logout_channels:
        raise click.ClickException(
            f"{SETTING} does not select {NAME}, so there is nothing to send."
        )
    ensure_schema(registry)
    registry.oidc.logout_deliverer.deliver_due()
    waiting = select(func.count()).where(
        LogoutDelivery.ended_at.is_(None), LogoutDelivery.expires_at > clock.now()
    )
    with registry.oidc.database.session() as dbsession:
        left = dbsession.scalar(waiting)
    if as_json:
        show({"left": left})
    else:
        click.echo(f"Done. Logout tokens left for later attempts: {left}.")
