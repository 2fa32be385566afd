"""Pyramid's security policy over the login session.

An application that embeds the provider and has no policy of its own may use it:
``config.set_security_policy(LoginSessionPolicy())``.
"""

from typing import Any

from pyramid.authorization import ACLHelper, Authenticated, Everyone
from pyramid.config import PHASE0_CONFIG

from oidcserver.types import Configurator, Request

#: After the selection, before Pyramid's own directives for policies.
CHOOSE = PHASE0_CONFIG + 10


class LoginSessionPolicy:
    """``request.identity`` is the account of the user who is signed in
    (:class:`oidcserver.interfaces.User`); contexts grant rights by their ACL.

    On a view with ``oauth_scope`` it is the access token: a cookie counts for nothing there.
    """

    def identity(self, request: Request) -> Any | None:
        """Return the access token or the account."""
        if request.oidc.access_token is not None:
            return request.oidc.access_token
        session = request.oidc.login_session
        return session.user if session is not None else None

    def authenticated_userid(self, request: Request) -> str | None:
        """Return the subject of the token, or the identifier of the account."""
        if request.oidc.access_token is not None:
            subject: str = request.oidc.access_token.subject
            return subject
        session = request.oidc.login_session
        return session.user_id if session is not None else None

    def permits(self, request: Request, context: Any, permission: str) -> Any:
        """Ask the context's ACL, for the user's identifier, Authenticated and Everyone."""
        user_id = self.authenticated_userid(request)
        principals = [Everyone] if user_id is None else [Everyone, Authenticated, user_id]
        return ACLHelper().permits(context, principals, permission)

    def remember(self, request: Request, userid: str, **kw: Any) -> list[tuple[str, str]]:
        """Return no headers: ``sign_in`` sets the cookie."""
        return []

    def forget(self, request: Request, **kw: Any) -> list[tuple[str, str]]:
        """Return no headers: ``sign_out`` removes the cookie."""
        return []


def includeme(config: Configurator) -> None:
    """Set the policy, unless an application embeds us: then it has its own."""

    def choose() -> None:
        if not config.registry.oidc.provider.embedded:
            config.set_security_policy(LoginSessionPolicy())
            # It would read the session before every request, also for a token or a key set.
            config.add_settings({"tm.annotate_user": False})

    config.action(("oauth", "security policy"), choose, order=CHOOSE)
