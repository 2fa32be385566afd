"""A second factor: a page at which a signed-in user reaches a stronger class (``acr``).

The codes are those of authenticator applications (RFC 6238). The key of each user is derived from
the setting ``second_factor.secret``, so nothing is stored; :func:`key_of` is what an authenticator
application has to be given.
"""

import hashlib
import hmac
from typing import Any

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.http.throttling import take
from oidcserver.models.replay import use_identifier
from oidcserver.oidc.acr import decline_acr
from oidcserver.settings import reference
from oidcserver.types import Configurator, Registry, Request
from oidcserver.views.suspended import go_on, open_row, read_request, reject, request_uri

ACR = "urn:example:two-factors"
STEP_SECONDS = 30
DIGITS = 6
#: How many codes may be tried for a user in a quarter of an hour.
ATTEMPTS, WINDOW_SECONDS = 5, 900


def key_of(secret: str, user_id: str) -> bytes:
    """Return the key of a user; an authenticator application takes it as ``b32encode(key)``."""
    return hmac.new(secret.encode(), user_id.encode(), hashlib.sha1).digest()


def code_at(key: bytes, time: int) -> str:
    """Return the code of a moment in seconds (RFC 6238 section 4, RFC 4226 section 5.3)."""
    mac = hmac.new(key, (time // STEP_SECONDS).to_bytes(8, "big"), hashlib.sha1).digest()
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def is_right(request: Request, user_id: str, code: str) -> bool:
    """Say whether a code is that of now or of the step before, and use it up."""
    key = key_of(request.oidc.provider.settings["second_factor.secret"], user_id)
    now = request.oidc.now
    for moment in (now, now - STEP_SECONDS):
        if hmac.compare_digest(code_at(key, moment).encode(), code.encode()):
            until = now + 2 * STEP_SECONDS
            return use_identifier(request.oidc.database, ACR, user_id, code, until)
    return False


def show(request: Request) -> dict[str, Any]:
    """Ask for the code."""
    return {"error": ""}


def submit(request: Request) -> Response | dict[str, Any]:
    """Check the code; send the user back once it is right.

    The user comes from the authorization endpoint with a request, or from a page of the provider.
    """
    session = request.oidc.login_session
    try:
        asking = read_request(request)
    except OAuth2Error as error:
        return reject(request, error)
    if session is None or (asking is None and request_uri(request)):
        return go_on(request)
    if "decline" in request.POST:
        if asking is None:
            return go_on(request)
        reference, row = open_row(asking)
        decline_acr(row, ACR)
        return go_on(request, reference)
    user = session.user
    database = request.oidc.database
    database.commit()  # an attempt counts by itself, whatever becomes of the request
    if take(database.alone.engine, f"second factor:{user.id}", ATTEMPTS, WINDOW_SECONDS):
        request.response.status = 429
        return {"error": "Too many codes were tried. Please try again later."}
    if not is_right(request, user.id, request.POST.get("code", "").replace(" ", "")):
        request.response.status = 422
        return {"error": "The code is wrong, or was used already."}
    request.oidc.sign_in(user, acr=ACR, amr=("pwd", "otp", "mfa"), step_up_of=session)
    return go_on(request, open_row(asking)[0] if asking is not None else None)


def require_secret(registry: Registry) -> str | None:
    """Stop the start where the codes could be guessed."""
    if len(registry.oidc.provider.settings["second_factor.secret"]) < 32:
        return "second_factor.secret needs 32 characters or more: env:NAME or file:PATH."
    return None


def register(config: Configurator) -> None:
    """Add the page; ``oidc.pages`` has to select it."""
    template = "second_factor:templates/code.jinja2"
    config.add_oidc_route("second_factor", "/second-factor")
    config.add_oidc_view(show, route_name="second_factor", request_method="GET", renderer=template)
    config.add_oidc_view(
        submit, route_name="second_factor", request_method="POST", renderer=template
    )


def includeme(config: Configurator) -> None:
    """Offer the page and the class that is reached there."""
    config.add_oauth_setting(
        "second_factor.secret", reference, "", "The keys of all users are derived from it."
    )
    config.add_startup_check("second factor secret", require_secret)
    config.add_oauth_page("second_factor", register)
    config.add_acr_value(ACR, "second_factor")
