"""Subject identifiers: what a client knows a person by (OpenID Connect Core section 8)."""

from typing import Any
from urllib.parse import urlsplit

from oidcserver.models import Client, User
from oidcserver.models.pairwise_subject import find_pairwise_subject


def subject_of(request: Any, client: Client, user: User) -> str:
    """Return the ``sub`` of a person for a client, by the subject type that it registered."""
    subject: str = request.provider.subject_types[client.member("subject_type")](
        request, client, user
    )
    return subject


def public(request: Any, client: Client, user: User) -> str:
    """The same for every client."""
    return user.id


def pairwise(request: Any, client: Client, user: User) -> str:
    """Another for each sector; what it stands for is known to the database alone."""
    return find_pairwise_subject(request.dbsession, user.id, sector_of(client))


def sector_of(client: Client) -> str:
    """Return a client's sector identifier (section 8.1): a host, which several may share.

    A client whose redirect URIs name no host, such as an application on a device, is a sector of
    its own.
    """
    uris = [client.member("sector_identifier_uri"), *client.redirect_uris]
    hosts = (urlsplit(uri).hostname for uri in uris if uri)
    return next((host for host in hosts if host), client.client_id)


def includeme(config: Any) -> None:
    """Offer both types."""
    config.add_subject_type("public", public)
    config.add_subject_type("pairwise", pairwise)
    config.add_server_metadata(
        "subject_types_supported", lambda provider: list(provider.subject_types)
    )
