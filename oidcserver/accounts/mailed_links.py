"""Sends links and codes by mail, and finds the one that a browser may use.

The answer to a request for a mail does not tell whether there is an account, and takes as long: a
row is written and a mail is made in either case.
"""

import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from oidcserver.accounts.onward import onward_of
from oidcserver.credentials import MAILED_LINK, digest, new_credential, new_identifier
from oidcserver.http.cookies import read_cookie, set_cookie
from oidcserver.http.throttling import TooManyAttempts, give_back, take
from oidcserver.interfaces import User
from oidcserver.interfaces.letter import Letter
from oidcserver.models import MailedLink
from oidcserver.models.mailed_link import (
    find_mailed_link,
    find_own_mailed_links,
    find_purpose,
    prove_mailed_link,
)
from oidcserver.settings import integer, seconds
from oidcserver.texts import Counted, with_ascii_digits
from oidcserver.types import Configurator, Request

#: The purpose of the seal on the data of a link, and of the keyed digests of codes.
PURPOSE = "mailed link"
#: The cookie with a link's token, or with the identifier of the request in the browser that asked.
COOKIE = "mailed_link"
LIFETIME = "oidc.mailed_link_lifetime"
ATTEMPTS, PER_ACCOUNT = "oidc.mailed_code_attempts", "oidc.mailed_codes_per_account"
#: The cookie with the name or address that the user typed, sealed.
ENTRY = "mailed_link_entry"
#: Characters that are kept of it: an address has no more (RFC 5321 section 4.5.3.1).
LONGEST_ENTRY = 254
WINDOW = 3600
CODE_DIGITS = 8


@dataclass(frozen=True, slots=True)
class MailWithLink:
    """A mail with a link and a code.

    :param letter: takes the URL of the link and the code, and returns the mail.
    :param user: whose link it is. It is void once all sessions of the user end.
    :param data: what the purpose needs later; it is sealed.
    :param mailed: False if there is no recipient: the same is done, without a mail. No code is
        accepted, and the row has neither the user nor the data.
    """

    to: str
    letter: Callable[[str, str], Letter]
    user: User | None = None
    data: str = ""
    mailed: bool = True


def send_links(
    request: Request,
    purpose: str,
    entry: str,
    mails: Sequence[MailWithLink],
    *,
    longest: int | None = None,
) -> None:
    """Write a link for each mail, send it, and let this browser enter the code of each.

    :param entry: the name or address that the user typed, which the next page shows.
    :param longest: seconds that the links work at most, where the setting allows more.
    """
    lifetime = request.oidc.provider.settings[LIFETIME]
    lifetime, request_id = min(lifetime, longest or lifetime), new_identifier()
    for mail in mails:
        _send_link(request, purpose, mail, lifetime, request_id)
    set_cookie(request, COOKIE, request_id, lifetime)
    sealed = request.oidc.provider.sealer(PURPOSE).seal(entry[:LONGEST_ENTRY].encode())
    set_cookie(request, ENTRY, sealed, lifetime)


def _send_link(
    request: Request, purpose: str, mail: MailWithLink, lifetime: int, request_id: str
) -> None:
    oidc, sealer = request.oidc, request.oidc.provider.sealer(PURPOSE)
    token = new_credential(MAILED_LINK)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    user = mail.user if mail.mailed else None
    link = MailedLink(
        request_id=request_id,
        token_digest=digest(token),
        # The token has other characters than digits: no code has its digest.
        code_digest=sealer.digests(code if mail.mailed else token)[0],
        purpose=purpose,
        user_id=None if user is None else user.id,
        generation=None if user is None else user.generation,
        data_sealed=sealer.seal(mail.data.encode() if mail.mailed else b""),
        browser_digest=oidc.browser_digest,
        onward=onward_of(request),
        expires_at=oidc.now + lifetime,
    )
    oidc.dbsession.add(link)
    oidc.dbsession.flush()
    url = oidc.url("oidc.confirm", _query={"token": token})
    letter = _say_how_long(mail.letter(url, f"{code[:4]} {code[4:]}"), lifetime)
    oidc.send_mail(mail.to, letter, lifetime=lifetime, held=not mail.mailed)


