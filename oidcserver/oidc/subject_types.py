"""The subject types ``public`` and ``pairwise`` (OpenID Connect Core section 8)."""

from oidcserver.clients.uris import https_host
from oidcserver.models import RegisteredClient, User
from oidcserver.models.pairwise_subject import find_pairwise_subject
from oidcserver.types import Configurator, Request


def public(request: Request, client: RegisteredClient, user: User) -> str:
    """The same for every client."""
    return user.id


def pairwise(request: Request, client: RegisteredClient, user: User) -> str:
    """Another for each sector; what it stands for is known to the database alone."""
    return find_pairwise_subject(request.oidc.database, user.id, sector_of(client))


def sector_of(client: RegisteredClient) -> str:
    """Return a client's sector identifier (section 8.1): a host, which several may share.

    Only https says that a client has to do with a host, by a document there
    (``sector_identifier_uri``) or since all answers go there. A client with a custom scheme or a
    loopback address, which any application may use, is a sector of its own.
    """
    uri = client.member("sector_identifier_uri")
    hosts = {https_host(uri) for uri in ([uri] if uri else client.redirect_uris)}
    host = hosts.pop() if len(hosts) == 1 else None
    return host or client.client_id


def includeme(config: Configurator) -> None:
    """Offer both types."""
    config.add_subject_type("public", public)
    config.add_subject_type("pairwise", pairwise)
    config.add_server_metadata(
        "subject_types_supported", lambda provider: list(provider.subject_types)
    )
