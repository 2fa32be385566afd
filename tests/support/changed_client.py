"""A client that changes while a page is open."""

from typing import Any

from support.app import Provider, RelyingParty

from oidcserver.models import Client


def change(provider: Provider, client: RelyingParty, **metadata: Any) -> None:
    """Replace members of a client."""
    with provider.database() as dbsession:
        row = dbsession.get_one(Client, client.client_id)
        row.client_metadata = {**row.client_metadata, **metadata}


def register_redirect_uris(provider: Provider, client: RelyingParty, *uris: str) -> None:
    """Replace the redirect URIs of a client, so that its request is rejected."""
    change(provider, client, redirect_uris=list(uris))
