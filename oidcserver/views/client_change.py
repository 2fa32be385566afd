"""Changes of a client in its form. A change of its credentials requires a recent sign-in."""

from typing import Any

from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.registration import update_client
from oidcserver.models import Client
from oidcserver.texts import _
from oidcserver.types import Request
from oidcserver.views.recent_login import signed_in_a_moment_ago

#: The members by which a client authenticates, besides its secret.
CREDENTIALS = ("token_endpoint_auth_method", "jwks", "jwks_uri")


class SignInRequired(InvalidClientMetadata):
    """The change requires a user who has just signed in."""

    def __init__(self) -> None:
        super().__init__(
            "",
            _(
                "This changes how the application authenticates. Such a change requires a recent "
                "sign-in. Sign in again in another tab, then save this form."
            ),
        )


def change_client(request: Request, client: Client, metadata: dict[str, Any]) -> str | None:
    """Replace a client's metadata; return the new secret if the client needs another one.

    A stolen session must not give access to the credentials of clients. After an exception the
    caller must roll back.

    :raises SignInRequired: if the client would authenticate in another way than before, and the
        user has not signed in recently.
    :raises InvalidClientMetadata: with the member and what is wrong with it.
    """
    before = [client.member(name) for name in CREDENTIALS]
    secret = update_client(request.oidc.provider, request.oidc.dbsession, client, metadata)
    changed = before != [client.member(name) for name in CREDENTIALS]
    if (changed or secret is not None) and not signed_in_a_moment_ago(request):
        raise SignInRequired
    return secret
