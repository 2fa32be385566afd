"""``oidcserver users sync``."""

from pathlib import Path

import click

from oidcserver import clock
from oidcserver.cli.application import counted, ini_argument, json_option, open_registry, tell
from oidcserver.interfaces import DirectoryUnavailable
from oidcserver.operations.schema import ensure_schema


@click.command()
@ini_argument
@json_option
def sync(ini: Path, as_json: bool) -> None:
    """Ask the user directory which users may still sign in.

    The command asks about the users who are signed in or whose applications have access, and about
    those who have left. The server does this by itself, unless oidc.directory_sync_interval is 0.

    Example: oidcserver users sync production.ini
    """
    registry = open_registry(ini)
    if not hasattr(registry.oidc, "directory_sync"):
        raise click.ClickException(
            f"The user directory {registry.oidc.provider.settings['oidc.user_directory']} cannot "
            "be asked about users."
        )
    ensure_schema(registry)
    try:
        checked, changed, ended = registry.oidc.directory_sync.check(clock.now())
    except DirectoryUnavailable as problem:
        raise click.ClickException(f"Not all users were checked: {problem}") from None
    tell(
        f"Asked about {counted(checked, 'user')}. With another name or other claims, or there "
        f"again: {changed}. With ended sessions and tokens: {ended}.",
        {"users": checked, "changed": changed, "ended": ended},
        as_json=as_json,
    )
