"""The page where a user who forgot the password asks for a mail, and sets a new one."""

from pyramid.response import Response

from oidcserver.accounts.authentication import unlock
from oidcserver.accounts.mailed_links import is_own_browser, onward_query
from oidcserver.accounts.notices import announce_new_password
from oidcserver.accounts.ways_in import passkeys_and_links
from oidcserver.interfaces.letter import Letter
from oidcserver.models import MailedLink, User
from oidcserver.oauth.responses import see_other
from oidcserver.sessions.ending import end_everything
from oidcserver.texts import _
from oidcserver.types import Configurator, Request
from oidcserver.views import mail_form, mailed_links
from oidcserver.views.access import login_url
from oidcserver.views.mail_form import MailForm, show_form, submit_form
from oidcserver.views.registration import require_mail_and_passwords

ROUTE = "oidc.recover"
PURPOSE = "recover"
#: A new password leaves them: mail must not remove a stronger way in than itself.
OTHER_WAYS = _(
    "Passkeys and connected accounts still work. Sign in and remove those on your account page "
    "that are not yours."
)


def _may_choose(request: Request, user: User) -> bool:
    """Whether a mail may give the account a password: it has one, or there is no other way in."""
    return user.password_hash is not None or not passkeys_and_links(request, user.id)


def _letter_without(request: Request, username: str, url: str, code: str) -> Letter:
    """Return the mail to a user who signs in another way: a mail gives the account no password."""
    sentence = _(
        "A new password was requested for the account ${name}, which has no password. Sign in "
        "with a passkey or a connected account.",
        {"name": username},
    )
    link = (_("Sign in"), request.oidc.url("oidc.login"))
    return Letter(PURPOSE, _("Your account has no password"), (sentence,), link=link)


def _letter(request: Request, username: str, url: str, code: str) -> Letter:
    return Letter(
        PURPOSE,
        _("Choose a new password"),
        (
            _(
                "A new password was requested for the account ${name}. If you requested it, "
                "choose one now.",
                {"name": username},
            ),
        ),
        link=(_("Choose a new password"), url),
        code=code,
        after=(_("If you did not request it, ignore this email: your password stays the same."),),
    )


FORM = MailForm(PURPOSE, "recover", _may_choose, _letter, _letter_without)


def show(request: Request) -> Response:
    """Show the form."""
    return show_form(request, FORM)


def submit(request: Request) -> Response:
    """Mail a link to the user, if there is one with that name or verified address."""
    return submit_form(request, FORM)


def prepare(request: Request, link: MailedLink) -> str:
    """Check the new password; return its hash, made while no transaction is open."""
    if link.user_id is None:
        raise mailed_links.NotYet(mailed_links.GONE)
    user = request.oidc.dbsession.get_one(User, link.user_id)
    return mailed_links.chosen_password(request, user.username, str(user.claims.get("email", "")))


def complete(request: Request, link: MailedLink, password_hash: str) -> Response:
    """Set the new password, and end all sessions, tokens and links of the user."""
    dbsession = request.oidc.dbsession
    user = dbsession.get_one(User, link.user_id, with_for_update=True)
    user.password_hash = password_hash
    end_everything(request, user.id)
    unlock(request.oidc.provider, dbsession, user.username)
    others = bool(passkeys_and_links(request, user.id))
    announce_new_password(request, user, "user_recovered", *([OTHER_WAYS] if others else []))
    query = onward_query(link) if is_own_browser(request, link) else ""
    notice = "recovered_others" if others else "recovered"
    if others and not query and "oidc.account" in request.oidc.provider.route_names:
        return see_other(login_url(request, request.oidc.url("oidc.account"), notice=notice))
    url = request.oidc.url("oidc.login")
    return see_other(f"{url}{query}{'&' if query else '?'}notice={notice}")


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        mail_form.register(config, ROUTE, "/recover", show, submit)

    purpose = mailed_links.Purpose(
        _("Choose a new password"),
        _("Set password"),
        complete,
        prepare,
        new_password=lambda request, link: True,
        route_name=ROUTE,
    )
    config.add_oauth_offer(mailed_links.KIND, PURPOSE, purpose)
    config.add_oauth_page("recover", register)
    config.add_startup_check(
        "recovery page", lambda it: require_mail_and_passwords(ROUTE, "recover", it)
    )
