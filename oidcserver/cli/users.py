"""``oidcserver users``: accounts, their names and claims."""

import sys
from pathlib import Path
from typing import IO

import click
from sqlalchemy import delete as remove
from sqlalchemy import select
from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.accounts.notices import announce_new_address
from oidcserver.accounts.passwords import hash_password
from oidcserver.cli.application import (
    announce_after_commit,
    confirm,
    counted,
    ini_argument,
    json_option,
    notifying,
    open_registry,
    show,
    tell,
    transaction,
    when,
    yes_option,
)
from oidcserver.cli.claims import read_claims
from oidcserver.models import User
from oidcserver.models.user import LOCAL, find_user, username_problem
from oidcserver.sessions.ending import end_everything
from oidcserver.types import Provider

MIN_LENGTH = 8

password_option = click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from standard input, without a prompt.",
)


@click.group()
def users() -> None:
    """Manage users."""


@users.command()
@ini_argument
@click.argument("name")
@password_option
@json_option
def create(ini: Path, name: str, password_stdin: bool, as_json: bool) -> None:
    """Create a user.

    The command prompts for the password.

    Example: oidcserver users create production.ini alice
    """
    registry = open_registry(ini)
    require_local_directory(registry.oidc.provider)
    problem = username_problem(name)
    if problem is not None:
        raise click.ClickException(problem)
    hashed = read_password_hash(password_stdin)
    with notifying(registry) as request:
        dbsession = request.oidc.dbsession
        if find_user(dbsession, name) is not None:
            raise click.ClickException(f"There is a user {name} already.")
        user = User(name, password_hash=hashed)
        dbsession.add(user)
        dbsession.flush()
        announce_after_commit(request, "user_registered", user_id=user.id)
        created = {"id": user.id, "username": user.username}
    tell(f"Created {created['username']} ({created['id']}).", created, as_json=as_json)


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
        names = ("id", "username", "created_at", "disabled_at", "left_at")
        show([{name: getattr(user, name) for name in names} for user in found])
        return
    for user in found:
        click.echo(f"{user.username}  {user.id}  {_state(user)}")


def _state(user: User) -> str:
    if user.disabled_at is not None:
        return f"disabled since {when(user.disabled_at)}"
    if user.left_at is not None:
        return f"not in the directory {user.realm} since {when(user.left_at)}"
    return "active"


@users.command()
@ini_argument
@click.argument("name")
@click.argument("new_name")
@json_option
def rename(ini: Path, name: str, new_name: str, as_json: bool) -> None:
    """Give a user another name.

    The user keeps the account and the subject. Users of another directory than the database are
    renamed there.

    Example: oidcserver users rename production.ini alice alicia
    """
    with notifying(open_registry(ini)) as request:
        dbsession = request.oidc.dbsession
        user = find(dbsession, name)
        _require_local(user, "name")
        problem = username_problem(new_name)
        if problem is not None:
            raise click.ClickException(problem)
        holder = find_user(dbsession, new_name)
        if holder is not None and holder.id != user.id:
            raise click.ClickException(f"There is a user {new_name} already.")
        user.rename(new_name)
        announce_after_commit(request, "profile_changed", user_id=user.id)
        renamed = {"id": user.id, "username": user.username}
    tell(f"{name} is {renamed['username']} now.", renamed, as_json=as_json)


@users.command()
@ini_argument
@click.argument("name")
@yes_option
@json_option
def delete(ini: Path, name: str, yes: bool, as_json: bool) -> None:
    """Delete the account of a user.

    This ends all sessions and all tokens of the user. A user of another directory who signs in
    again gets a new account with another subject.

    Example: oidcserver users delete production.ini alice --yes
    """
    registry = open_registry(ini)
    with transaction(registry) as dbsession:
        user_id = find(dbsession, name).id
    confirm(f"Delete {name}?", yes=yes)
    with notifying(registry) as request:
        ended = end_everything(request, user_id)
        request.oidc.dbsession.execute(remove(User).where(User.id == user_id))
        announce_after_commit(request, "user_deleted", user_id=user_id, username=name)
    tell(
        f"Deleted {name}; ended {counted(ended, 'authorization')}.",
        {"id": user_id, "ended_authorizations": ended},
        as_json=as_json,
    )


