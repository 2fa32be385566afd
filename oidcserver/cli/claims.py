"""A person's claims from a file (OpenID Connect Core section 5.1)."""

import json
from typing import Any

import click

from oidcserver.oidc.scopes import STANDARD

#: Of the standard claims, those that are no text.
_TYPES: dict[str, tuple[type, str]] = {
    "email_verified": (bool, "true or false"),
    "phone_number_verified": (bool, "true or false"),
    "updated_at": (int, "a number of seconds"),
    "address": (dict, "an object"),
}
_STANDARD = frozenset(name for scope in STANDARD for name in scope.claims)


def read_claims(provider: Any, file: Any) -> dict[str, Any]:
    """Return the claims in a JSON file: those that a scope returns, in their standard types.

    :raises click.ClickException: with the claim and what is wrong with it.
    """
    try:
        claims = json.load(file)
    except ValueError:
        raise click.ClickException(f"{file.name} is not JSON.") from None
    if not isinstance(claims, dict):
        raise click.ClickException(f"{file.name} is not a JSON object.")
    offered = {name for scope in provider.scopes.values() for name in scope.claims}
    for name, value in claims.items():
        if name not in offered:
            raise click.ClickException(f"No scope here returns the claim {name}.")
        expected, words = _TYPES.get(name, (str, "text"))
        if name in _STANDARD and type(value) is not expected:
            raise click.ClickException(f"The claim {name} has to be {words}.")
    return claims
