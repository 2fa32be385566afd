"""``oidcserver deliver``."""

from pathlib import Path

import click
from sqlalchemy import func, select

from oidcserver import clock
from oidcserver.cli.application import ini_argument, json_option, open_registry, show
from oidcserver.models import LogoutDelivery, Mail, PingDelivery
from oidcserver.models.delivery import Delivery
from oidcserver.operations.schema import ensure_schema

#: The attribute of ``registry.oidc`` that delivers each kind of message, and its table.
OUTBOXES: dict[str, tuple[str, type[Delivery]]] = {
    "logout_tokens": ("logout_deliverer", LogoutDelivery),
    "notifications": ("ping_deliverer", PingDelivery),
    "mail": ("mail_outbox", Mail),
}


@click.command("deliver")
@ini_argument
@json_option
def deliver(ini: Path, as_json: bool) -> None:
    """Send mail, logout tokens and notifications.

    The command sends the messages that are due. The server also sends them by itself, unless
    oidc.mail_interval or oidc.backchannel_logout_interval is 0.

    Example, every minute: oidcserver deliver production.ini
    """
    registry = open_registry(ini)
    selected = {
        kind: (getattr(registry.oidc, name), model)
        for kind, (name, model) in OUTBOXES.items()
        if hasattr(registry.oidc, name)
    }
    if not selected:
        raise click.ClickException(
            "There is nothing to send: oidc.mail_url is not set, oidc.logout_channels does not "
            "select backchannel, and no client can be notified."
        )
    ensure_schema(registry)
    left = {}
    for kind, (outbox, model) in selected.items():
        outbox.deliver_due()
        waiting = select(func.count()).where(
            model.ended_at.is_(None), model.expires_at > clock.now()
        )
        with registry.oidc.database.session() as dbsession:
            left[kind] = dbsession.scalar(waiting)
    if as_json:
        show({"left": left})
        return
    for kind, count in left.items():
        click.echo(f"{kind.replace('_', ' ').capitalize()} left for later attempts: {count}.")
