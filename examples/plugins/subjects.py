"""A subject type: the same subject for all clients of one company, another for each company."""

import hashlib
import hmac
from typing import Any

from oidcserver.interfaces import User
from oidcserver.models import Client
from oidcserver.settings import reference
from oidcserver.types import Configurator, Provider, Registry, Request


def company_subject(request: Request, client: Client, user: User) -> str:
    """Return a text that no other company can compute, and that is always the same for two."""
    key = request.oidc.provider.settings["subjects.secret"]
    company = client.member("example_company") or client.client_id
    return hmac.new(key.encode(), f"{company}\0{user.id}".encode(), hashlib.sha256).hexdigest()


def company(value: Any, provider: Provider) -> Any:
    """Accept the member of a client that says whose it is."""
    if not isinstance(value, str) or not value.isalnum():
        raise ValueError("is not a name of letters and digits")
    return value


def require_secret(registry: Registry) -> str | None:
    """Stop the start where the subjects could be guessed."""
    if len(registry.oidc.provider.settings["subjects.secret"]) < 32:
        return "subjects.secret needs 32 characters or more: env:NAME or file:PATH."
    return None


def includeme(config: Configurator) -> None:
    """Offer the type for ``oidc.subject_types``."""
    config.add_oauth_setting(
        "subjects.secret", reference, "", "The key of the subjects; it must never change."
    )
    config.add_startup_check("subjects secret", require_secret)
    config.add_client_metadata_member("example_company", company)
    config.add_subject_type("company", company_subject)
