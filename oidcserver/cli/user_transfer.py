"""``oidcserver users import`` and ``export``."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.cli.application import (
    counted,
    ini_argument,
    json_option,
    open_registry,
    show,
    tell,
    transaction,
)
from oidcserver.cli.imported_users import ImportedUser, Taken, checked_user
from oidcserver.cli.user_files import Line, Record, read_records, write_csv
from oidcserver.cli.users import require_local_directory
from oidcserver.models import Group, Membership, User
from oidcserver.models.user import LOCAL
from oidcserver.types import Provider

#: Bad lines that are named; there may be one for each user.
MOST_PROBLEMS = 50
#: Users who are written at once.
BATCH = 1000


@click.command("import")
@ini_argument
@click.argument("file", type=click.File("rb"))
@click.option("--skip-bad", is_flag=True, help="Import the good lines where others are bad.")
@click.option("--create-groups", is_flag=True, help="Create the groups that do not exist.")
@json_option
def import_users(
    ini: Path, file: IO[bytes], skip_bad: bool, create_groups: bool, as_json: bool
) -> None:
    """Import users from a CSV or JSON file.

    CSV has a line with the names of the columns; JSON is a list of objects. Each user has a
    username, and may have an id, which applications then know as the subject, a password_hash of
    another system, groups, and disabled. Further columns, or the member claims, are claims.

    If a line is bad, nothing is imported. The command names each bad line and its first mistake.

    Example: oidcserver users import production.ini users.csv
    """
    registry = open_registry(ini)
    require_local_directory(registry.oidc.provider)
    try:
        lines = list(read_records(registry.oidc.provider.settings, file.read()))
    except ValueError as problem:
        raise click.ClickException(f"{problem} Nothing was imported.") from None
    with transaction(registry) as dbsession:
        good, problems = _check(registry.oidc.provider, dbsession, lines, create_groups)
        for sentence in problems[:MOST_PROBLEMS]:
            click.echo(sentence, err=True)
        if len(problems) > MOST_PROBLEMS:
            click.echo(f"And {len(problems) - MOST_PROBLEMS} more.", err=True)
        if problems and not skip_bad:
            raise click.ClickException(
                f"{len(problems)} of {counted(len(lines), 'user')} cannot be imported. Nothing was "
                "imported: mend the file, or pass --skip-bad."
            )
        _insert(dbsession, good)
    tell(
        f"Imported {counted(len(good), 'user')}; skipped {len(problems)}.",
        {"imported": len(good), "skipped": len(problems), "problems": problems[:MOST_PROBLEMS]},
        as_json=as_json,
    )


def _check(
    provider: Provider, dbsession: Session, lines: list[Line], create_groups: bool
) -> tuple[list[ImportedUser], list[str]]:
    """Return the users who can be imported, and a sentence for each who cannot."""
    taken = Taken(
        dict.fromkeys(dbsession.scalars(select(User.username_key)), ""),
        dict.fromkeys(dbsession.scalars(select(User.id)), ""),
        frozenset(dbsession.scalars(select(Group.name))),
    )
    good, problems = [], []
    for line in lines:
        try:
            if line.record is None:
                raise ValueError(line.problem)
            user = checked_user(provider, line.record)
            taken.take(user, line.place, create_groups=create_groups)
        except ValueError as problem:
            problems.append(f"{line.place}: {problem}")
        else:
            good.append(user)
    return good, problems


def _insert(dbsession: Session, imported: list[ImportedUser]) -> None:
    present = set(dbsession.scalars(select(Group.name)))
    needed = {name for user in imported for name in user.groups}
    dbsession.add_all(Group(name=name) for name in sorted(needed - present))
    dbsession.flush()
    for start in range(0, len(imported), BATCH):
        rows = []
        for user in imported[start : start + BATCH]:
            given = {} if user.id is None else {"id": user.id}
            disabled_at = clock.now() if user.disabled else None
            rows.append(
                User(
                    user.username,
                    password_hash=user.password_hash,
                    claims=user.claims,
                    disabled_at=disabled_at,
                    **given,
                )
            )
        dbsession.add_all(rows)
        dbsession.flush()
        memberships = [
            {"group_name": name, "user_id": row.id}
            for row, user in zip(rows, imported[start : start + BATCH], strict=True)
            for name in user.groups
        ]
        if memberships:
            dbsession.execute(insert(Membership), memberships)
        dbsession.expunge_all()


@click.command("export")
@ini_argument
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV instead of JSON.")
@click.option("--password-hashes", is_flag=True, help="Include the hashes of passwords.")
def export_users(ini: Path, as_csv: bool, password_hashes: bool) -> None:
    """Write the users of the database, as import reads them.

    Users of other directories are left out: they are kept there.

    Example: oidcserver users export production.ini > users.json
    """
    with transaction(open_registry(ini)) as dbsession:
        records = list(_records(dbsession, password_hashes))
    if as_csv:
        click.echo(write_csv(records), nl=False)
    else:
        show(records)


def _records(dbsession: Session, password_hashes: bool) -> Iterator[Record]:
    groups: dict[str, list[str]] = {}
    for name, user_id in dbsession.execute(
        select(Membership.group_name, Membership.user_id).order_by(Membership.group_name)
    ):
        groups.setdefault(user_id, []).append(name)
    for user in dbsession.scalars(
        select(User).where(User.realm == LOCAL).order_by(User.username_key)
    ):
        record: dict[str, Any] = {
            "username": user.username,
            "id": user.id,
            "groups": groups.get(user.id, []),
            "disabled": user.disabled_at is not None,
            "claims": user.claims,
        }
        if password_hashes:
            record["password_hash"] = user.password_hash
        yield record
