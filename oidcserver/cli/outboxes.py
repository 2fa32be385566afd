"""``oidcserver deliver``."""

from pathlib import Path

import click
from sqlalchemy import Select, func, or_, select

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

    It exits with 1 if messages of a kind failed and none of that kind was sent.

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
    left, failed, started = {}, {}, clock.now()
    for kind, (outbox, model) in selected.items():
        outbox.deliver_due()
        with registry.oidc.database.session() as dbsession:
            left[kind] = dbsession.scalar(_waiting(model))
            problem = dbsession.scalar(_last_problem(model, started))
            sent = select(model.id).where(model.ended_at >= started, model.problem == "")
            if problem and dbsession.scalar(sent.limit(1)) is None:
                failed[kind] = problem
    if as_json:
        show({"left": left, "failed": failed})
    else:
        for kind, count in left.items():
            why = f" None was sent: {failed[kind]}" if kind in failed else ""
            name = kind.replace("_", " ").capitalize()
            click.echo(f"{name} left for later attempts: {count}.{why}")
    if failed:
        click.get_current_context().exit(1)


def _waiting(model: type[Delivery]) -> Select[int]:
    return select(func.count()).where(model.ended_at.is_(None), model.expires_at > clock.now())


def _last_problem(model: type[Delivery], started: int) -> Select[str]:
    """Select why the last attempt of a message failed that waits, or that ended since a time."""
    recent = or_(model.ended_at.is_(None), model.ended_at >= started)
    statement = select(model.problem).where(model.problem != "", recent)
    return statement.order_by(model.next_attempt_at.desc()).limit(1)
