"""``oidcserver users``: passwords, second factors and sessions of users."""

from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from oidcserver.accounts.authentication import unlock
from oidcserver.accounts.factor_changes import factor_removed
from oidcserver.accounts.notices import announce_new_password
from oidcserver.accounts.second_factors import factors_of, unlock_codes
from oidcserver.accounts.ways_in import has_way_in
from oidcserver.cli.application import (
    confirm,
    counted,
    ini_argument,
    json_option,
    notifying,
    open_registry,
    tell,
    transaction,
    yes_option,
)
from oidcserver.cli.users import find, password_option, read_password_hash
from oidcserver.models import Authorization, LoginSession
from oidcserver.models.second_factor import remove_factors
from oidcserver.models.user import LOCAL
from oidcserver.sessions.ending import end_everything, end_sessions_of_user


@click.command("set-password")
@ini_argument
@click.argument("name")
@password_option
@json_option
def set_password(ini: Path, name: str, password_stdin: bool, as_json: bool) -> None:
    """Set the password of a user.

    The command prompts for the password. This ends all sessions and all tokens of the user, who
    gets a mail about it.

    Example: oidcserver users set-password production.ini alice
    """
    registry = open_registry(ini)
    hashed = read_password_hash(password_stdin)
    with notifying(registry) as request:
        dbsession = request.oidc.dbsession
        user = find(dbsession, name)
        if user.realm != LOCAL:
            raise click.ClickException(
                f"The directory {user.realm} has the password of {name}: change it there."
            )
        user.password_hash = hashed
        ended = end_everything(request, user.id)
        unlock(registry.oidc.provider, dbsession, user.username)
        unlock_codes(dbsession, user.id)
        announce_new_password(request, user, "password_changed")
    tell(
        f"{name} has a new password; ended {counted(ended, 'authorization')}.",
        {"username": name, "ended_authorizations": ended},
        as_json=as_json,
    )


@click.command("unlock")
@ini_argument
@click.argument("name")
@json_option
def unlock_user(ini: Path, name: str, as_json: bool) -> None:
    """Reset the counts of failed sign-ins of a user.

    Wrong codes of second factors count too. The user can then sign in without waiting.

    Example: oidcserver users unlock production.ini alice
    """
    registry = open_registry(ini)
    with transaction(registry) as dbsession:
        user = find(dbsession, name)
        passwords = unlock(registry.oidc.provider, dbsession, user.username)
        locked = unlock_codes(dbsession, user.id) or passwords
    tell(
        f"Unlocked {name}." if locked else f"No failed sign-ins of {name} are counted.",
        {"username": name, "unlocked": locked},
        as_json=as_json,
    )


@click.command("reset-factors")
@ini_argument
@click.argument("name")
@json_option
def reset_factors(ini: Path, name: str, as_json: bool) -> None:
    """Remove the second factors of a user who lost them.

    Passkeys are removed too. This ends all sessions and all tokens of the user, who gets a mail
    about it and then signs in without a second factor. A user who had a passkey and no password may
    have no way to sign in any more: the command warns of it, and set-password gives a password.

    Example: oidcserver users reset-factors production.ini alice
    """
    registry = open_registry(ini)
    with notifying(registry) as request:
        dbsession = request.oidc.dbsession
        user = find(dbsession, name)
        had = [name for name, it in factors_of(request, user).items() if it.counts]
        removed = remove_factors(dbsession, user.id)
        if removed:
            end_everything(request, user.id)
        for factor in had:
            factor_removed(request, user, factor)
        can_sign_in = has_way_in(request, user)
    tell(
        f"{name} has no second factor now." if removed else f"{name} had no second factors.",
        {"username": name, "removed": bool(removed), "can_sign_in": can_sign_in},
        as_json=as_json,
    )
    if not can_sign_in:
        click.echo(
            f"{name} has no way to sign in: oidcserver users set-password gives the user one.",
            err=True,
        )


@click.command("sign-out")
@ini_argument
@click.argument("name", required=False)
@click.option("--everybody", is_flag=True, help="Sign out all users.")
@click.option(
    "--tokens", is_flag=True, help="End all tokens too, also those with the scope offline_access."
)
@yes_option
@json_option
def sign_out(
    ini: Path, name: str | None, everybody: bool, tokens: bool, yes: bool, as_json: bool
) -> None:
    """Sign a user out everywhere.

    This ends all sessions and the tokens that depend on them, and notifies applications. Sign-ins
    that are under way do not succeed.

    Examples: oidcserver users sign-out production.ini alice --tokens

    oidcserver users sign-out production.ini --everybody --yes
    """
    if (name is None) is not everybody:
        raise click.UsageError("Pass the name of a user, or --everybody.")
    registry = open_registry(ini)
    if everybody:
        confirm("Sign out all users?", yes=yes)
    with transaction(registry) as dbsession:
        ids = _users_to_sign_out(dbsession, tokens) if name is None else [find(dbsession, name).id]
    ended = 0
    for user_id in ids:
        with notifying(registry) as request:
            end = end_everything if tokens else end_sessions_of_user
            ended += end(request, user_id)
    tell(
        f"Signed out {counted(len(ids), 'user')}; "
        f"ended {counted(ended, 'authorization' if tokens else 'session')}.",
        {"users": len(ids), "ended_authorizations" if tokens else "ended_sessions": ended},
        as_json=as_json,
    )


def _users_to_sign_out(dbsession: Session, tokens: bool) -> list[str]:
    having = set(
        dbsession.scalars(select(LoginSession.user_id).where(LoginSession.ended_at.is_(None)))
    )
    if tokens:
        access = select(Authorization.user_id).where(Authorization.revoked_at.is_(None))
        having.update(dbsession.scalars(access))
    return sorted(having)
