"""``oidcserver groups``: groups of users, their members and their roles."""

from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from oidcserver.cli.application import (
    announce_after_commit,
    confirm,
    counted,
    ini_argument,
    json_option,
    notifying,
    open_registry,
    show,
    transaction,
    yes_option,
)
from oidcserver.database.statements import insert_once
from oidcserver.models import Group, Membership, User
from oidcserver.models.group import (
    MAX_GROUP_NAME,
    checked_group_name,
    members_by_upstream,
    members_of,
    names_of_upstream_groups,
    remove_member,
)
from oidcserver.models.user import find_user

role_option = click.option(
    "--role", "roles", multiple=True, help="A role of the members. May be given again."
)
users_argument = click.argument("users", nargs=-1, required=True, metavar="USER...")


@click.group()
def groups() -> None:
    """Manage groups of users and their roles."""


@groups.command()
@ini_argument
@click.argument("name")
@role_option
def create(ini: Path, name: str, roles: tuple[str, ...]) -> None:
    """Create a group.

    Example: oidcserver groups create production.ini staff --role editor
    """
    name = _checked(name, "name")
    words = _words(roles)
    with notifying(open_registry(ini)) as request:
        if not insert_once(request.oidc.dbsession, Group, name=name, roles=words):
            raise click.ClickException(f"There is a group {name} already.")
        announce_after_commit(request, "group_created", group=name)
    click.echo(f"Created {name}.")


@groups.command("list")
@ini_argument
@json_option
def list_groups(ini: Path, as_json: bool) -> None:
    """List the groups with their roles and members.

    Members that an upstream names are marked: they leave the group there. A group that only an
    upstream names is marked too: it has no roles before you create it.

    Example: oidcserver groups list production.ini --json
    """
    with transaction(open_registry(ini)) as dbsession:
        created = {group.name: group.roles.split() for group in dbsession.scalars(select(Group))}
        rows: list[dict[str, Any]] = [
            {
                "name": name,
                "created": name in created,
                "roles": created.get(name, []),
                "members": list(members_of(dbsession, name)),
                "by_upstream": list(members_by_upstream(dbsession, name)),
            }
            for name in sorted({*created, *names_of_upstream_groups(dbsession)})
        ]
    if as_json:
        show(rows)
        return
    for row in rows:
        roles = f"  (roles: {', '.join(row['roles'])})" if row["roles"] else ""
        state = roles if row["created"] else "  (not created)"
        named = [*row["members"], *(f"{name} (by upstream)" for name in row["by_upstream"])]
        click.echo(f"{row['name']}{state}  {', '.join(named) or 'no members'}")


@groups.command("set-roles")
@ini_argument
@click.argument("name")
@role_option
def set_roles(ini: Path, name: str, roles: tuple[str, ...]) -> None:
    """Replace the roles of a group; without --role it has none.

    Example: oidcserver groups set-roles production.ini staff --role editor
    """
    words = _words(roles)
    with notifying(open_registry(ini)) as request:
        group = _find(request.oidc.dbsession, name)
        if group.roles != words:
            group.roles = words
            announce_after_commit(request, "group_changed", group=group.name)
    click.echo(f"{name} has {counted(len(words.split()), 'role')}.")


@groups.command()
@ini_argument
@click.argument("name")
@users_argument
def add(ini: Path, name: str, users: tuple[str, ...]) -> None:
    """Add users to a group.

    Example: oidcserver groups add production.ini staff alice bob
    """
    with notifying(open_registry(ini)) as request:
        dbsession = request.oidc.dbsession
        group = _find(dbsession, name)
        added = [
            user.id
            for user in _find_users(dbsession, users)
            if insert_once(dbsession, Membership, group_name=group.name, user_id=user.id)
        ]
        for user_id in added:
            announce_after_commit(request, "group_member_added", group=group.name, user_id=user_id)
    click.echo(f"Added {counted(len(added), 'user')} to {name}.")


@groups.command()
@ini_argument
@click.argument("name")
@users_argument
def remove(ini: Path, name: str, users: tuple[str, ...]) -> None:
    """Remove users from a group.

    Applications that require the group give them no further tokens. Access tokens that were issued
    before work until they expire.

    Example: oidcserver groups remove production.ini staff alice
    """
    with notifying(open_registry(ini)) as request:
        dbsession = request.oidc.dbsession
        group = _find(dbsession, name)
        removed = [
            user.id
            for user in _find_users(dbsession, users)
            if remove_member(dbsession, group.name, user.id)
        ]
        for user_id in removed:
            announce_after_commit(
                request, "group_member_removed", group=group.name, user_id=user_id
            )
    click.echo(f"Removed {counted(len(removed), 'user')} from {name}.")


@groups.command()
@ini_argument
@click.argument("name")
@yes_option
def delete(ini: Path, name: str, yes: bool) -> None:
    """Delete a group. Applications that require it go on requiring a group of that name.

    Example: oidcserver groups delete production.ini staff --yes
    """
    registry = open_registry(ini)
    with transaction(registry) as dbsession:
        count = len(members_of(dbsession, _find(dbsession, name).name))
    confirm(f"Delete {name}, which has {counted(count, 'member')}?", yes=yes)
    with notifying(registry) as request:
        group = _find(request.oidc.dbsession, name)
        request.oidc.dbsession.delete(group)
        announce_after_commit(request, "group_deleted", group=group.name)
    click.echo(f"Deleted {name}.")


def _find(dbsession: Session, name: str) -> Group:
    stored = checked_group_name(name)
    group = dbsession.get(Group, stored) if stored is not None else None
    if group is None:
        raise click.ClickException(f"There is no group {name}.")
    return group


def _find_users(dbsession: Session, names: tuple[str, ...]) -> list[User]:
    found = [(name, find_user(dbsession, name)) for name in names]
    for name, user in found:
        if user is None:
            raise click.ClickException(f"There is no user {name}. Nothing was changed.")
    return [user for _, user in found if user is not None]


def group_name(text: str, what: str = "group") -> str:
    """Return the name of a group or of a role as it is stored.

    :raises ValueError: with a sentence, if there can be none.
    """
    name = checked_group_name(text)
    if name is None:
        raise ValueError(f"A {what} has 1 to {MAX_GROUP_NAME} characters and no line break.")
    return name


def _checked(text: str, what: str) -> str:
    try:
        return group_name(text, what)
    except ValueError as problem:
        raise click.ClickException(str(problem)) from None


def _words(roles: tuple[str, ...]) -> str:
    names = [_checked(role, "role") for role in roles]
    if any(len(name.split()) > 1 for name in names):
        raise click.ClickException("A role is one word.")
    return " ".join(dict.fromkeys(names))
