"""Passkeys: signing in with one, as the only factor or as the second, and managing them."""

import logging

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.accounts.factor_changes import (
    factor_added,
    factor_removed,
    is_last_factor,
    without_factors,
)
from oidcserver.accounts.passkeys import (
    RP_ID,
    CopiedPasskey,
    InvalidPasskey,
    amr_of,
    begin_registration,
    begin_second_factor,
    prove,
    prove_second_factor,
    register,
    rp_id,
)
from oidcserver.accounts.second_factors import (
    Begun,
    announce_failure,
    find_begun,
)
from oidcserver.accounts.ways_in import is_last_way_in, lock_account
from oidcserver.interfaces import User
from oidcserver.interfaces.authentication import PASSKEY, PASSWORD
from oidcserver.models import Passkey
from oidcserver.models.passkey import passkeys_of
from oidcserver.oauth.responses import see_other
from oidcserver.settings import text
from oidcserver.texts import Moment, _, is_plain
from oidcserver.types import Configurator, Registry, Request
from oidcserver.views.access import with_query
from oidcserver.views.confirmation import ask
from oidcserver.views.factors import may_set_up, recovery_codes_url, to_factors
from oidcserver.views.pages import render
from oidcserver.views.second_factor import (
    ROUTE,
    after_second_factor,
    after_set_up,
    begin_again,
    other_factors,
    remember_label,
)
from oidcserver.views.suspended import go_on_signed_in, read_request, reject

log = logging.getLogger(__name__)

NOT_ACCEPTED = _("The passkey was not accepted. Try again, or sign in another way.")
NOT_MADE = _("The passkey was not created. Please try again.")
LAST_WAY_IN = _("This is the only way to sign in to your account, so it cannot be removed.")
#: Messages from the page before, by the value of ``notice`` in the query.
NOTICES = {"passkey_added": _("The passkey was created.")}
MAX_NAME = 60
#: Where the form of the login page is sent.
SIGN_IN_ROUTE = "oidc.passkey_sign_in"


class PasskeyMethod:
    """A passkey, which proves the device and what unlocks it."""

    label = _("Passkey")
    amr = ("user",)
    counts = True
    route_name = "oidc.passkey"
    setup_route_name = "oidc.passkeys"

    def enrolled(self, request: Request, user: User) -> bool:
        """Whether the user has one."""
        return bool(passkeys_of(request.oidc.dbsession, user.id))

    def register(self, config: Configurator) -> None:
        """Add the pages."""
        config.add_oidc_route(SIGN_IN_ROUTE, "/login/passkey/sign-in")
        config.add_oidc_view(submit_sign_in, route_name=SIGN_IN_ROUTE, request_method="POST")
        for name, pattern, shown, sent in (
            (self.route_name, "/login/passkey", show, submit),
            (self.setup_route_name, "/account/passkeys", show_own, change_own),
        ):
            config.add_oidc_route(name, pattern)
            config.add_oidc_view(shown, route_name=name, request_method="GET")
            config.add_oidc_view(sent, route_name=name, request_method="POST")


METHOD = PasskeyMethod()


def submit_sign_in(request: Request) -> Response:
    """Sign the user of a passkey in, who chose it on the login page."""
    try:
        proof = prove(request)
    except InvalidPasskey as problem:
        log.info("A passkey was not accepted: %s", problem.reason)
        return see_other(with_query(request, "oidc.login", notice="passkey"))
    try:
        asking = read_request(request)
    except OAuth2Error as error:
        return reject(request, error)
    session = request.oidc.sign_in(proof.user, amr=proof.amr, methods=(PASSKEY,))
    if session is None:
        return see_other(with_query(request, "oidc.login", notice="passkey"))
    return go_on_signed_in(request, asking, session)


def show(request: Request) -> Response:
    """Ask for a passkey of the user who is known so far, as the second factor."""
    begun = find_begun(request)
    if begun is None:
        return begin_again(request)
    if not METHOD.enrolled(request, begun.user):
        return see_other(with_query(request, ROUTE))
    return _page(request, begun)


def submit(request: Request) -> Response:
    """Complete the sign-in that waits for a passkey, or raise the class of the session.

    Attempts are not limited: the answer of a passkey cannot be guessed.
    """
    begun = find_begun(request)
    if begun is None:
        return begin_again(request)
    after_password = PASSWORD in begun.methods
    try:
        proof = prove_second_factor(request, begun.user, after_password=after_password)
    except InvalidPasskey as problem:
        log.info("A passkey was not accepted: %s", problem)
        known = find_begun(request)  # the transaction has ended
        if known is None:
            return begin_again(request)
        if not isinstance(problem, CopiedPasskey):  # that has its own event
            announce_failure(request, known.user, METHOD)
        return _page(request, known, NOT_ACCEPTED, 403)
    try:
        asking = read_request(request)
    except OAuth2Error as error:
        return reject(request, error)
    return after_second_factor(request, asking, begun, METHOD, proof.amr)


