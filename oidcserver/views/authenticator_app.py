"""The second factor ``totp``: an app that shows a code every 30 seconds (RFC 6238)."""

import base64
import json
import os
from dataclasses import dataclass
from functools import partial

import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from markupsafe import Markup
from pyramid.response import Response

from oidcserver.accounts.factor_changes import (
    factor_added,
    factor_removed,
    is_last_factor,
    without_factors,
)
from oidcserver.accounts.second_factors import Begun, count_attempt, forget_attempts
from oidcserver.http.throttling import TooManyAttempts
from oidcserver.interfaces import User
from oidcserver.interfaces.keys import Sealer
from oidcserver.keys.strict_json import compact
from oidcserver.models import AuthenticatorApp
from oidcserver.models.second_factor import (
    add_authenticator_app,
    has_authenticator_app,
    use_step,
)
from oidcserver.texts import _, with_ascii_digits
from oidcserver.types import Configurator, Request
from oidcserver.views.code_factor import WRONG, CodePage, too_many
from oidcserver.views.confirmation import ask
from oidcserver.views.factors import ROUTE as FACTORS
from oidcserver.views.factors import may_set_up, to_factors
from oidcserver.views.pages import render, try_later
from oidcserver.views.second_factor import after_set_up

NAME, PURPOSE, ENROLMENT = "totp", "authenticator app", "new authenticator app"
SECONDS, DIGITS, SECRET_BYTES = 30, 6, 20
#: Seconds in which a new secret has to be confirmed.
LIFETIME = 600
EXPIRED = _("This page was open for too long. Please set up the app with the new key.")


class AuthenticatorAppMethod:
    """Codes of an app."""

    label = _("Authenticator app")
    amr = ("otp",)
    counts = True
    route_name = "oidc.totp"
    setup_route_name = "oidc.totp_setup"

    def enrolled(self, request: Request, user: User) -> bool:
        """Whether the user has entered a first code."""
        return has_authenticator_app(request.oidc.dbsession, user.id)

    def register(self, config: Configurator) -> None:
        """Add the pages."""
        for name, pattern, shown, sent in (
            (self.route_name, "/login/totp", ask_code, submit_code),
            (self.setup_route_name, "/account/totp", show, submit),
        ):
            config.add_oidc_route(name, pattern)
            config.add_oidc_view(shown, route_name=name, request_method="GET")
            config.add_oidc_view(sent, route_name=name, request_method="POST")


