"""The page where a signed-in user changes the email address.

The new address counts once its owner has confirmed it, and the old one is told.
"""

import json

from pyramid.response import Response

from oidcserver.accounts.mail_recipients import count_mail
from oidcserver.accounts.mailed_links import MailWithLink, data_of, send_links
from oidcserver.accounts.notices import announce_new_address
from oidcserver.http.throttling import TooManyAttempts
from oidcserver.interfaces.letter import Letter
from oidcserver.mailboxes import address_problem
from oidcserver.models import MailedLink, User
from oidcserver.models.user import begin_generation, normalise_username, rename_if_free
from oidcserver.oauth.responses import see_other
from oidcserver.texts import _
from oidcserver.types import Configurator, Request
from oidcserver.views import mailed_links
from oidcserver.views.access import own_session, signed_in
from oidcserver.views.pages import render, try_later
from oidcserver.views.recent_login import strongest_factor_proven
from oidcserver.views.registration import require_mail_and_passwords

ROUTE = "oidc.address"
PURPOSE = "address"


@signed_in
@strongest_factor_proven
def show(request: Request) -> Response:
    """Show the form."""
    return _page(request)


@signed_in
@strongest_factor_proven
def submit(request: Request) -> Response:
    """Mail a link to the new address. Until it is used, nothing changes."""
    address = request.POST.get("address", "").strip()
    if address_problem(address) is not None:
        error = _("Enter your email address, such as ada@example.com.")
        return _page(request, address=address, error=error, status=400)
    user = own_session(request).user
    try:
        may_mail = count_mail(request, address)
    except TooManyAttempts as problem:
        return try_later(
            problem,
            lambda error, status: _page(request, address=address, error=error, status=status),
        )
    data = json.dumps({"address": address})
    mail = MailWithLink(address, _letter, user, data, mailed=may_mail)
    send_links(request, PURPOSE, address, [mail])
    return see_other(request.oidc.url(mailed_links.ROUTE))


def _letter(url: str, code: str) -> Letter:
    return Letter(
        PURPOSE,
        _("Confirm your new email address"),
        (
            _(
                "This address was entered as the new email address of an account. If you entered "
                "it, confirm it."
            ),
        ),
        link=(_("Confirm the address"), url),
        code=code,
        after=(_("If you did not, ignore this email."),),
    )


def address_of(request: Request, link: MailedLink) -> str:
    """Return the new address; empty if the key of the link is gone."""
    address: str = json.loads(data_of(request, link) or "{}").get("address", "")
    return address


def prepare(request: Request, link: MailedLink) -> str:
    """Return the new address."""
    address = address_of(request, link)
    if link.user_id is None or not address:
        raise mailed_links.NotYet(mailed_links.GONE)
    return address


def complete(request: Request, link: MailedLink, address: str) -> Response:
    """Set the verified address, also as the user name where the old one was it."""
    dbsession = request.oidc.dbsession
    user = dbsession.get_one(User, link.user_id, with_for_update=True)
    old = user.claims.get("email") if user.address_key is not None else None
    name = user.username
    if old is not None and user.username_key == normalise_username(old):
        # Another account may have it as its name; then the user keeps the name.
        rename_if_free(dbsession, user, address)
    user.claims = {**user.claims, "email": address, "email_verified": True}
    begin_generation(dbsession, user.id)
    announce_new_address(request, user, old, name)
    session = request.oidc.login_session
    own = session is not None and session.user_id == user.id
    if own and "oidc.account" in request.oidc.provider.route_names:
        return see_other(request.oidc.url("oidc.account", _query={"notice": "address"}))
    return see_other(request.oidc.url("oidc.login"))


def _page(request: Request, *, address: str = "", error: str = "", status: int = 200) -> Response:
    values = {"address": address, "error": error, "user": own_session(request).user}
    return render(request, "address", values, status)


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route(ROUTE, "/account/address")
        config.add_oidc_view(show, route_name=ROUTE, request_method="GET")
        config.add_oidc_view(submit, route_name=ROUTE, request_method="POST")
        mailed_links.register_page(config)

    purpose = mailed_links.Purpose(
        _("Confirm your new email address"),
        _("Use this address"),
        complete,
        prepare,
        route_name=ROUTE,
        new_address=address_of,
    )
    config.add_oauth_offer(mailed_links.KIND, PURPOSE, purpose)
    config.add_oauth_page("address", register)
    config.add_startup_check(
        "address page", lambda it: require_mail_and_passwords(ROUTE, "address", it)
    )
