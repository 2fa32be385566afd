"""The browser's own cookie, which keeps a request from being continued in another browser."""

import re

from oidcserver.credentials import BROWSER, digest, new_credential
from oidcserver.http.cookies import MAX_AGE, read_cookie, set_cookie
from oidcserver.types import Request

_CREDENTIAL = re.compile(re.escape(BROWSER) + r"[A-Za-z0-9_-]{43}")


def browser_digest(request: Request) -> str:
    """Return the digest of this browser's cookie; a browser without one gets it."""
    credential = read_cookie(request, "browser")
    if credential is None or not _CREDENTIAL.fullmatch(credential):
        credential = new_credential(BROWSER)
        set_cookie(request, "browser", credential, MAX_AGE)
    return digest(credential)


def browser_is_known(request: Request) -> bool:
    """Whether the request has a cookie of ours: ``request.oidc.browser_is_known``.

    A browser does not send cookies with the form or frame of another site (SameSite), so a request
    without cookies may still be from a browser that has them.
    """
    return any(read_cookie(request, name) is not None for name in ("browser", "session"))
