"""The application's own security: who is signed in, what they may do, and CSRF."""

from typing import Any

from pyramid.authentication import AuthTktCookieHelper
from pyramid.authorization import ACLHelper, Allow, Authenticated, Everyone
from pyramid.csrf import SessionCSRFStoragePolicy
from pyramid.request import RequestLocalCache
from pyramid.session import SignedCookieSessionFactory
from sqlalchemy import select

from intranet.models import User


class Root:
    """The context of every view: who is signed in may read."""

    __acl__ = [(Allow, Authenticated, "read")]

    def __init__(self, request: Any) -> None:
        """Pyramid passes the request."""


class SecurityPolicy:
    """A signed cookie holds the number of the user."""

    def __init__(self, secret: str) -> None:
        self.helper = AuthTktCookieHelper(secret, hashalg="sha512", samesite="Lax")
        self.cache = RequestLocalCache(self._load)
        self.acl = ACLHelper()

    def _load(self, request: Any) -> User | None:
        known = self.helper.identify(request)
        if known is None:
            return None
        user: User | None = request.dbsession.get(User, int(known["userid"]))
        return user

    def identity(self, request: Any) -> User | None:
        """Return the user who is signed in."""
        user: User | None = self.cache.get_or_create(request)
        return user

    def authenticated_userid(self, request: Any) -> str | None:
        """Return the number of the user."""
        user = self.identity(request)
        return str(user.id) if user else None

    def permits(self, request: Any, context: Any, permission: str) -> Any:
        """Ask the context's ACL."""
        user = self.identity(request)
        principals = [Everyone, *([Authenticated, f"role:{user.role}"] if user else [])]
        return self.acl.permits(context, principals, permission)

    def remember(self, request: Any, userid: str, **options: Any) -> Any:
        """Return the headers that sign a user in."""
        return self.helper.remember(request, userid, **options)

    def forget(self, request: Any, **options: Any) -> Any:
        """Return the headers that sign the user out."""
        return self.helper.forget(request, **options)


def find_user(request: Any, name: str) -> User | None:
    """Return the user of a name."""
    user: User | None = request.dbsession.scalar(select(User).where(User.name == name))
    return user


def includeme(config: Any) -> None:
    """Every view requires a permission and a CSRF token unless it says otherwise."""
    settings = config.get_settings()
    config.set_session_factory(SignedCookieSessionFactory(settings["session.secret"]))
    config.set_security_policy(SecurityPolicy(settings["auth.secret"]))
    config.set_root_factory(Root)
    config.set_default_permission("read")
    config.set_csrf_storage_policy(SessionCSRFStoragePolicy())
    config.set_default_csrf_options(require_csrf=True)