def _page(request: Request, begun: Begun, error: str = "", status: int = 200) -> Response:
    passkeys = passkeys_of(request.oidc.dbsession, begun.user.id)
    after_password = PASSWORD in begun.methods
    values = {
        "ceremony": begin_second_factor(request, passkeys, after_password=after_password),
        "error": error,
        "username": begun.user.username,
        "others": other_factors(request, begun, METHOD),
        "start_again": with_query(request, "oidc.login") if begun.pending else "",
        "remember": remember_label(request, begun),
    }
    # From here the user may go on to an application.
    request.oidc.content_security_policy.let_forms_leave()
    return render(request, "passkey", values, status)


def show_own(request: Request) -> Response:
    """Show the user's passkeys, and offer to make one; or ask before one is removed."""
    begun = may_set_up(request)
    if isinstance(begun, Response):
        return begun
    passkey = request.oidc.dbsession.get(Passkey, request.GET.get("remove", ""))
    if passkey is None or passkey.user_id != begun.user.id:
        return _own_page(request, begun)
    question, button = _("Remove ${name}?", {"name": passkey.name}), _("Remove")
    user = begun.user
    only = len(passkeys_of(request.oidc.dbsession, user.id)) == 1
    losses = (
        without_factors(request, user) if only and is_last_factor(request, user, METHOD) else ()
    )
    return ask(
        request,
        question,
        button,
        _own_url(request),
        consequences=losses,
        remove=passkey.credential_id,
    )


def change_own(request: Request) -> Response:
    """Store, rename or remove a passkey."""
    begun = may_set_up(request)
    if isinstance(begun, Response):
        return begun
    user = begun.user
    if "remove" in request.POST:
        return _remove(request, begun, request.POST["remove"])
    name = _name(request)
    if "rename" in request.POST:
        for passkey in passkeys_of(request.oidc.dbsession, user.id):
            if passkey.credential_id == request.POST["rename"]:
                passkey.name = name
        return see_other(_own_url(request))
    try:
        passkey = register(request, user, name)
    except InvalidPasskey as problem:
        log.info("A passkey was not made: %s", problem.reason)
        known = may_set_up(request)
        return known if isinstance(known, Response) else _own_page(request, known, NOT_MADE, 400)
    factor_added(request, user, PASSKEY)
    amr = amr_of(passkey, verified=True)
    response = after_set_up(request, begun, METHOD, amr)
    return response or see_other(_own_url(request, notice="passkey_added"))


def _remove(request: Request, begun: Begun, credential_id: str) -> Response:
    user = begun.user
    row = lock_account(request, user.id)
    passkey = request.oidc.dbsession.get(Passkey, credential_id)
    if passkey is None or passkey.user_id != user.id:
        return to_factors(request)
    if is_last_way_in(request, row, passkey.credential_id):
        return _own_page(request, begun, LAST_WAY_IN, 409)
    request.oidc.dbsession.delete(passkey)
    factor_removed(request, user, PASSKEY)
    return to_factors(request, notice="passkey_removed")


def _own_url(request: Request, **query: str) -> str:
    url: str = request.oidc.url(METHOD.setup_route_name, _query=query)
    return url


def _name(request: Request) -> str:
    given: str = request.POST.get("name", "").strip()[:MAX_NAME]
    fallback = request.oidc.locale.translate(METHOD.label)
    return given if given and is_plain(given) else fallback


def _own_page(request: Request, begun: Begun, error: str = "", status: int = 200) -> Response:
    values = {
        "passkeys": passkeys_of(request.oidc.dbsession, begun.user.id),
        "ceremony": begin_registration(request, begun.user),
        "waiting": begun.pending is not None,
        "moment": Moment,
        "error": error,
        "notice": NOTICES.get(request.GET.get("notice", "")) if not error else None,
        "codes_url": recovery_codes_url(request, begun.user),
    }
    # From here the user may go on to an application.
    request.oidc.content_security_policy.let_forms_leave()
    return render(request, "passkeys", values, status)


def _check_rp_id(registry: Registry) -> str | None:
    provider = registry.oidc.provider
    host, party = provider.origin.partition("://")[2].partition(":")[0], rp_id(provider)
    if host == party or host.endswith(f".{party}"):
        return None
    return f"{RP_ID} = {party} is neither the issuer's host {host} nor a parent domain of it."


def includeme(config: Configurator) -> None:
    """Offer the method, and add the setting."""
    config.add_authentication_method("passkey", METHOD)
    config.add_oauth_setting(
        RP_ID,
        text,
        "",
        "The domain that passkeys are made for; empty: the issuer's host. Passkeys stop working "
        "when it changes, so set it to a parent domain before the issuer moves within that.",
    )
    config.add_startup_check("passkey domain", _check_rp_id)
