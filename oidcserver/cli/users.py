"""``oidcserver users``: the users of the database directory."""

import sys
from pathlib import Path
from typing import IO

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.accounts.authentication import unlock
from oidcserver.accounts.passwords import hash_password
from oidcserver.cli.application import (
    ini_argument,
    json_option,
    open_registry,
    show,
    transaction,
    when,
)
from oidcserver.cli.claims import read_claims
from oidcserver.models import User
from oidcserver.models.user import find_user, username_problem
from oidcserver.sessions.ending import end_everything

MIN_LENGTH = 8

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input."
)


@click.group()
def users() -> None:
    """Create, list and disable users, and set their claims."""


@users.command()
@ini_argument
@click.argument("name")
@password_option
@json_option
def create(ini: Path, name: str, password_stdin: bool, as_json: bool) -> None:
    """Create a user.

    Example: oidcserver users create production.ini alice --password-stdin < password.txt
    """
    registry = open_registry(ini)
    problem = username_problem(name)
    if problem is not None:
        raise click.ClickException(problem)
    hashed = hash_password(_read_password(password_stdin))
    with transaction(registry) as dbsession:
        if find_user(dbsession, name) is not None:
            raise click.ClickException(f"There is a user {name} already.")
        user = User(name, password_hash=hashed)
        dbsession.add(user)
        dbsession.flush()
        created = {"id": user.id, "username": user.username}
    if as_json:
        show(created)
    else:
        click.echo(f"Created {created['username']} ({created['id']}).")


@users.command("list")
@ini_argument
@json_option
def list_users(ini: Path, as_json: bool) -> None:
    """List the users.

    Example: oidcserver users list production.ini --json
    """
    with transaction(open_registry(ini)) as dbsession:
        found = dbsession.scalars(select(User).order_by(User.username_key)).all()
    if as_json:
        names = ("id", "username", "created_at", "disabled_at")
        show([{name: getattr(user, name) for name in names} for user in found])
        return
    for user in found:
        state = f"disabled since {when(user.disabled_at)}" if user.disabled_at else "active"
        click.echo(f"{user.username}  {user.id}  {state}")


@users.command("set-password")
@ini_argument
@click.argument("name")
@password_option
def set_password(ini: Path, name: str, password_stdin: bool) -> None:
    """Set the password of a user.

    This ends all sessions and all tokens of the user.

    Example: oidcserver users set-password production.ini alice --password-stdin < password.txt
    """
    registry = open_registry(ini)
    hashed = hash_password(_read_password(password_stdin))
    with transaction(registry) as dbsession:
        user = _find(dbsession, name)
        user.password_hash = hashed
        ended = end_everything(registry, dbsession, user.id)
        unlock(registry.oidc.provider, dbsession, user.username)
    click.echo(f"{name} has a new password; ended {ended} authorizations.")


@users.command("unlock")
@ini_argument
@click.argument("name")
def unlock_user(ini: Path, name: str) -> None:
    """Reset the count of failed sign-ins of a user.

    The user can then sign in without waiting.

    Example: oidcserver users unlock production.ini alice
    """
    registry = open_registry(ini)
    with transaction(registry) as dbsession:
        user = _find(dbsession, name)
        locked = unlock(registry.oidc.provider, dbsession, user.username)
    click.echo(f"Unlocked {name}." if locked else f"No failed sign-ins of {name} are counted.")


@users.command("set-claims")
@ini_argument
@click.argument("name")
@click.argument("file", type=click.File("rb"))
def set_claims(ini: Path, name: str, file: IO[bytes]) -> None:
    """Replace the claims of a user.

    The file holds a JSON object with all claims of the user. Other claims are removed.

    Example: oidcserver users set-claims production.ini alice claims.json
    """
    registry = open_registry(ini)
    claims = read_claims(registry.oidc.provider, file)
    with transaction(registry) as dbsession:
        _find(dbsession, name).claims = claims
    click.echo(f"{name} has {len(claims)} claims.")


@users.command()
@ini_argument
@click.argument("name")
def disable(ini: Path, name: str) -> None:
    """Disable a user.

    This ends all sessions and all tokens of the user.

    Example: oidcserver users disable production.ini alice
    """
    registry = open_registry(ini)
    with transaction(registry) as dbsession:
        user = _find(dbsession, name)
        user.disabled_at = user.disabled_at or clock.now()
        ended = end_everything(registry, dbsession, user.id)
    click.echo(f"Disabled {name}; ended {ended} authorizations.")


@users.command()
@ini_argument
@click.argument("name")
def enable(ini: Path, name: str) -> None:
    """Let a disabled user sign in again.

    Example: oidcserver users enable production.ini alice
    """
    with transaction(open_registry(ini)) as dbsession:
        _find(dbsession, name).disabled_at = None
    click.echo(f"Enabled {name}.")


def _find(dbsession: Session, name: str) -> User:
    user = find_user(dbsession, name)
    if user is None:
        raise click.ClickException(f"There is no user {name}.")
    return user


def _read_password(from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        raise click.ClickException("There is no terminal to prompt on: pass --password-stdin.")
    if len(password) < MIN_LENGTH:
        raise click.ClickException(f"A password has at least {MIN_LENGTH} characters.")
    return password
