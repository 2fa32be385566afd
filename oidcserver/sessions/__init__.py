"""Login sessions: signing in, signing out, and notifying clients."""

from oidcserver.sessions.browser import browser_digest, browser_is_known
from oidcserver.sessions.browser_accounts import (
    LOGIN_ROUTE,
    SETTING,
    BrowserAccounts,
    number_of_accounts,
)
from oidcserver.sessions.ending import end_login_session
from oidcserver.sessions.identity import LoginSessionPolicy
from oidcserver.sessions.login import read_login_session, sign_in, sign_out
from oidcserver.settings import cookie_prefix, seconds, text
from oidcserver.types import Configurator

__all__ = ["LOGIN_ROUTE", "LoginSessionPolicy"]

SETTINGS = (
    (LOGIN_ROUTE, text, "",
     "In an embedding application the name of the route of its login page, where users sign in "
     "instead of at the provider's. The page gets the path to go on to as next."),
    ("oidc.session_idle_lifetime", seconds, 3600,
     "How long an inactive user stays signed in."),
    ("oidc.session_max_lifetime", seconds, 12 * 3600,
     "How long a user stays signed in after a login, at most."),
    (SETTING, number_of_accounts, 5,
     "How many accounts may be signed in in one browser, from 1 to 10; with 1, a user who signs in "
     "signs the one before out. It is always 1 with oidc.login_route."),
    ("oidc.cookie_prefix", cookie_prefix, "",
     "The beginning of the names of cookies; empty: oidcserver with the issuer's port and path, so "
     "that two providers on one host have different cookies."),
)  # fmt: skip


def includeme(config: Configurator) -> None:
    """Add ``request.oidc.login_session`` with its methods, and the logout channels."""
    for name in (
        "identity", "session_management", "logout", "logout_channels", "frontchannel_logout",
        "backchannel_logout", "directory_sync",
    ):  # fmt: skip
        config.include(f"oidcserver.sessions.{name}")
    config.add_oidc_attribute("accounts", BrowserAccounts)
    config.add_oidc_attribute("login_session", read_login_session)
    config.add_oidc_attribute("browser_digest", browser_digest)
    config.add_oidc_attribute("browser_is_known", browser_is_known)
    for method in (end_login_session, sign_in, sign_out):
        config.add_oidc_method(method)
    for setting in SETTINGS:
        config.add_oauth_setting(*setting)
