"""Browsers in which a user has signed in before.

Strangers who guess must not lock a user out, so attempts from such a browser are counted apart. A
sealed cookie holds the user names that the browser knows; the database holds nothing of it.
"""

import json

from oidcserver.credentials import digest, new_identifier
from oidcserver.http.cookies import MAX_AGE, read_cookie, set_cookie
from oidcserver.types import Request

COOKIE = "known"
PURPOSE = "known browser"
#: How many user names a browser remembers: those that signed in last.
MAX_NAMES = 5


def known_browser(request: Request, name: str) -> str | None:
    """Return the identifier of a browser in which a user signed in before, or None.

    :param name: the normalised user name.
    """
    identifier, names = _read(request)
    return identifier if digest(name) in names else None


def remember_browser(request: Request, name: str) -> None:
    """Note in the browser's cookie that the user of that normalised name signed in."""
    identifier, names = _read(request)
    kept = [digest(name), *(other for other in names if other != digest(name))]
    content = json.dumps([identifier or new_identifier(), kept[:MAX_NAMES]])
    set_cookie(
        request, COOKIE, request.oidc.provider.sealer(PURPOSE).seal(content.encode()), MAX_AGE
    )


def _read(request: Request) -> tuple[str | None, list[str]]:
    sealed = request.oidc.provider.sealer(PURPOSE).unseal(read_cookie(request, COOKIE) or "")
    if sealed is None:
        return None, []
    identifier, names = json.loads(sealed)
    return identifier, names
