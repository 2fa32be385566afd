"""The form in which a user enters a name or an address to get a mail with a link.

The answer does not tell whether there is an account.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pyramid.response import Response

from oidcserver.accounts.mail_recipients import Recipient, find_recipients
from oidcserver.accounts.mailed_links import MailWithLink, send_links
from oidcserver.http.throttling import TooManyAttempts
from oidcserver.interfaces.letter import Letter
from oidcserver.models import User
from oidcserver.oauth.responses import see_other
from oidcserver.texts import _
from oidcserver.types import Configurator, Request
from oidcserver.views import mailed_links
from oidcserver.views.access import with_query
from oidcserver.views.pages import render, try_later

#: Takes the user name, the URL of the link and the code.
MakeLetter = Callable[[Request, str, str, str], Letter]
View = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class MailForm:
    """The differences between the pages with the form.

    :param purpose: the last step after the mail.
    :param may_use: whether a link is of use to a user.
    :param letter: makes the mail with the link.
    :param letter_without: makes the mail to a user to whom it is of no use; its link does nothing.
    :param longest: seconds that the links work at most, where the setting allows more.
    """

    purpose: str
    template: str
    may_use: Callable[[Request, User], bool]
    letter: MakeLetter
    letter_without: MakeLetter
    longest: int | None = None


def register(config: Configurator, route_name: str, path: str, show: View, submit: View) -> None:
    """Add a page with the form, and the one that mailed links lead to."""
    config.add_oidc_route(route_name, path)
    config.add_oidc_view(show, route_name=route_name, request_method="GET")
    config.add_oidc_view(submit, route_name=route_name, request_method="POST")
    mailed_links.register_page(config)


def show_form(request: Request, form: MailForm) -> Response:
    """Show the form."""
    return _page(request, form, name=request.GET.get("login_hint", ""))


def submit_form(request: Request, form: MailForm) -> Response:
    """Mail a link to the user, if there is one with that name or verified address."""
    name = request.POST.get("name", "").strip()
    if not name:
        error = _("Enter your user name or email address.")
        return _page(request, form, status=400, error=error)
    try:
        recipients = find_recipients(request, name)
    except TooManyAttempts as problem:
        return try_later(
            problem,
            lambda error, status: _page(request, form, name=name, status=status, error=error),
        )
    mails = [_mail(request, form, name, recipient) for recipient in recipients]
    send_links(request, form.purpose, name, mails, longest=form.longest)
    return see_other(with_query(request, mailed_links.ROUTE))


def _mail(request: Request, form: MailForm, name: str, recipient: Recipient) -> MailWithLink:
    user, of_use = recipient.user, True
    if user is not None:
        name, of_use = user.username, form.may_use(request, user)
    letter = partial(form.letter if of_use else form.letter_without, request, name)
    owner = user if of_use else None
    return MailWithLink(recipient.address, letter, owner, mailed=recipient.mailed)


def _page(
    request: Request, form: MailForm, *, name: str = "", status: int = 200, error: str = ""
) -> Response:
    values = {"name": name, "error": error, "login_url": with_query(request, "oidc.login")}
    return render(request, form.template, values, status)
