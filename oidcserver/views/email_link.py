"""The first factor ``email_link``: a mail with a link and a code that sign the user in.

The link signs in only the browser where it was asked for: in another one, a user could sign in the
requester of the mail.
"""

from pyramid.response import Response

from oidcserver.accounts.directories import passwords_problem
from oidcserver.accounts.ways_in import usable_links
from oidcserver.interfaces.letter import Letter
from oidcserver.mail import can_send
from oidcserver.models import MailedLink, User
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.responses import see_other
from oidcserver.plugins.selection import FIRST_FACTORS
from oidcserver.texts import _
from oidcserver.types import Configurator, Registry, Request
from oidcserver.views import mail_form, mailed_links
from oidcserver.views.access import with_query
from oidcserver.views.mail_form import MailForm, show_form, submit_form
from oidcserver.views.second_factor import after_first_factor
from oidcserver.views.suspended import read_request

NAME, PURPOSE = "email_link", "sign_in"
#: RFC 8176 has no value for a mailbox. ``otp`` would claim more: mail is no authenticator.
AMR = ("email",)
#: Seconds that a link works at most (OWASP ASVS 5.0, V6.5.5).
LIFETIME = 600


class EmailLinkMethod:
    """A link in a mail, which proves the mailbox."""

    label = _("Email me a link")
    route_name = "oidc.email_link"

    def register(self, config: Configurator) -> None:
        """Add the pages."""
        mail_form.register(config, self.route_name, "/login/email-link", show, submit)


METHOD = EmailLinkMethod()


def _signs_in_by_mail(request: Request, user: User) -> bool:
    """Whether a mail may sign a user in; not one who signs in at an upstream alone."""
    return user.password_hash is not None or not usable_links(request, user.id)


def _letter(request: Request, username: str, url: str, code: str) -> Letter:
    return Letter(
        PURPOSE,
        _("Sign in"),
        (
            _(
                "A sign-in to the account ${name} was requested. If you requested it, open the "
                "link in the same browser, or enter the code there.",
                {"name": username},
            ),
        ),
        link=(_("Sign in"), url),
        code=code,
        after=(_("If you did not, ignore this email, and do not give the code to anyone."),),
    )


def _letter_of_upstream(request: Request, username: str, url: str, code: str) -> Letter:
    sentence = _(
        "A link to sign in to the account ${name} was requested. Sign in with the connected "
        "account instead.",
        {"name": username},
    )
    link = (_("Sign in"), request.oidc.url("oidc.login"))
    return Letter(PURPOSE, _("Sign in another way"), (sentence,), link=link)


FORM = MailForm(
    PURPOSE,
    "email_link",
    _signs_in_by_mail,
    _letter,
    _letter_of_upstream,
    longest=LIFETIME,
)


def show(request: Request) -> Response:
    """Show the form."""
    return show_form(request, FORM)


def submit(request: Request) -> Response:
    """Mail a link to the user, if there is one with that name or verified address."""
    return submit_form(request, FORM)


def prepare(request: Request, link: MailedLink) -> AuthorizationRequest | None:
    """Check that the mail was for an account; return the authorization request."""
    if link.user_id is None:
        raise mailed_links.NotYet(mailed_links.GONE)
    return read_request(request)


def complete(request: Request, link: MailedLink, asking: AuthorizationRequest | None) -> Response:
    """Sign the user in, or go on to the second factor."""
    user = request.oidc.dbsession.get_one(User, link.user_id)
    response = after_first_factor(request, asking, user, AMR, NAME)
    return response or see_other(with_query(request, "oidc.login"))


def _check(registry: Registry) -> str | None:
    provider = registry.oidc.provider
    if NAME not in provider.first_factors:
        return None
    if problem := passwords_problem(provider, f"{FIRST_FACTORS} selects {NAME}"):
        return problem
    if not can_send(provider):
        return f"{FIRST_FACTORS} selects {NAME}: set oidc.mail_url and oidc.mail_from."
    if "oidc.login" not in provider.route_names:
        return f"{FIRST_FACTORS} selects {NAME}, which needs the page login in oidc.pages."
    return None


def includeme(config: Configurator) -> None:
    """Offer the method."""
    purpose = mailed_links.Purpose(
        _("Sign in"),
        _("Sign in"),
        complete,
        prepare,
        own_browser=True,
        route_name=METHOD.route_name,
    )
    config.add_oauth_offer(mailed_links.KIND, PURPOSE, purpose)
    config.add_first_factor(NAME, METHOD)
    config.add_startup_check("sign-in by mail", _check)
