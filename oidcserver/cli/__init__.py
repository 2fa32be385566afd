"""The ``oidcserver`` command, with which an operator manages the provider of an ini file."""

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

    Exit codes: 0 success; 1 the input or the configuration is rejected, or something is not found;
    2 wrong usage of the command.
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
