"""The end of all access of a user, as a command of the operator brings it about."""

from pyramid.scripting import prepare
from support.app import Provider

from oidcserver.models.user import find_user
from oidcserver.sessions import ending


def end_everything(provider: Provider, username: str = "alice") -> None:
    """End every session and every token of a user."""
    with prepare(registry=provider.registry) as env:
        request = env["request"]
        with request.oidc.database.transaction() as dbsession:
            user = find_user(dbsession, username)
            assert user is not None
            ending.end_everything(request, user.id)
