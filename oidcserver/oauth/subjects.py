"""The identifiers of a user and a login session for a client: ``sub`` and ``sid``.

Clients of different sectors cannot find out by them that they have the same user (OpenID Connect
Core section 8).
"""

from base64 import urlsafe_b64encode
from hashlib import sha256

from oidcserver.interfaces import User
from oidcserver.models import RegisteredClient
from oidcserver.types import Request


def subject_of(request: Request, client: RegisteredClient, user: User) -> str:
    """Return the ``sub`` of a user for a client, by the subject type that it registered."""
    subject: str = request.oidc.provider.subject_types[client.member("subject_type")](
        request, client, user
    )
    return subject


def sid_of(client_id: str, session_id: str) -> str:
    """Return the ``sid`` of a login session for a client (Front-Channel Logout section 3).

    It cannot be compared with that of another client: ``session_id`` has 128 random bits, and no
    client gets it.
    """
    hashed = sha256(f"sid {client_id} {session_id}".encode()).digest()
    return urlsafe_b64encode(hashed[:16]).rstrip(b"=").decode()
