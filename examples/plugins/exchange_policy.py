"""A policy of token exchange: a client may call the services of its own domain.

The host ``login`` of that domain is another authorization server, for which the client gets an
assertion (ID-JAG). The client has the same identifier there.
"""

from urllib.parse import urlsplit

from oidcserver.interfaces import AssertionPermission, ExchangePermission
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.types import Configurator


def own_domain(
    token_request: OAuthRequest, audience: str
) -> ExchangePermission | AssertionPermission | None:
    """Allow delegation to the host of the client's home page and to the hosts below it."""
    home = urlsplit(token_request.client.member("client_uri") or "").hostname
    host = urlsplit(audience).hostname
    if home and host == f"login.{home}":
        return AssertionPermission(token_request.client.client_id)
    if home and host and (host == home or host.endswith(f".{home}")):
        return ExchangePermission()
    return None


def includeme(config: Configurator) -> None:
    config.add_token_exchange_policy("own_domain", own_domain)
