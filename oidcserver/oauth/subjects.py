"""The identifiers of a user and a login session for a client: ``sub`` and ``sid``.

Neither lets clients of different sectors find out that they serve the same user (OpenID Connect
Core section 8).
"""

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from oidcserver.models import Client, User
from oidcserver.models.pairwise_subject import find_pairwise_subject
from oidcserver.oauth.registration.uris import https_host


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

    Only https says that a client has to do with a host, by a document there
    (``sector_identifier_uri``) or since all answers go there. A client with a custom scheme or a
    loopback address, which any application may use, is a sector of its own.
    """
    uri = client.member("sector_identifier_uri")
    hosts = {https_host(uri) for uri in ([uri] if uri else client.redirect_uris)}
    host = hosts.pop() if len(hosts) == 1 else None
    return host or client.client_id


def sid_of(client_id: str, session_id: str) -> str:
    """Return the ``sid`` of a login session for a client (Front-Channel Logout section 3).

    It cannot be compared with that of another client: ``session_id`` holds 128 random bits and is
    told to nobody.
    """
    hashed = sha256(f"sid {client_id} {session_id}".encode()).digest()
    return urlsafe_b64encode(hashed[:16]).rstrip(b"=").decode()


def includeme(config: Any) -> None:
    """Offer both types."""
    config.add_subject_type("public", public)
    config.add_subject_type("pairwise", pairwise)
    config.add_server_metadata(
        "subject_types_supported", lambda provider: list(provider.subject_types)
    )
