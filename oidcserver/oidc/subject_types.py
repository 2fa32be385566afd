"""The subject types ``public`` and ``pairwise`` (OpenID Connect Core section 8)."""

from oidcserver.clients.uris import https_host
from oidcserver.interfaces import User
from oidcserver.models import RegisteredClient
from oidcserver.models.pairwise_subject import find_pairwise_subject
from oidcserver.types import Configurator, Request


def public(request: Request, client: RegisteredClient, user: User) -> str:
    """Return the same subject for every client."""
    return user.id


def pairwise(request: Request, client: RegisteredClient, user: User) -> str:
    """Return a subject of its own for each sector; only the database knows its user."""
    return find_pairwise_subject(request.oidc.database, user.id, sector_of(client))


def sector_of(client: RegisteredClient) -> str:
    """Return a client's sector identifier (section 8.1): a host, which several may share.

    Only https connects a client with a host: the host publishes its ``sector_identifier_uri``, or
    receives all its answers. (A client that registers itself has no other grants then, by
    :func:`oidcserver.clients.sector.require_redirects`.) A client with a custom scheme or a
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
