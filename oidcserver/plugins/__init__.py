"""The words of configuration: directives that offer, and the selection that answers.

``config.include("oidcserver.plugins")`` gives an application or a plugin the directives.
"""

from functools import partial
from typing import Any

from oidcserver.plugins.directives import DIRECTIVES
from oidcserver.plugins.offering import offer
from oidcserver.plugins.provider import Provider
from oidcserver.plugins.selection import (
    AFTER_SCHEMA,
    CHECK,
    SELECT,
    SETTINGS,
    log_startup_warnings,
    run_startup_checks,
    select_all,
    select_settings,
)
from oidcserver.settings import CORE


def includeme(config: Any) -> None:
    """Register the directives, the core settings and the phases of selection."""
    if getattr(config.registry, "provider", None) is not None:
        return  # config.commit() and a second include run this again
    config.registry.provider = Provider(config.route_prefix)
    config.add_request_method(lambda request: request.registry.provider, "provider", reify=True)
    config.add_directive("add_oauth_offer", offer)
    for directive in DIRECTIVES:
        config.add_directive(directive.__name__, directive)
    for setting in CORE:
        config.add_oauth_setting(
            setting.name, setting.convert, setting.default, setting.why, allowed=setting.allowed
        )
    phases = (
        (SETTINGS, select_settings),
        (SELECT, select_all),
        (CHECK + 1, run_startup_checks),
        (AFTER_SCHEMA, log_startup_warnings),
    )
    for order, phase in phases:
        config.action(("oauth", phase.__name__), partial(phase, config), order=order)