METHOD = AuthenticatorAppMethod()


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A secret that a user is about to confirm, and its text in the form, which is sealed."""

    secret: bytes
    sealed: str


def use_code(request: Request, user: User, code: str) -> bool:
    """Use a code up: it works once, and so do the codes before it."""
    app = request.oidc.dbsession.get(AuthenticatorApp, user.id)
    secret = None if app is None else _sealer(request).unseal(app.secret_sealed, user.id.encode())
    step = None if secret is None else _step_of(request, secret, code)
    return step is not None and use_step(request.oidc.dbsession, user.id, step)


def _step_of(request: Request, secret: bytes, code: str) -> int | None:
    """Return the time step of a code, or None. The clock of the app may differ by one step."""
    digits = "".join(filter(str.isdecimal, with_ascii_digits(code)))
    if len(digits) != DIGITS:
        return None
    totp, now = _totp(secret), request.oidc.now
    for step in (now // SECONDS - 1, now // SECONDS, now // SECONDS + 1):
        try:
            totp.verify(digits.encode(), step * SECONDS)
        except InvalidToken:
            continue
        return step
    return None


PAGE = CodePage(METHOD, _("Enter the code that your app shows for this account."), True, use_code)


def ask_code(request: Request) -> Response:
    """Ask for a code during a sign-in."""
    return PAGE.show(request)


def submit_code(request: Request) -> Response:
    """Check the code, and go on."""
    return PAGE.submit(request)


def show(request: Request) -> Response:
    """Show the secret as a picture and as text; or ask before the app is removed."""
    begun = may_set_up(request)
    if isinstance(begun, Response):
        return begun
    if METHOD.enrolled(request, begun.user):
        asked = "remove" in request.GET
        return _ask_removal(request, begun.user) if asked else to_factors(request)
    return _page(request, begun)


def submit(request: Request) -> Response:
    """Check the first code, which makes the app a factor; or remove the app."""
    begun = may_set_up(request)
    if isinstance(begun, Response):
        return begun
    user = begun.user
    if "remove" in request.POST:
        return _remove(request, user)
    if METHOD.enrolled(request, user):
        return to_factors(request)
    enrolment = _open(request, user)
    try:
        count_attempt(request, user)
    except TooManyAttempts as problem:
        page = partial(_page, request, begun, enrolment=enrolment)
        return try_later(problem, page, too_many(problem))
    begun = may_set_up(request)  # the transaction has ended
    if isinstance(begun, Response):
        return begun
    user = begun.user
    if enrolment is None:
        return _page(request, begun, EXPIRED, 400)
    step = _step_of(request, enrolment.secret, request.POST.get("code", ""))
    if step is None:
        return _page(request, begun, WRONG, 400, enrolment)
    sealed = _sealer(request).seal(enrolment.secret, user.id.encode())
    if not add_authenticator_app(request.oidc.dbsession, user, sealed, step):
        return to_factors(request)
    forget_attempts(request, user)
    factor_added(request, user, NAME)
    # The user has proven the new factor too, so the session gets the class of both.
    return after_set_up(request, begun, METHOD) or to_factors(request, notice="factor_added")


def _ask_removal(request: Request, user: User) -> Response:
    name = {"name": METHOD.label}
    question, button = _("Remove ${name}?", name), _("Remove")
    losses = without_factors(request, user) if is_last_factor(request, user, METHOD) else ()
    back = request.oidc.url(FACTORS)
    return ask(request, question, button, back, consequences=losses, remove="1")


def _remove(request: Request, user: User) -> Response:
    app = request.oidc.dbsession.get(AuthenticatorApp, user.id)
    if app is None:
        return to_factors(request)
    request.oidc.dbsession.delete(app)
    factor_removed(request, user, NAME)
    return to_factors(request, notice="factor_removed")


def _page(
    request: Request,
    begun: Begun,
    error: str = "",
    status: int = 200,
    enrolment: Enrolment | None = None,
) -> Response:
    user = begun.user
    enrolment = enrolment or _begin(request, user)
    secret = enrolment.secret
    uri = _totp(secret).get_provisioning_uri(user.username, request.oidc.service_name)
    picture = segno.make(uri, error="m").svg_inline(scale=4, border=4, light="#fff", dark="#000")
    key = base64.b32encode(secret).decode()
    values = {
        "picture": Markup(picture),  # noqa: S704  (segno's own, of a text that it encodes)
        "uri": uri,
        "key": " ".join(key[at : at + 4] for at in range(0, len(key), 4)),
        "enrolment": enrolment.sealed,
        "error": error,
        "waiting": begun.pending is not None,
        "back": request.oidc.url(FACTORS),
    }
    # From here the user may go on to an application.
    request.oidc.content_security_policy.let_forms_leave()
    return render(request, "totp_setup", values, status)


def _begin(request: Request, user: User) -> Enrolment:
    """Make a secret, which the form carries: a page that is only looked at leaves none behind.

    So a user confirms only a secret that this browser has just shown to this user.
    """
    secret = os.urandom(SECRET_BYTES)
    content = [base64.b64encode(secret).decode(), request.oidc.now + LIFETIME]
    sealer = request.oidc.provider.sealer(ENROLMENT)
    return Enrolment(secret, sealer.seal(compact(content).encode(), _bound_to(request, user)))


def _open(request: Request, user: User) -> Enrolment | None:
    """Return the secret of a form, or None if it is too old or was shown to others."""
    sealed = request.POST.get("enrolment", "")
    content = request.oidc.provider.sealer(ENROLMENT).unseal(sealed, _bound_to(request, user))
    if content is None:
        return None
    secret, expires_at = json.loads(content)
    return Enrolment(base64.b64decode(secret), sealed) if expires_at > request.oidc.now else None


def _bound_to(request: Request, user: User) -> bytes:
    return compact([request.oidc.browser_digest, user.id, user.generation]).encode()


def _sealer(request: Request) -> Sealer:
    return request.oidc.provider.sealer(PURPOSE)


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), SECONDS)  # noqa: S303  (what all apps know)


def includeme(config: Configurator) -> None:
    """Offer the method."""
    config.add_authentication_method(NAME, METHOD)
