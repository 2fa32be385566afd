"""The claims of a user from a file (OpenID Connect Core section 5.1)."""

import re
from collections.abc import Mapping
from typing import IO, Any

import click

from oidcserver.cli.client_options import file_name, read_json
from oidcserver.oidc.claim_types import claim_problem
from oidcserver.oidc.languages import plain_name
from oidcserver.oidc.scopes import STANDARD_CLAIMS
from oidcserver.types import Provider

#: Addresses of hosts that no mail reaches are kept: applications may know users by them.
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


def read_claims(provider: Provider, file: IO[bytes]) -> dict[str, Any]:
    """Return the claims in a JSON file. Each is a standard claim, or a scope or a claims source
    offers it.

    A claim may occur in several languages: ``name``, ``name#de``.

    :raises click.ClickException: if the file is not a JSON object, or a claim is not offered or has
        another type than its own.
    """
    claims = read_json(file)
    if not isinstance(claims, dict):
        raise click.ClickException(f"{file_name(file)} is not a JSON object.")
    problem = claims_problem(provider, claims)
    if problem is not None:
        raise click.ClickException(problem)
    return claims


def claims_problem(provider: Provider, claims: Mapping[str, Any]) -> str | None:
    """Return why a user cannot have some claims, as a sentence, or None."""
    for name, value in claims.items():
        plain = plain_name(name)
        if plain not in STANDARD_CLAIMS and plain not in provider.claim_names:
            return f"No scope here returns the claim {name}: oidc.scope_claims can declare one."
        problem = claim_problem(provider, plain, value)
        if problem is not None:
            return f"The claim {name} {problem}."
        if plain == "email" and not _ADDRESS.fullmatch(value):
            return f"The claim {name} is {value!r}, which is no email address."
    return None
