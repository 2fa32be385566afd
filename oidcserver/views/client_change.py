"""Changing a client by its form: how it authenticates only after the user has just signed in."""

from typing import Any

from oidcserver.clients.registration import InvalidClientMetadata, update_client
from oidcserver.models import Client
from oidcserver.types import Request
from oidcserver.views.recent_login import signed_in_a_moment_ago

#: What a client authenticates by, besides its secret.
CREDENTIALS = ("token_endpoint_auth_method", "jwks", "jwks_uri")


class SignInRequired(InvalidClientMetadata):
    """A change that requires a user who has just signed in."""

    def __init__(self) -> None:
        super().__init__(
            "",
            "This changes how the application authenticates, which requires that you have just "
            "signed in. Sign in again in another tab, then save this form.",
        )


def change_client(request: Request, client: Client, metadata: dict[str, Any]) -> str | None:
    """Replace a client's metadata; return a secret if it needs another than it had.

    Whoever took over a session must not get the credentials of a client by it. What was written
    before the exception has to be rolled back.

    :raises SignInRequired: if the client would authenticate in another way than before.
    :raises InvalidClientMetadata: with the member and what is wrong with it.
    """
    before = [client.member(name) for name in CREDENTIALS]
    secret = update_client(request.oidc.provider, request.oidc.dbsession, client, metadata)
    changed = before != [client.member(name) for name in CREDENTIALS]
    if (changed or secret is not None) and not signed_in_a_moment_ago(request):
        raise SignInRequired
    return secret
