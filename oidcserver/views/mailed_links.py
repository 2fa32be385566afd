"""The page of a mailed link: the user opens the link or enters its code, and then confirms.

Opening the link changes nothing, since mail scanners open links too; the button does. The page is
part of those that mail links.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.accounts.mailed_links import (
    enter_code,
    forget_link,
    is_own_browser,
    keep_token,
    onward_query,
    past_purpose,
    present_link,
    typed_entry,
)
from oidcserver.accounts.new_passwords import MIN_LENGTH, password_problem
from oidcserver.accounts.passwords import Busy, hash_password
from oidcserver.http.throttling import TooManyAttempts, waiting_time
from oidcserver.models import MailedLink, User
from oidcserver.models.mailed_link import use_mailed_link
from oidcserver.oauth.responses import see_other
from oidcserver.texts import _
from oidcserver.types import Configurator, Request
from oidcserver.views.access import with_query
from oidcserver.views.pages import render, try_later
from oidcserver.views.suspended import reject

ROUTE = "oidc.confirm"
KIND = "mailed link"
BUSY = _("Please try again in a few seconds.")
GONE = _(
    "This link or code does not work. It may have been used before or have expired: request a "
    "new email."
)


def name_of_user(request: Request, link: MailedLink) -> str:
    """Return the user name of the account of a link; empty if it is for none."""
    if link.user_id is None:
        return ""
    return request.oidc.dbsession.get_one(User, link.user_id).username


@dataclass(frozen=True, slots=True)
class Purpose:
    """The last step after a mail.

    :param title: the heading of the page.
    :param button: the label of the button.
    :param act: takes the link that was just used up and what ``prepare`` returned, and returns the
        response.
    :param prepare: checks the form before the link is used up. It may end the transaction.
        :raises NotYet: if the user has to correct something.
        :raises Busy: as :func:`chosen_password`.
        :raises OAuth2Error: if the authorization request of the page is rejected.
    :param new_password: whether the page asks for a new password, which ``prepare`` then reads by
        :func:`chosen_password`.
    :param account: returns the name of the account, which the page shows; empty: it shows none.
    :param own_browser: whether only the browser may go on that asked for the mail. In another the
        link does nothing, and stays as it is.
    :param route_name: the page where the user asks for another mail; empty: there is none.
    :param new_address: returns the address that is to be confirmed, which the page shows beside
        the account; empty: it shows none.
    """

    title: str
    button: str
    act: Callable[[Request, MailedLink, Any], Response]
    prepare: Callable[[Request, MailedLink], Any] = lambda request, link: None
    new_password: Callable[[Request, MailedLink], bool] = lambda request, link: False
    account: Callable[[Request, MailedLink], str] = name_of_user
    own_browser: bool = False
    route_name: str = ""
    new_address: Callable[[Request, MailedLink], str] = lambda request, link: ""


class NotYet(Exception):
    """The link is not used up yet. ``sentence`` is shown to the user."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def chosen_password(request: Request, *words: str) -> str:
    """Return the hash of the new password in the form, made while no transaction is open.

    :param words: the words that make a password easy to guess, besides the name of the service.
    :raises NotYet: if it cannot be used.
    :raises Busy: if every core hashes a password already.
    """
    password = request.POST.get("new_password", "")
    words = (*words, request.oidc.service_name)
    problem = password_problem(request.oidc.provider, password, words)
    if problem is not None:
        raise NotYet(problem)
    request.oidc.database.commit()
    return hash_password(password)


def show(request: Request) -> Response:
    """Show the page; take the token of a link out of the URL first."""
    token = request.GET.get("token")
    if token is not None:
        keep_token(request, token)
        return see_other(request.oidc.url(ROUTE))
    link, proven = present_link(request)
    if link is None:
        return _page(request, None, False, error=GONE)
    if proven and link.onward and is_own_browser(request, link) and not request.GET:
        # From here on the page is one of the authorization request that the user came with.
        return see_other(request.oidc.url(ROUTE) + onward_query(link))
    return _page(request, link, proven)


