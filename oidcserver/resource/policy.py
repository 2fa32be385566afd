"""The security policy of a resource application, whose identity is the access token."""

from typing import Any

from pyramid.authorization import ACLHelper, Authenticated, Everyone

from oidcserver.types import AccessToken, Request


class BearerSecurityPolicy:
    """``request.identity`` is the access token, on views with ``oauth_scope``."""

    def identity(self, request: Request) -> AccessToken | None:
        """Return the token."""
        return request.oidc.access_token

    def authenticated_userid(self, request: Request) -> str | None:
        """Return the token's subject."""
        token = self.identity(request)
        return token.subject if token else None

    def permits(self, request: Request, context: Any, permission: str) -> Any:
        """Check the context's ACL; each scope is a principal ``scope:NAME``."""
        token = self.identity(request)
        principals = [Everyone]
        if token is not None:
            scopes = (f"scope:{scope}" for scope in sorted(token.scopes))
            principals = [Everyone, Authenticated, token.subject, *scopes]
        return ACLHelper().permits(context, principals, permission)

    def remember(self, request: Request, userid: str, **kw: Any) -> list[tuple[str, str]]:
        """Return no headers: the client keeps the token."""
        return []

    def forget(self, request: Request, **kw: Any) -> list[tuple[str, str]]:
        """Return no headers."""
        return []
