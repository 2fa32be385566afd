"""Mails that tell users of changes of their accounts."""

from oidcserver.accounts.ways_in import has_password
from oidcserver.interfaces import User
from oidcserver.interfaces.letter import Letter
from oidcserver.mail import can_send
from oidcserver.mailboxes import verified_address_key
from oidcserver.models import User as UserRow
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.texts import Moment, _
from oidcserver.types import Request

#: Seconds after which a notice is not sent any more.
LIFETIME = 86400
CONTACT = _("If this was not you, contact the operator of this service.")


def send_notice(request: Request, user: User, kind: str, subject: str, *sentences: str) -> None:
    """Mail sentences to a user with a verified address, and what to do if it was somebody else.

    The mail has the time, and a link to the account page.

    :param kind: the kind of the :class:`Letter`.
    """
    if verified_address_key(user.claims) is None or not can_send(request.oidc.provider):
        return
    sentences = (*sentences, _time(request))
    link, after = _account_link(request), (_advice(request, user),)
    letter = Letter(kind, subject, sentences, link=link, after=after)
    request.oidc.send_mail(user.claims["email"], letter, lifetime=LIFETIME)


def announce_new_password(request: Request, user: User, event: str, *sentences: str) -> None:
    """Announce that a user has a new password, and mail that to the user.

    :param event: the name of the :class:`OAuthEvent`.
    :param sentences: further ones of the mail.
    """
    details = {"user_id": user.id, "username": user.username}
    request.oidc.database.after_commit(announce, OAuthEvent(request, event, details))
    sentence = _("The password of the account ${name} was changed.", {"name": user.username})
    subject = _("Your password was changed")
    send_notice(request, user, "password", subject, sentence, *sentences)


def announce_new_address(request: Request, user: User, old: str | None, name: str) -> None:
    """Announce that a user has another address, and mail that to the old one.

    :param old: the verified address before, if there was one.
    :param name: the user name before, which may have been the address.
    """
    event = OAuthEvent(request, "address_changed", {"user_id": user.id})
    request.oidc.database.after_commit(announce, event)
    if old is None or not can_send(request.oidc.provider):
        return
    new = user.claims.get("email")
    sentence = (
        _(
            "The email address of the account ${name} was changed from ${old} to ${new}.",
            {"name": name, "old": old, "new": new},
        )
        if new
        else _("The email address of the account ${name} was changed.", {"name": name})
    )
    _mail_to_old_address(request, old, "address", _("Your email address was changed"), sentence)


def announce_end_of_account(request: Request, user: User) -> None:
    """Announce that a user has deleted the account, and mail that to the verified address."""
    details = {"user_id": user.id, "username": user.username}
    request.oidc.database.after_commit(announce, OAuthEvent(request, "user_deleted", details))
    if verified_address_key(user.claims) is None or not can_send(request.oidc.provider):
        return
    address, name = user.claims["email"], {"name": user.username}
    sentence = _("The account ${name} was deleted.", name)
    _mail_to_old_address(request, address, "deleted", _("Your account was deleted"), sentence)


def _mail_to_old_address(
    request: Request, address: str, kind: str, subject: str, sentence: str
) -> None:
    """Mail a sentence to an address that is no longer that of an account."""
    letter = Letter(kind, subject, (sentence, _time(request)), after=(CONTACT,))
    request.oidc.send_mail(address, letter, lifetime=LIFETIME)


def _time(request: Request) -> str:
    now = Moment(request.oidc.now).at(None).strftime("%Y-%m-%d %H:%M UTC")
    time: str = _("Time: ${time}", {"time": now})
    return time


def _account_link(request: Request) -> tuple[str, str] | None:
    """Return the page that shows the change: the recent activity, or else the account."""
    for route_name, text in (
        ("oidc.activity", _("Recent activity")),
        ("oidc.account", _("Your account")),
    ):
        if route_name in request.oidc.provider.route_names:
            return text, request.oidc.url(route_name)
    return None


def _advice(request: Request, user: User) -> str:
    provider = request.oidc.provider
    row = request.oidc.dbsession.get_one(UserRow, user.id)
    if "oidc.recover" in provider.route_names and has_password(provider, row):
        advice: str = _("If this was not you, reset your password immediately.")
        return advice
    return CONTACT