def _say_how_long(letter: Letter, lifetime: int) -> Letter:
    """Return the letter with the time that its code works, if it has one."""
    if not letter.code:
        return letter
    if lifetime % 3600 == 0:
        sentence = Counted(
            "The link and the code work for one hour.",
            "The link and the code work for ${count} hours.",
            lifetime // 3600,
        )
    else:
        sentence = Counted(
            "The link and the code work for one minute.",
            "The link and the code work for ${count} minutes.",
            max(lifetime // 60, 1),
        )
    return replace(letter, after=(sentence, *letter.after))


def keep_token(request: Request, token: str) -> None:
    """Keep the token of a link in a cookie, so that it does not stay in a URL."""
    set_cookie(request, COOKIE, token, request.oidc.provider.settings[LIFETIME])


def forget_link(request: Request) -> None:
    """Remove the cookies."""
    set_cookie(request, COOKIE, None)
    set_cookie(request, ENTRY, None)


def typed_entry(request: Request) -> str:
    """Return the name or address that the user typed in this browser; empty if it is not known."""
    sealed = read_cookie(request, ENTRY)
    content = request.oidc.provider.sealer(PURPOSE).unseal(sealed) if sealed else None
    return (content or b"").decode()


def past_purpose(request: Request) -> str | None:
    """Return the purpose of the link of this browser, which need not work any more."""
    value = read_cookie(request, COOKIE) or ""
    return find_purpose(request.oidc.dbsession, value, request.oidc.browser_digest)


def present_link(request: Request) -> tuple[MailedLink | None, bool]:
    """Return the link of this browser, and whether the user has opened it or entered its code.

    Where the browser asked for several mails at once and no code was entered, it is any of them.
    """
    value = read_cookie(request, COOKIE) or ""
    if value.startswith(MAILED_LINK):
        return find_mailed_link(request.oidc.dbsession, value), True
    links = find_own_mailed_links(request.oidc.dbsession, value, request.oidc.browser_digest)
    for link in links:
        if link.proven_at is not None:
            return link, True
    return (links[0] if links else None), False


def enter_code(request: Request, request_id: str, code: str) -> bool:
    """Count an attempt to enter a code; return whether it is one of the mails of a request.

    This ends the transaction of the request, so that the attempt counts in any case. Codes are also
    counted for each account, over all its mails. Over that limit no code is right: another answer
    would tell that there is an account.

    :param request_id: the identifier that the mails have in common.
    :raises TooManyAttempts: over the limit of the mails.
    """
    oidc, settings = request.oidc, request.oidc.provider.settings
    links = find_own_mailed_links(oidc.dbsession, request_id, oidc.browser_digest)
    oidc.database.commit()
    engine = oidc.database.alone.engine
    wait = take(engine, f"mailed code:{request_id}", settings[ATTEMPTS], settings[LIFETIME])
    if wait:
        raise TooManyAttempts(wait)
    digits = "".join(filter(str.isdecimal, with_ascii_digits(code)))
    digests = oidc.provider.sealer(PURPOSE).digests(digits)
    keys = {link.id: f"mailed codes of:{link.user_id or request_id}" for link in links}
    # All are counted before the request writes, for which they would wait on SQLite.
    locked = {it: take(engine, key, settings[PER_ACCOUNT], WINDOW) for it, key in keys.items()}
    for link in links:
        right = any(hmac.compare_digest(link.code_digest, known) for known in digests)
        if right and not locked[link.id]:
            prove_mailed_link(oidc.dbsession, link)
            for it, key in keys.items():
                if not locked[it]:
                    give_back(oidc.dbsession, key)
            return True
    return False


def data_of(request: Request, link: MailedLink) -> str:
    """Return the data of a link; empty if its sealing key is gone."""
    content = request.oidc.provider.sealer(PURPOSE).unseal(link.data_sealed)
    return (content or b"").decode()


def is_own_browser(request: Request, link: MailedLink) -> bool:
    """Whether this is the browser that asked for the mail."""
    return bool(link.browser_digest == request.oidc.browser_digest)


def onward_query(link: MailedLink) -> str:
    """Return the query with which the user goes on, with its question mark, or nothing."""
    return f"?{link.onward}" if link.onward else ""


def includeme(config: Configurator) -> None:
    """Add the settings."""
    setting = config.add_oauth_setting
    setting(LIFETIME, seconds, 900, "How long a link in a mail and its code work.")
    setting(ATTEMPTS, integer, 5, "How many codes may be entered for one mail.")
    setting(PER_ACCOUNT, integer, 10,
            "How many wrong codes may be entered for one account within an hour.")  # fmt: skip