@users.command("set-claims")
@ini_argument
@click.argument("name")
@click.argument("file", type=click.File("rb"))
@json_option
def set_claims(ini: Path, name: str, file: IO[bytes], as_json: bool) -> None:
    """Replace the claims of a user.

    The file has a JSON object with all claims of the user. Other claims are removed. The claims of
    users of another directory than the database are changed there. The old verified address gets a
    mail if it changes.

    Example: oidcserver users set-claims production.ini alice claims.json
    """
    registry = open_registry(ini)
    claims = read_claims(registry.oidc.provider, file)
    with notifying(registry) as request:
        user = find(request.oidc.dbsession, name)
        _require_local(user, "claims")
        key, before = user.address_key, user.claims
        user.claims = claims
        if user.address_key != key:
            old = before.get("email") if key is not None else None
            announce_new_address(request, user, old, user.username)
        elif claims != before:
            announce_after_commit(request, "profile_changed", user_id=user.id)
    tell(
        f"{name} has {counted(len(claims), 'claim')}.",
        {"username": name, "claims": claims},
        as_json=as_json,
    )


@users.command()
@ini_argument
@click.argument("name")
@json_option
def disable(ini: Path, name: str, as_json: bool) -> None:
    """Disable a user.

    This ends all sessions and all tokens of the user.

    Example: oidcserver users disable production.ini alice
    """
    registry = open_registry(ini)
    with notifying(registry) as request:
        user = find(request.oidc.dbsession, name)
        if user.disabled_at is None:
            user.disabled_at = clock.now()
            announce_after_commit(request, "user_disabled", user_id=user.id)
        ended = end_everything(request, user.id)
    tell(
        f"Disabled {name}; ended {counted(ended, 'authorization')}.",
        {"username": name, "ended_authorizations": ended},
        as_json=as_json,
    )


@users.command()
@ini_argument
@click.argument("name")
@json_option
def enable(ini: Path, name: str, as_json: bool) -> None:
    """Let a disabled user sign in again.

    Example: oidcserver users enable production.ini alice
    """
    with notifying(open_registry(ini)) as request:
        user = find(request.oidc.dbsession, name)
        if user.disabled_at is not None:
            user.disabled_at = None
            announce_after_commit(request, "user_enabled", user_id=user.id)
    tell(f"Enabled {name}.", {"username": name}, as_json=as_json)


def require_local_directory(provider: Provider) -> None:
    """End the command if users who are added could not sign in with their passwords."""
    if provider.realm != LOCAL:
        directory = provider.settings["oidc.user_directory"]
        raise click.ClickException(
            f"oidc.user_directory = {directory}: add users there. A password that is stored here "
            "would not let them sign in."
        )


def find(dbsession: Session, name: str) -> User:
    """Return the user of a name, or end the command."""
    user = find_user(dbsession, name)
    if user is None:
        raise click.ClickException(f"There is no user {name}.")
    return user


def _require_local(user: User, what: str) -> None:
    """End the command if another directory would replace a change of the user."""
    if user.realm != LOCAL:
        raise click.ClickException(
            f"The directory {user.realm} has the {what} of {user.username}: change the {what} "
            "there."
        )


def read_password_hash(from_stdin: bool) -> str:
    """Return the hash of the password that is entered or on standard input."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        raise click.ClickException("There is no terminal to prompt on: pass --password-stdin.")
    if len(password) < MIN_LENGTH:
        raise click.ClickException(f"A password has at least {MIN_LENGTH} characters.")
    try:
        return hash_password(password)
    except ValueError as problem:
        raise click.ClickException(str(problem)) from None
