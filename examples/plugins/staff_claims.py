"""A claims source: what the company's staff file says about users, and a scope to ask for it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oidcserver.interfaces import User
from oidcserver.settings import path
from oidcserver.types import Configurator, Registry, Request


def read_staff(request: Request, user: User, names: frozenset[str]) -> Mapping[str, Any]:
    """Return those of the claims that the file has for a user; ``names`` are the wanted ones."""
    file: Path = request.oidc.provider.settings["staff.file"]
    staff = json.loads(file.read_text(encoding="utf-8"))
    known = staff.get(user.username, {})
    return {name: known[name] for name in names & known.keys()}


def check_file(registry: Registry) -> str | None:
    """Stop the start where there is no file."""
    file: Path | None = registry.oidc.provider.settings["staff.file"]
    if file is None or not file.is_file():
        return f"staff.file = {file} is not a file."
    return None


def includeme(config: Configurator) -> None:
    """Offer the scope and the source, and declare where the file is."""
    config.add_oauth_setting("staff.file", path, None, "A JSON file of claims by user name.")
    config.add_startup_check("staff file", check_file)
    config.add_scope("employment", "See where you work", ("department", "employee_number"))
    config.add_claims_source(
        "staff",
        read_staff,
        {
            "department": "See your department",
            "employee_number": "See your employee number",
        },
    )
