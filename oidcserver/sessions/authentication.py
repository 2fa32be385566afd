"""One way to check a password, for the login page and the password grant, and its limits."""

import ipaddress
from typing import Any

from oidcserver.models.user import normalise_username
from oidcserver.oauth.events import OAuthEvent
from oidcserver.security.passwords import verify_password
from oidcserver.security.throttling import TooManyAttempts, give_back, reset, take


def authenticate_person(request: Any, username: str, password: str) -> Any | None:
    """Return the person whose password this is; None for every other case alike.

    Every attempt counts before it is evaluated, so of any number at once no more than the limit
    are. One over the limit of its user name gets the answer of a wrong password, and takes as
    long: whether a name exists or is locked is nobody's business. The transaction of the request
    is committed before and a new one begun, since none may be open while a password is hashed.

    :raises oidcserver.security.throttling.TooManyAttempts: over the limit of the network address.
    :raises oidcserver.security.passwords.Busy: when every core hashes a password already.
    """
    settings = request.provider.settings
    window = settings["oidc.login_window"]
    address_key = f"login address:{_network(request.remote_addr or '')}"
    username_key = f"login:{normalise_username(username)}"
    request.tm.commit()
    request.tm.begin()
    dbsession = request.dbsession
    wait = take(dbsession, address_key, settings["oidc.login_attempts_per_address"], window)
    if wait:
        _notify_refusal(request, "login_throttled")
        raise TooManyAttempts(wait)
    if take(dbsession, username_key, settings["oidc.login_attempts"], window):
        verify_password(password, None)
        _notify_refusal(request, "login_locked")
        return None
    user = request.provider.user_directory.authenticate(request, username, password)
    if user is None:
        _notify_refusal(request, "login_failed")
        return None
    reset(dbsession, username_key)
    give_back(dbsession, address_key)
    return user


def _network(address: str) -> str:
    """Return what one subscriber has: an IPv4 address, or a /64 of IPv6 (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _notify_refusal(request: Any, name: str) -> None:
    # Not the user name: people type their password into its field.
    request.registry.notify(OAuthEvent(request, name, {}))
