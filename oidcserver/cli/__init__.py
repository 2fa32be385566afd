"""The ``oidcserver`` command, with which an operator manages the provider of an ini file."""

import click

from oidcserver.cli import (
    clients,
    configuration,
    database,
    groups,
    keys,
    outboxes,
    registration_tokens,
    rejections,
    user_access,
    user_details,
    user_sync,
    user_transfer,
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


for of_users in (
    user_access.set_password,
    user_access.unlock_user,
    user_access.reset_factors,
    user_access.sign_out,
    user_details.show_user,
    user_sync.sync,
    user_transfer.import_users,
    user_transfer.export_users,
):
    users.users.add_command(of_users)

for command in (
    database.initdb,
    database.prune,
    outboxes.deliver,
    clients.clients,
    users.users,
    groups.groups,
    registration_tokens.registration_tokens,
    keys.keys,
    configuration.check,
    configuration.explain,
    rejections.explain_error,
):
    main.add_command(command)
