"""Remembered devices: browsers in which the first factor signs a user in for some days.

Such a sign-in has the class and the ``amr`` of the first factor alone. So a request for a higher
class asks for the second factor there too, and so does one that asks for a new sign-in.
"""

import re

from oidcserver.credentials import REMEMBERED_DEVICE, digest, new_credential
from oidcserver.http.cookies import read_cookie, set_cookie
from oidcserver.http.senders import remote_address_of, user_agent_of
from oidcserver.interfaces import User
from oidcserver.models import RememberedDevice
from oidcserver.models.remembered_device import forget_devices, replace_token, use_device
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.plugins.selection import SECOND_FACTORS
from oidcserver.settings import seconds
from oidcserver.types import Configurator, Registry, Request

COOKIE = "device"
LIFETIME = "oidc.remembered_device_lifetime"
_TOKEN = re.compile(re.escape(REMEMBERED_DEVICE) + r"[A-Za-z0-9_-]{43}")


def remember_device(request: Request, user: User) -> None:
    """Remember this browser for a user who has just proven the second factor.

    The cookie gets a new value, so the one before is of no use to anybody. Other users of the
    browser stay remembered.
    """
    oidc, lifetime = request.oidc, request.oidc.provider.settings[LIFETIME]
    if not lifetime:
        return
    dbsession, token, old = oidc.dbsession, new_credential(REMEMBERED_DEVICE), _token(request)
    if old is not None:
        forget_devices(dbsession, user.id, RememberedDevice.token_digest == digest(old))
        replace_token(dbsession, old, token)
    dbsession.add(
        RememberedDevice(
            token_digest=digest(token),
            user_id=user.id,
            generation=user.generation,
            user_agent=user_agent_of(request),
            remote_address=remote_address_of(request),
            expires_at=oidc.now + lifetime,
        )
    )
    set_cookie(request, COOKIE, token, lifetime)
    details = {"user_id": user.id}
    oidc.database.after_commit(announce, OAuthEvent(request, "device_remembered", details))


def is_remembered(request: Request, user: User) -> bool:
    """Whether the user has chosen not to be asked in this browser; notes the use."""
    token = _token(request) if request.oidc.provider.settings[LIFETIME] else None
    return token is not None and use_device(request.oidc.dbsession, user, token)


def is_this_browser(request: Request, device: RememberedDevice) -> bool:
    """Whether a device is the browser of the request."""
    token = _token(request)
    return token is not None and digest(token) == device.token_digest


def _token(request: Request) -> str | None:
    token = read_cookie(request, COOKIE)
    return token if token is not None and _TOKEN.fullmatch(token) else None


def _check(registry: Registry) -> str | None:
    provider = registry.oidc.provider
    if provider.settings[LIFETIME] and not provider.second_factors:
        return f"{LIFETIME} is set, but {SECOND_FACTORS} selects none."
    return None


def includeme(config: Configurator) -> None:
    """Add the setting."""
    config.add_oauth_setting(
        LIFETIME,
        seconds,
        0,
        "How long a browser is remembered in which a user does not want to be asked for the second "
        "factor, such as 30d; 0: not at all.",
    )
    config.add_startup_check("remembered devices", _check)
