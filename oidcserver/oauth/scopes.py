"""The scopes of requests: words separated by single spaces (RFC 6749 section 3.3)."""

import logging
import threading
from collections.abc import Collection

from oidcserver.models import RegisteredClient
from oidcserver.oauth.grant_types import may_refresh
from oidcserver.types import Provider

log = logging.getLogger(__name__)

#: Scopes that are about a user. A request that names no scope does not get them.
PERSONAL = frozenset({"openid", "offline_access"})


def scope_words(scope: str | None) -> list[str]:
    """Return the scopes of a text, each once, in their order."""
    return list(dict.fromkeys((scope or "").split()))


def registered_scopes(provider: Provider, client: RegisteredClient) -> list[str]:
    """Return the registered scopes of a client that are selected."""
    return [name for name in client.scopes if name in provider.scopes]


def default_scope(provider: Provider, client: RegisteredClient) -> str:
    """Return the scope of a request without one: the registered scopes of the client.

    ``openid`` and ``offline_access`` are not part of it: a client has to ask for them.
    """
    registered = registered_scopes(provider, client)
    return " ".join(name for name in registered if name not in PERSONAL)


def scope_for(provider: Provider, audience: Collection[str], scope: str) -> str:
    """Return the scopes that a token for an audience may have.

    A scope that only resources define exists only in tokens for one of them (RFC 8707 section 3).

    :param audience: URIs of resources; empty: the provider itself.
    """
    if not provider.scopes_of_resources:
        return scope
    resources = [provider.find_resource(uri) for uri in audience]
    defined = {name for resource in resources if resource for name in resource.scopes}
    elsewhere = provider.scopes_of_resources - defined
    return " ".join(name for name in scope.split() if name not in elsewhere)


def ignored_because(
    provider: Provider, client: RegisteredClient, scope: str, response_type: str = "code"
) -> str | None:
    """Return the reason why a requested scope is ignored ("is not ..."); None if it is granted.

    :param response_type: of the authorization request. Without a code there is no refresh token, so
        ``offline_access`` is ignored (OpenID Connect Core section 11), as it is for a client that
        may not refresh.
    """
    if scope not in provider.scopes:
        return "is not a scope of this server"
    if scope not in client.scopes:
        return "is not registered for this client"
    if scope == "offline_access" and "code" not in response_type.split():
        return "requires a response_type with code"
    if scope == "offline_access" and not may_refresh(provider, client):
        return "requires refresh tokens, which the client cannot have"
    return None


class IgnoredScopes:
    """Logs each ignored scope of a client, once in a process.

    The numbers of clients and of scopes per client are bounded, since anybody can send a request.
    """

    MAX_CLIENTS = 1000
    MAX_SCOPES = 20
    MAX_LENGTH = 64

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logged: dict[str, set[str]] = {}

    def note(self, client_id: str, name: str, reason: str) -> None:
        """Log that a scope was ignored, unless that was logged before.

        :param reason: what :func:`ignored_because` returns.
        """
        name = name[: self.MAX_LENGTH]
        with self._lock:
            if client_id not in self._logged and len(self._logged) >= self.MAX_CLIENTS:
                del self._logged[next(iter(self._logged))]
            logged = self._logged.setdefault(client_id, set())
            if name in logged or len(logged) >= self.MAX_SCOPES:
                return
            logged.add(name)
        log.warning(
            "The client %s requested the scope %s, which was ignored: it %s.",
            client_id,
            ascii(name),
            reason,
        )