def submit(request: Request) -> Response:
    """Check a code, or use the link up and do what it is for."""
    link, proven = present_link(request)
    if link is None:
        return _page(request, None, False, status=400, error=GONE)
    if not proven:
        return _enter(request, link)
    purpose = _purpose(request, link)
    if _is_elsewhere(request, link):
        return _page(request, link, True, status=403)
    try:
        prepared = purpose.prepare(request, link)
    except NotYet as problem:
        return _page(request, present_link(request)[0], True, status=400, error=problem.sentence)
    except Busy as busy:
        link = present_link(request)[0]
        return try_later(
            busy,
            lambda error, status: _page(request, link, True, status=status, error=error),
            BUSY,
        )
    except OAuth2Error as rejection:
        return reject(request, rejection)
    link, _proven = present_link(request)  # the transaction may have ended
    if link is None or not use_mailed_link(request.oidc.dbsession, link):
        return _page(request, None, False, status=400, error=GONE)
    forget_link(request)
    return purpose.act(request, link, prepared)


def _enter(request: Request, link: MailedLink) -> Response:
    try:
        right = enter_code(request, link.request_id, request.POST.get("code", ""))
    except TooManyAttempts as problem:
        wait = waiting_time(problem.retry_after)
        sentence = _("Too many codes were entered. Request a new email in ${time}.", {"time": wait})
        return try_later(
            problem,
            lambda error, status: _page(request, link, False, status=status, error=error),
            sentence,
        )
    if not right:
        error = _(
            "This code is wrong, or too many were entered. Enter all eight digits from the "
            "latest email, or open its link."
        )
        return _page(request, link, False, status=400, error=error)
    return see_other(request.oidc.url(ROUTE))


def _purpose(request: Request, link: MailedLink) -> Purpose:
    purpose: Purpose = request.oidc.provider.catalog.offers(KIND)[link.purpose].value
    return purpose


def _form_url(request: Request, link: MailedLink | None) -> str:
    """Return the URL of the page where the user asks for another mail, or nothing."""
    provider = request.oidc.provider
    offer = provider.catalog.offers(KIND).get(link.purpose if link else past_purpose(request) or "")
    route_name = offer.value.route_name if offer else ""
    return with_query(request, route_name) if route_name in provider.route_names else ""


def _is_elsewhere(request: Request, link: MailedLink) -> bool:
    """Whether a link was opened in another browser than the only one that may go on."""
    return _purpose(request, link).own_browser and not is_own_browser(request, link)


def _page(
    request: Request,
    link: MailedLink | None,
    proven: bool,
    *,
    status: int = 200,
    error: str = "",
) -> Response:
    purpose = _purpose(request, link) if link is not None and proven else None
    elsewhere = link is not None and proven and _is_elsewhere(request, link)
    values = {
        "link": link,
        "purpose": purpose,
        "elsewhere": elsewhere,
        "account": purpose.account(request, link) if purpose and link else "",
        "new_password": bool(purpose and link and purpose.new_password(request, link)),
        "own_browser": link is not None and is_own_browser(request, link),
        "new_address": purpose.new_address(request, link) if purpose and link else "",
        "least": request.oidc.provider.settings[MIN_LENGTH],
        "entry": typed_entry(request),
        "form_url": _form_url(request, link),
        "error": error,
    }
    # From here the user may go on to an application.
    request.oidc.content_security_policy.let_forms_leave()
    return render(request, "confirm", values, status)


def register_page(config: Configurator) -> None:
    """Add the page, once, for the pages that mail links."""
    known = config.registry.oidc.provider.route_names
    if ROUTE in known:
        return
    known.add(ROUTE)
    config.add_oidc_route(ROUTE, "/confirm")
    config.add_oidc_view(show, route_name=ROUTE, request_method="GET")
    config.add_oidc_view(submit, route_name=ROUTE, request_method="POST")
