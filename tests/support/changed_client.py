"""A client that changes while a page is open, so that its request is rejected."""

from support.app import Provider, RelyingParty

from oidcserver.models import Client


def register_redirect_uris(provider: Provider, client: RelyingParty, *uris: str) -> None:
    """Replace the redirect URIs of a client."""
    with provider.database() as dbsession:
        row = dbsession.get_one(Client, client.client_id)
        row.client_metadata = {**row.client_metadata, "redirect_uris": list(uris)}
