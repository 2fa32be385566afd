"""The directives with which plugins make offers, and the selection among the offers.

``config.include("oidcserver.plugins")`` adds the directives.
"""

from functools import partial

from oidcserver.plugins.clear_secrets import reject_clear_secrets
from oidcserver.plugins.directives import DIRECTIVES
from oidcserver.plugins.endpoints import add_methods_deriver
from oidcserver.plugins.offering import offer
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
from oidcserver.provider import Provider
from oidcserver.settings import CORE
from oidcserver.types import Configurator


def includeme(config: Configurator) -> None:
    """Register the directives, the core settings and the phases of selection."""
    config.include("oidcserver.plugins.request_attributes")
    if hasattr(config.registry.oidc, "provider"):
        return  # config.commit() and a second include run this again
    config.registry.oidc.provider = Provider(config.route_prefix)
    config.add_oidc_attribute("provider", lambda request: request.registry.oidc.provider)
    config.add_directive("add_oauth_offer", offer)
    for directive in DIRECTIVES:
        config.add_directive(directive.__name__, directive)
    add_methods_deriver(config)
    for setting in CORE:
        config.add_oauth_setting(
            setting.name, setting.convert, setting.default, setting.why, allowed=setting.allowed
        )
    config.add_startup_check("secrets in the ini", reject_clear_secrets)
    phases = (
        (SETTINGS, select_settings),
        (SELECT, select_all),
        (CHECK + 1, run_startup_checks),
        (AFTER_SCHEMA, log_startup_warnings),
    )
    for order, phase in phases:
        config.action(("oauth", phase.__name__), partial(phase, config), order=order)
