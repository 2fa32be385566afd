"""One way to check a password, for the login page and the password grant, and its limits."""

from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from oidcserver.accounts.account import account_of
from oidcserver.accounts.known_browser import known_browser
from oidcserver.accounts.passwords import Busy, verify_password
from oidcserver.http.throttling import (
    TooManyAttempts,
    clear,
    give_back,
    network_of,
    reset,
    take,
)
from oidcserver.interfaces import DirectoryUnavailable
from oidcserver.models import UserRecord
from oidcserver.models.user import normalise_username, read_user
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.types import Provider, Request

#: The purpose of the key of user names in counters.
PURPOSE = "user name"


class _Limit(NamedTuple):
    """How many attempts a key allows; ``counted_by`` is for the log."""

    key: str
    limit: int
    counted_by: str


def authenticate_user(request: Request, username: str, password: str) -> UserRecord | None:
    """Return the account of the user with that name and password; None in every other case.

    Every attempt counts before its password is checked, so no more than the limit are checked,
    however many come at once. Attempts count by user name and network, and at a higher limit by
    user name; those of a browser in which the user signed in before count by themselves, so that
    nobody else can lock the user out there.

    An attempt over a limit of its user name gets the answer of a wrong password and takes as long,
    so the answer does not tell whether a name exists or is locked. The transaction of the request
    is committed before, since none may be open while a password is hashed.

    :raises oidcserver.http.throttling.TooManyAttempts: over the limit of the network.
    :raises oidcserver.accounts.passwords.Busy: when every core hashes a password already.
    :raises oidcserver.interfaces.DirectoryUnavailable: if the directory cannot tell. Neither counts
        as an attempt.
    :raises oidcserver.oauth.errors.Rejection: if an account of another directory has the name.
    """
    settings = request.oidc.provider.settings
    window = settings["oidc.login_window"]
    name, network = normalise_username(username), network_of(request.remote_addr or "")
    browser = known_browser(request, name)
    address_key = f"login address:{network}"
    request.oidc.database.commit()
    engine = request.oidc.database.alone.engine

    def count_for_network() -> None:
        wait = take(engine, address_key, settings["oidc.login_attempts_per_address"], window)
        if wait:
            _announce_rejection(request, "login_throttled")
            raise TooManyAttempts(wait)

    if browser is None:
        count_for_network()
    key = keyed_name(request.oidc.provider, name)
    own, *shared = _limits(settings, key, network, browser)
    for limit in (own, *shared):
        if take(engine, limit.key, limit.limit, window, whose=_whose(key)):
            if browser is not None:
                count_for_network()  # or a known browser could have passwords hashed without end
            verify_password(password, None)
            _announce_lock(request, name, network, limit)
            return None
    before = read_user(request.oidc.database, name)
    shared_keys = [limit.key for limit in shared] + ([address_key] if browser is None else [])
    try:
        known = request.oidc.provider.user_directory.authenticate(request, username, password)
    except (Busy, DirectoryUnavailable):

        def uncount(dbsession: Session) -> None:
            for key in (own.key, *shared_keys):
                give_back(dbsession, key)

        request.oidc.database.run(uncount)
        request.oidc.database.commit()
        raise
    user = None if known is None else account_of(request, known)
    if user is not None and before is not None and before.id == user.id:
        # A password that was changed while it was checked signs nobody in.
        user = replace(user, generation=before.generation)
    if user is None:
        _announce_rejection(request, "login_failed", before)
        return None

    def forget(dbsession: Session) -> None:
        reset(dbsession, own.key)
        for key in shared_keys:
            give_back(dbsession, key)

    request.oidc.database.run(forget)
    return user


def unlock(provider: Provider, dbsession: Session, username: str) -> bool:
    """Forget the failed attempts of a user name; return whether there were any."""
    return clear(dbsession, _whose(keyed_name(provider, normalise_username(username)))) > 0


def keyed_name(provider: Provider, name: str) -> str:
    """Return a keyed digest of a user name, for the keys of counters.

    Users type their passwords into that field, and a plain digest could be found by trying.
    """
    digests: list[str] = provider.sealer(PURPOSE).digests(name)
    return digests[0]


def _limits(settings: Any, name: str, network: str, browser: str | None) -> tuple[_Limit, ...]:
    """Return the limits of an attempt; the first is that of the requester alone."""
    attempts = settings["oidc.login_attempts"]
    if browser is not None:
        return (_Limit(f"login browser:{browser} {name}", attempts, "name and browser"),)
    return (
        _Limit(f"login:{network} {name}", attempts, "name and network"),
        _Limit(f"login name:{name}", settings["oidc.login_attempts_per_name"], "name"),
    )


def _whose(name: str) -> str:
    return f"login:{name}"


def _announce_lock(request: Request, name: str, network: str, limit: _Limit) -> None:
    """Announce which user is locked, from which network and by which limit.

    An unknown name is not told: users type their password into that field.
    """
    user = read_user(request.oidc.database, name)
    details = {"network": network, "counted_by": limit.counted_by}
    if user is not None:
        details |= {"username": user.username, "user_id": user.id}
    announce(OAuthEvent(request, "login_locked", details))


def _announce_rejection(request: Request, name: str, user: UserRecord | None = None) -> None:
    # Not the user name: users type their password into its field.
    announce(OAuthEvent(request, name, {} if user is None else {"user_id": user.id}))
