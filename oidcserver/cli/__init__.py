"""The ``oidcserver`` command: what an operator does to a provider, by its ini file."""

import click

from oidcserver.cli import (
    clients,
    configuration,
    database,
    keys,
    logouts,
    registration_tokens,
    rejections,
    users,
)
from oidcserver.cli.application import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="oidcserver")
def main() -> None:
    """Set up, inspect and manage an OpenID Provider.

    Every command takes the ini file that the server runs with.

    Exit codes: 0 done; 1 refused, not found, or a configuration that cannot be served; 2 wrong
    usage of the command.
    """


for command in (
    database.initdb,
    database.prune,
    logouts.deliver_logouts,
    clients.clients,
    users.users,
    registration_tokens.registration_tokens,
    keys.keys,
    configuration.check,
    configuration.explain,
    rejections.explain_error,
):
    main.add_command(command)
