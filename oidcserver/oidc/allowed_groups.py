"""The users who may use a client: the members of its ``allowed_groups``, or every user.

Groups change, so they are read at every sign-in and at every grant of tokens. An access token that
was issued before works until it expires.
"""

from oidcserver.interfaces import User
from oidcserver.models import RegisteredClient
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection, invalid_grant
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oidc.claims import all_groups
from oidcserver.oidc.interactions import login_needed
from oidcserver.types import Request

SENTENCE = "The End-User is in none of the groups that may use this client."


def may_use(request: Request, client: RegisteredClient, user: User) -> bool:
    """Whether a user may use a client.

    :raises oidcserver.interfaces.DirectoryUnavailable: if the directory does not answer.
    """
    allowed = client.allowed_groups
    return not allowed or not all_groups(request, user).isdisjoint(allowed)


def check_signed_in_user(authorization_request: AuthorizationRequest) -> None:
    """Reject a user who may not use the client, once it is known who the user is.

    :raises Rejection: ``access_denied``.
    """
    client = authorization_request.client
    assert client is not None
    if not client.allowed_groups or login_needed(authorization_request) is not None:
        return
    user = authorization_request.login_session.user
    if not may_use(authorization_request.request, client, user):
        raise Rejection("access_denied", SENTENCE, rule="RFC 6749 section 4.1.2.1")


def check_user_of_grant(token_request: OAuthRequest) -> None:
    """Reject a grant for a user who may not use the client any more; nothing is consumed.

    :raises Rejection: ``invalid_grant``.
    """
    user = token_request.user
    if user is not None and not may_use(token_request.request, token_request.client, user):
        raise invalid_grant(SENTENCE)
