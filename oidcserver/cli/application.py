"""Shared parts of the commands: the application of the ini file, transactions, errors, output."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from pyramid.paster import get_appsettings
from pyramid.scripting import prepare
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from oidcserver.keys.store import KeyStoreError
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.operations.activity import BY_COMMAND
from oidcserver.operations.ini_file import make_importable, read_settings
from oidcserver.operations.schema import ensure_schema, reason
from oidcserver.plugins.including import configured
from oidcserver.settings import ConfigurationProblem
from oidcserver.types import Registry, Request

ini_argument = click.argument("ini", type=click.Path(path_type=Path), metavar="INI")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


class Commands(click.Group):
    """A group whose commands fail with one sentence and an exit code, never with a traceback."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(context)
        except ConfigurationProblem as problem:
            click.echo(str(problem), err=True)
            context.exit(1)
        except KeyStoreError as problem:
            raise click.ClickException(str(problem)) from None
        except SQLAlchemyError as problem:
            raise click.ClickException(f"The database reports: {reason(problem)}.") from None


def open_registry(ini: Path) -> Registry:
    """Return the registry of the ini file's application, without the parts that only serve.

    :raises ConfigurationProblem: if the configuration is rejected.
    """
    settings = read_settings(ini, lambda: get_appsettings(str(ini)))
    make_importable(ini.parent)
    with configured(settings, commanded=True) as config:
        pass
    registry = config.registry
    click.get_current_context().call_on_close(registry.oidc.database.engine.dispose)
    return registry


@contextmanager
def transaction(registry: Registry) -> Iterator[Session]:
    """Bring the schema up to date, then yield a database session that commits at the end."""
    ensure_schema(registry)
    with registry.oidc.database.session() as dbsession, dbsession.begin():
        yield dbsession


@contextmanager
def notifying(registry: Registry) -> Iterator[Request]:
    """Bring the schema up to date, then yield a request whose transaction commits at the end.

    It is for commands that change what others have to hear of: events and mails go with them.
    """
    ensure_schema(registry)
    with prepare(registry=registry) as env:
        request: Request = env["request"]
        request.environ[BY_COMMAND] = True
        with request.oidc.database.transaction():
            yield request


def announce_after_commit(request: Request, name: str, **details: Any) -> None:
    """Notify the subscribers of a change, once it is committed.

    :param name: that of the :class:`~oidcserver.oauth.events.OAuthEvent`.
    """
    request.oidc.database.after_commit(announce, OAuthEvent(request, name, details))


def show(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def tell(sentence: str, values: dict[str, Any], *, as_json: bool) -> None:
    """Print what was done: a sentence for people, or values as JSON."""
    if as_json:
        show(values)
    else:
        click.echo(sentence)


def counted(number: int, noun: str) -> str:
    """Return a number of things: ``1 user``, ``2 users``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is lost. Without a terminal, require ``--yes``."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.ClickException(
            "There is no terminal to prompt on: pass --yes. Nothing was done."
        )
    click.confirm(question, abort=True)


def when(moment: int | None) -> str:
    """Return a time in UTC as text; ``-`` for no time."""
    if not moment:
        return "-"
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
