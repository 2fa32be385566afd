"""Mails that tell users of changes of their accounts."""

from oidcserver.accounts.ways_in import has_password
from oidcserver.interfaces import User
from oidcserver.interfaces.letter import Letter
from oidcserver.mail import can_send
from oidcserver.mailboxes import verified_address_key
from oidcserver.models import User as UserRow
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.texts import _
from oidcserver.types import Request

#: Seconds after which a notice is not sent any more.
LIFETIME = 86400


def send_notice(request: Request, user: User, kind: str, subject: str, *sentences: str) -> None:
    """Mail sentences to a user with a verified address, and what to do if it was somebody else.

    :param kind: the kind of the :class:`Letter`.
    """
    if verified_address_key(user.claims) is None or not can_send(request.oidc.provider):
        return
    letter = Letter(kind, subject, sentences, after=(_advice(request, user),))
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


def announce_new_address(request: Request, user: User, old: str | None) -> None:
    """Announce that a user has another address, and mail that to the old one.

    :param old: the verified address before, if there was one.
    """
    event = OAuthEvent(request, "address_changed", {"user_id": user.id})
    request.oidc.database.after_commit(announce, event)
    if old is None or not can_send(request.oidc.provider):
        return
    letter = Letter(
        "address",
        _("Your email address was changed"),
        (_("The email address of the account ${name} was changed.", {"name": user.username}),),
        after=(_("If this was not you, contact the operator of this service."),),
    )
    request.oidc.send_mail(old, letter, lifetime=LIFETIME)


def _advice(request: Request, user: User) -> str:
    provider = request.oidc.provider
    row = request.oidc.dbsession.get_one(UserRow, user.id)
    if "oidc.recover" in provider.route_names and has_password(provider, row):
        return _("If this was not you, reset your password immediately.")
    return _("If this was not you, contact the operator of this service.")
