"""The claims of a user from a file (OpenID Connect Core section 5.1)."""

import json
from typing import IO, Any

import click

from oidcserver.oidc.languages import plain_name
from oidcserver.oidc.scopes import CLAIM_TYPES, STANDARD_CLAIMS
from oidcserver.types import Provider

_WORDS = {bool: "true or false", int: "a number of seconds", dict: "an object", str: "text"}


def read_claims(provider: Provider, file: IO[bytes]) -> dict[str, Any]:
    """Return the claims in a JSON file. A scope or a claims source must offer each of them.

    A claim may occur in several languages: ``name``, ``name#de``.

    :raises click.ClickException: if the file is not a JSON object, or a claim is not offered or has
        another type than its standard type.
    """
    try:
        claims = json.load(file)
    except ValueError:
        raise click.ClickException(f"{file.name} is not JSON.") from None
    if not isinstance(claims, dict):
        raise click.ClickException(f"{file.name} is not a JSON object.")
    for name, value in claims.items():
        plain = plain_name(name)
        if plain not in provider.claim_names:
            raise click.ClickException(
                f"No scope here returns the claim {name}: oidc.scope_claims can declare one."
            )
        expected = CLAIM_TYPES.get(plain, (str,))[0]
        if plain in STANDARD_CLAIMS and type(value) is not expected:
            raise click.ClickException(f"The claim {name} has to be {_WORDS[expected]}.")
    return claims
