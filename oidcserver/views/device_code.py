"""The form for the code of a device (RFC 8628 section 3.3): the code claims its request."""

from collections.abc import Iterator

from pyramid.response import Response

from oidcserver.grants.device_code import PAGE
from oidcserver.http.cookies import read_cookie, set_cookie
from oidcserver.http.throttling import TooManyAttempts, give_back, network_of, take, waiting_time
from oidcserver.models.device_authorization import (
    claim_device_authorization,
)
from oidcserver.oauth.events import OAuthEvent
from oidcserver.oauth.events import announce as notify
from oidcserver.oauth.responses import see_other
from oidcserver.oauth.user_codes import (
    LIFETIME,
    MAX_ENTERED,
    PURPOSE,
    normalise_user_code,
    shown_user_code,
)
from oidcserver.texts import _
from oidcserver.types import Request
from oidcserver.views.access import login_url
from oidcserver.views.pages import render, try_later

REQUEST_PAGE = "oidc.device_request"
#: The cookie that keeps a code while its user signs in.
COOKIE = "user_code"
EMPTY = _("Enter the code that your device shows.")
UNKNOWN = _(
    "That code is not known, has expired, or was entered with another account. Compare it with the "
    "code on your device, or start again there."
)


def enter(request: Request) -> Response:
    """Show the form for the code; take a code out of the address bar first."""
    given = request.GET.getall("user_code")
    if given:
        keep_code(request, given[0])
        return see_other(request.oidc.url(PAGE))
    if request.oidc.login_session is None:
        return see_other(login_url(request))
    return _form(request, read_cookie(request, COOKIE) or "")


def submit(request: Request) -> Response:
    """Claim the request of a code for the user, and go on to it."""
    entered = request.POST.get("user_code", "")
    session = request.oidc.login_session
    if session is None:
        keep_code(request, entered)
        return see_other(login_url(request))
    provider = request.oidc.provider
    code = normalise_user_code(provider.settings, entered)
    if not code:
        return _form(request, entered, error=EMPTY, status=400)
    wait = _count(request, session.user_id)
    if wait:
        sentence = _(
            "Too many wrong codes were entered. Please try again in ${time}.",
            {"time": waiting_time(wait)},
        )
        return try_later(
            TooManyAttempts(wait),
            lambda error, status: _form(request, entered, error=error, status=status),
            sentence,
        )
    digests = provider.sealer(PURPOSE).digests(code)
    row_id = claim_device_authorization(request.oidc.dbsession, digests, session.user_id)
    if row_id is None:
        notify(OAuthEvent(request, "user_code_rejected", {"user_id": session.user_id}))
        return _form(request, entered, error=UNKNOWN, status=400)
    # The attempt does not count. The wrong ones before it still do.
    for key, _limit in _limits(request, session.user_id):
        give_back(request.oidc.dbsession, key)
    set_cookie(request, COOKIE, None)
    return see_other(request_url(request, row_id))


def keep_code(request: Request, entered: str) -> None:
    """Keep a code in the cookie until its user has signed in."""
    settings = request.oidc.provider.settings
    code = normalise_user_code(settings, entered)
    set_cookie(request, COOKIE, code or None, max_age=settings[LIFETIME])


def _limits(request: Request, user_id: str) -> Iterator[tuple[str, int]]:
    """Yield the keys by which attempts are counted, each with its limit."""
    settings = request.oidc.provider.settings
    yield f"user code user:{user_id}", settings["oauth.device_code_attempts"]
    network = network_of(request.remote_addr or "")
    yield f"user code address:{network}", settings["oauth.device_code_attempts_per_address"]


def _count(request: Request, user_id: str) -> int:
    """Count an attempt before its code is looked up; return the seconds to wait, or 0."""
    window = request.oidc.provider.settings["oidc.login_window"]
    # No transaction may be open while an attempt is counted.
    request.oidc.database.commit()
    engine = request.oidc.database.alone.engine
    waits = (take(engine, key, limit, window) for key, limit in _limits(request, user_id))
    return next((wait for wait in waits if wait), 0)


def _form(request: Request, entered: str, *, error: str = "", status: int = 200) -> Response:
    settings = request.oidc.provider.settings
    code = normalise_user_code(settings, entered)
    values = {
        "code": shown_user_code(code) if len(code) == settings["oauth.device_user_code_length"]
        else entered[:MAX_ENTERED],
        "error": error,
        "session": request.oidc.login_session,
    }  # fmt: skip
    return render(request, "device", values, status)


def request_url(request: Request, row_id: str) -> str:
    """Return the URL of the page of a request."""
    url: str = request.oidc.url(REQUEST_PAGE, id=row_id)
    return url
