"""User accounts: passwords, the limits against guessing, and the directories that know users."""

from oidcserver.accounts.authentication import authenticate_user
from oidcserver.accounts.directories import DatabaseDirectory, DemoDirectory, reject_demo
from oidcserver.accounts.second_factors import lacks_second_factor, second_factor_is_due
from oidcserver.settings import integer, seconds
from oidcserver.types import Configurator

SETTINGS = (
    ("oidc.login_attempts", integer, 10,
     "How many passwords may be tried for a user name in a window from one network, or in a "
     "browser in which that user signed in before."),
    ("oidc.login_attempts_per_name", integer, 100,
     "How many passwords may be tried for a user name in a window from all networks together."),
    ("oidc.login_attempts_per_address", integer, 100,
     "How many wrong passwords may come from one network address in a window."),
    ("oidc.login_window", seconds, 900, "The window in which attempts to sign in count."),
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Add ``request.oidc.authenticate_user``, the directories and the limits."""
    config.add_oidc_method(authenticate_user)
    config.add_oidc_method(second_factor_is_due)
    config.add_oidc_method(lacks_second_factor)
    config.add_user_directory("demo", DemoDirectory())
    config.add_user_directory("database", DatabaseDirectory())
    config.add_startup_check("demo directory", reject_demo)
    for name in (
        "ldap", "mail_recipients", "mailed_links", "new_passwords", "remembered_devices",
        "second_factors", "upstreams",
    ):  # fmt: skip
        config.include(f"oidcserver.accounts.{name}")
    for setting in SETTINGS:
        config.add_oauth_setting(*setting)
