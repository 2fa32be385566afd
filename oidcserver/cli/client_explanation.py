"""``oidcserver explain --client``: the scopes that a client may request, and why not others."""

from typing import Any

import click
from sqlalchemy.orm import Session

from oidcserver.models import Client
from oidcserver.oauth.scopes import default_scope, ignored_because
from oidcserver.types import Provider


def client_explanation(provider: Provider, dbsession: Session, client_id: str) -> dict[str, Any]:
    """Return the client, its scopes and its default scope; JSON values only.

    :raises click.ClickException: if there is no such client.
    """
    client = dbsession.get(Client, client_id)
    if client is None:
        raise click.ClickException(f"There is no client {client_id}.")
    names = dict.fromkeys([*client.scopes, *provider.catalog.offers("scope")])
    scopes = {name: ignored_because(provider, client, name) for name in names}
    return {
        "client": {"client_id": client.client_id, "client_name": client.client_name},
        "scopes that it may request": {
            name: f"granted{_only_for(provider, name)}"
            if problem is None
            else f"ignored: it {problem}"
            for name, problem in scopes.items()
        },
        "scope of a request that names none": default_scope(provider, client).split(),
    }


def _only_for(provider: Provider, scope: str) -> str:
    """Return the resources that alone define a scope, for a sentence."""
    if scope not in provider.scopes_of_resources:
        return ""
    uris = [it.uri for it in provider.resources.values() if scope in it.scopes]
    return f" for {' and '.join(uris)}"
