"""Offers of directives: each is queued, or stops the start if it cannot be used."""

import inspect
import re
from collections.abc import Sequence
from typing import Any

from pyramid.config import PHASE0_CONFIG

from oidcserver.catalog import Offer
from oidcserver.settings import ConfigurationProblem
from oidcserver.types import Configurator

OFFER = PHASE0_CONFIG

#: The name of a scope (RFC 6749 section 3.3).
SCOPE_NAME = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def offer(config: Configurator, kind: str, name: str, value: Any) -> None:
    """Queue an offer: ``config.add_oauth_offer(kind, name, value)``, for kinds of your own."""
    entry = Offer(kind, name, value, config.action_info, config.includepath)
    introspectable = config.introspectable(f"oauth {kind}", name, name, f"oauth {kind}")
    introspectable["value"] = value

    def register() -> None:
        config.registry.oidc.provider.catalog.add(entry)

    config.action(None, register, order=OFFER, introspectables=(introspectable,))


def require(config: Configurator, kind: str, name: str, value: Any, *methods: str) -> None:
    """Stop the start where a value lacks a method, or cannot be called where none is named.

    :raises ConfigurationProblem: with the place of the directive.
    """
    lacking = [method for method in methods if not callable(getattr(value, method, None))]
    if lacking or not (methods or callable(value)):
        has = f"has no {' and no '.join(lacking)}" if lacking else "cannot be called"
        info = config.action_info
        raise ConfigurationProblem(
            f"The {kind} {name!r} of {info.file}:{info.line} {has}, so it cannot be used."
        )


def require_arguments(
    config: Configurator, kind: str, name: str, value: Any, method: str, count: int
) -> None:
    """Stop the start where a method cannot be called with so many arguments.

    :raises ConfigurationProblem: with the place of the directive.
    """
    try:
        inspect.signature(getattr(value, method)).bind(*range(count))
    except TypeError:
        info = config.action_info
        raise ConfigurationProblem(
            f"The {kind} {name!r} of {info.file}:{info.line} has a method {method!r} that does not "
            f"take {count} arguments, so it cannot be used."
        ) from None


def require_endpoint(
    config: Configurator, name: str, grant: Any, grant_type: str | None, types: Sequence[str]
) -> None:
    """Stop the start where no request reaches a grant.

    :raises ConfigurationProblem: with the place of the directive.
    """
    at_token = hasattr(grant, "check_token_endpoint")
    at_authorization = hasattr(grant, "check_authorization_endpoint")
    if not (at_token or at_authorization):
        problem = "is no class of Authlib's TokenEndpointMixin or AuthorizationEndpointMixin"
    elif at_token and not grant_type:
        problem = "has no GRANT_TYPE, and the directive names no grant_type"
    elif at_authorization and not types:
        problem = "answers authorization requests, but the directive names no response_types"
    elif types and not at_authorization:
        problem = "has response_types, but is no class of Authlib's AuthorizationEndpointMixin"
    else:
        return
    info = config.action_info
    raise ConfigurationProblem(f"The grant {name!r} of {info.file}:{info.line} {problem}.")


def require_scope_name(config: Configurator, name: str) -> None:
    """Stop the start where a text is not the name of one scope.

    :raises ConfigurationProblem: with the place of the directive.
    """
    if not SCOPE_NAME.fullmatch(name):
        info = config.action_info
        raise ConfigurationProblem(
            f"The scope {name!r} of {info.file}:{info.line} is not the name of one scope: it has "
            "printable ASCII characters and no space, quote or backslash (RFC 6749 section 3.3)."
        )
