"""Finds the users who get a mail with a link, and limits how many mails a mailbox gets.

Limits count mailboxes, since several names and spellings may lead to the same one.
"""

from dataclasses import dataclass

from oidcserver.http.throttling import TooManyAttempts, network_of, take
from oidcserver.mailboxes import address_key, address_problem, normalise_address
from oidcserver.models import User
from oidcserver.models.user import LOCAL, find_user, find_users_by_address, normalise_username
from oidcserver.settings import integer
from oidcserver.types import Configurator, Request

PER_ADDRESS, PER_NETWORK = "oidc.mails_per_address", "oidc.mails_per_network"
WINDOW = 3600
#: The purpose of the keyed digests of mailboxes.
PURPOSE = "mailbox"
#: The address of a mail that is not sent (RFC 2606).
NOBODY = "nobody@invalid.test"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A user who asked for a mail.

    :param user: None if there is no such user: the same is done, without a mail.
    :param mailed: False if there is no such user, or the mailbox has had its mails.
    """

    user: User | None
    address: str
    mailed: bool


def find_recipients(request: Request, name: str) -> list[Recipient]:
    """Return the users with that name or verified address who can get a mail, at least one entry.

    The request for a mail is counted, once for each mailbox. This ends the transaction of the
    request.

    :raises TooManyAttempts: over the limit of the network.
    """
    _count_network(request)
    users = _reachable_users(request, name)
    request.oidc.database.commit()
    keys = [user.address_key or "" for user in users]
    mailboxes = dict.fromkeys(keys or [address_key(name) or normalise_username(name)])
    allowed = {key: _count_mailbox(request, key) for key in mailboxes}
    if not users:
        return [Recipient(None, NOBODY, mailed=False)]
    return [
        Recipient(user, user.claims["email"], allowed[key])
        for user, key in zip(users, keys, strict=True)
    ]


def count_mail(request: Request, address: str) -> bool:
    """Count a request for a mail; return whether the mailbox may get another one now.

    This ends the transaction of the request.

    :raises TooManyAttempts: over the limit of the network.
    :raises ValueError: if it is no address.
    """
    _count_network(request)
    return _count_mailbox(request, normalise_address(address))


def _count_network(request: Request) -> None:
    request.oidc.database.commit()
    network = network_of(request.remote_addr or "")
    limit, engine = _limit(request, PER_NETWORK), request.oidc.database.alone.engine
    wait = take(engine, f"mail network:{network}", limit, WINDOW)
    if wait:
        raise TooManyAttempts(wait)


def _count_mailbox(request: Request, normalised: str) -> bool:
    key = request.oidc.provider.sealer(PURPOSE).digests(normalised)[0]
    limit, engine = _limit(request, PER_ADDRESS), request.oidc.database.alone.engine
    return take(engine, f"mail to:{key}", limit, WINDOW) == 0


def _limit(request: Request, name: str) -> int:
    limit: int = request.oidc.provider.settings[name]
    return limit


def _reachable_users(request: Request, name: str) -> list[User]:
    dbsession = request.oidc.dbsession
    named = find_user(dbsession, name)
    found = [named] if named is not None and named.address_key else []
    if address_problem(name) is None:
        found += [user for user in find_users_by_address(dbsession, name) if user is not named]
    return [user for user in found if user.realm == LOCAL and user.may_sign_in]


def includeme(config: Configurator) -> None:
    """Add the settings."""
    setting = config.add_oauth_setting
    setting(PER_ADDRESS, integer, 5,
            "How many mails with links one mailbox gets within an hour.")  # fmt: skip
    setting(PER_NETWORK, integer, 50,
            "How many mails with links one network may ask for within an hour.")  # fmt: skip
