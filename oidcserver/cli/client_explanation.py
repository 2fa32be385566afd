"""``oidcserver explain --client``: the scopes of a client, and what its requests have to have."""

from typing import Any

import click
from sqlalchemy.orm import Session

from oidcserver.models import Client
from oidcserver.oauth.scopes import default_scope, ignored_because
from oidcserver.types import Provider

#: The settings that require something of every client, and the members by which a client requires
#: it of itself.
REQUIREMENTS = {
    "pushed requests": (
        "oauth.require_pushed_authorization_requests",
        "require_pushed_authorization_requests",
    ),
    "signed requests": ("oauth.require_signed_request_object", "require_signed_request_object"),
    "tokens bound to a key": (
        "oauth.require_sender_constraint",
        "dpop_bound_access_tokens",
        "tls_client_certificate_bound_access_tokens",
    ),
}


def client_explanation(provider: Provider, dbsession: Session, client_id: str) -> dict[str, Any]:
    """Return the client, its requirements, its scopes and its default scope; JSON values only.

    :raises click.ClickException: if there is no such client.
    """
    client = dbsession.get(Client, client_id)
    if client is None:
        raise click.ClickException(f"There is no client {client_id}.")
    names = dict.fromkeys([*client.scopes, *provider.catalog.offers("scope")])
    scopes = {name: ignored_because(provider, client, name) for name in names}
    return {
        "client": {
            "client_id": client.client_id,
            "client_name": client.client_name,
            "profile": client.member("profile") or provider.settings["oauth.profile"] or "none",
        },
        "requirements": {
            name: _required_by(provider, client, *names) for name, names in REQUIREMENTS.items()
        },
        "scopes that it may request": {
            name: f"granted{_only_for(provider, name)}"
            if problem is None
            else f"ignored: it {problem}"
            for name, problem in scopes.items()
        },
        "scope of a request that names none": default_scope(provider, client).split(),
    }


def _required_by(provider: Provider, client: Client, setting: str, *members: str) -> str:
    """Return the setting or the member that requires something of a client."""
    if provider.settings[setting]:
        return f"{setting} = true ({provider.settings.origins[setting]})"
    return next((f"{name} = true" for name in members if client.member(name)), "not required")


def _only_for(provider: Provider, scope: str) -> str:
    """Return the resources that alone define a scope, for a sentence."""
    if scope not in provider.scopes_of_resources:
        return ""
    uris = [it.uri for it in provider.resources.values() if scope in it.scopes]
    return f" for {' and '.join(uris)}"
