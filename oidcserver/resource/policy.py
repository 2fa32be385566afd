"""The security policy of a resource application: who is the token's subject."""

from typing import Any

from pyramid.authorization import ACLHelper, Authenticated, Everyone

from oidcserver.oauth.tokens import AccessToken


class BearerSecurityPolicy:
    """``request.identity`` is the access token, on views with ``oauth_scope``."""

    def identity(self, request: Any) -> AccessToken | None:
        """Return the token."""
        token: AccessToken | None = request.access_token
        return token

    def authenticated_userid(self, request: Any) -> str | None:
        """Return the token's subject."""
        token = self.identity(request)
        return token.subject if token else None

    def permits(self, request: Any, context: Any, permission: str) -> Any:
        """Ask the context's ACL; each scope is a principal ``scope:NAME``."""
        token = self.identity(request)
        principals = [Everyone]
        if token is not None:
            scopes = (f"scope:{scope}" for scope in sorted(token.scopes))
            principals = [Everyone, Authenticated, token.subject, *scopes]
        return ACLHelper().permits(context, principals, permission)

    def remember(self, request: Any, userid: str, **kw: Any) -> list[tuple[str, str]]:
        """Return no headers: the client keeps the token."""
        return []

    def forget(self, request: Any, **kw: Any) -> list[tuple[str, str]]:
        """Return no headers."""
        return []
