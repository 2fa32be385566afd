"""Login sessions: who is signed in, how people sign in, and the directories that know them."""

from typing import Any

from oidcserver.sessions.authentication import authenticate_person
from oidcserver.sessions.browser import browser_digest, browser_is_known
from oidcserver.sessions.directories import DatabaseDirectory, DemoDirectory, refuse_demo
from oidcserver.sessions.ending import end_login_session
from oidcserver.sessions.login import read_login_session, sign_in, sign_out
from oidcserver.settings import cookie_prefix, integer, seconds

SETTINGS = (
    ("oidc.session_idle_lifetime", seconds, 3600,
     "How long a user who does nothing stays signed in."),
    ("oidc.session_max_lifetime", seconds, 12 * 3600,
     "How long a user stays signed in after a login at most."),
    ("oidc.login_attempts", integer, 10,
     "How many passwords may be tried for a user name in a window from one network, or in a "
     "browser in which that user signed in before."),
    ("oidc.login_attempts_per_name", integer, 100,
     "How many passwords may be tried for a user name in a window from all networks together."),
    ("oidc.login_attempts_per_address", integer, 100,
     "How many wrong passwords may come from one network address in a window."),
    ("oidc.cookie_prefix", cookie_prefix, "",
     "How the names of cookies begin; empty: oidcserver and the issuer's port and path, so that "
     "two providers on one host do not sign each other's users out."),
    ("oidc.login_window", seconds, 900, "The window in which attempts to sign in count."),
)  # fmt: skip


def includeme(config: Any) -> None:
    """Add ``request.login_session`` and its like, the directories and the ways to sign out."""
    config.include("oidcserver.security.csrf")
    config.include("oidcserver.security.identity")
    for name in (
        "session_management", "logout", "logout_channels", "frontchannel_logout",
        "backchannel_logout",
    ):  # fmt: skip
        config.include(f"oidcserver.sessions.{name}")
    config.add_request_method(read_login_session, "login_session", reify=True)
    config.add_request_method(browser_digest, "browser_digest", reify=True)
    config.add_request_method(browser_is_known, "browser_is_known", reify=True)
    for method in (authenticate_person, end_login_session, sign_in, sign_out):
        config.add_request_method(method)
    config.add_user_directory("demo", DemoDirectory())
    config.add_user_directory("database", DatabaseDirectory())
    config.add_startup_check("demo directory", refuse_demo)
    for setting in SETTINGS:
        config.add_oauth_setting(*setting)
