"""Asks the user directory about its users again: who may still sign in, under which name.

A directory with a method ``find`` is asked at least every ``oidc.directory_sync_interval`` about
each user who is signed in or whose applications have access, and about those who had left. Every
process looks for accounts that are due, and one claims them. A directory that does not answer
changes nothing about the users that it was asked about.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pyramid.events import NewRequest
from pyramid.scripting import prepare
from sqlalchemy.orm import Session

from oidcserver import clock
from oidcserver.accounts.account import differs, keep_account
from oidcserver.interfaces import DirectoryUnavailable, DirectoryUser
from oidcserver.models import User
from oidcserver.models.directory_check import ClaimedAccount, claim_accounts, give_back_accounts
from oidcserver.models.user import note_left
from oidcserver.oauth.errors import Rejection
from oidcserver.operations.regular_look import RegularLook
from oidcserver.plugins.selection import SELECT
from oidcserver.sessions.ending import end_everything
from oidcserver.settings import seconds
from oidcserver.types import Configurator, Registry, Request

INTERVAL = "oidc.directory_sync_interval"
#: Accounts that the directory is asked about at once.
BATCH = 50
#: The longest time between two looks for accounts that are due, in seconds, and its part of the
#: interval.
LONGEST_PAUSE, PART = 60, 4

#: Returns those users with identifiers who may sign in, by their identifiers.
Find = Callable[[Registry, Sequence[str]], Mapping[str, DirectoryUser]]

log = logging.getLogger("oidcserver.directory")


class Checked(NamedTuple):
    """About how many users the directory was asked, and what followed."""

    users: int
    #: Users with another name or other claims, and those who are there again.
    changed: int
    #: Users whose sessions and tokens ended.
    ended: int


class DirectorySync(RegularLook):
    """The thread that asks; ``registry.oidc.directory_sync``.

    :param find: the method of the directory.
    :param interval: seconds after which each user is asked about again; 0: a command asks.
    """

    def __init__(self, registry: Registry, find: Find, interval: int) -> None:
        pause = min(LONGEST_PAUSE, max(1, interval // PART)) if interval else 0
        super().__init__("directory", pause)
        self._registry = registry
        self._find = find
        self._interval = interval

    def look(self) -> None:
        """Ask about the users who will be due before the next look."""
        try:
            self.check(clock.now() - self._interval + self._pause)
        except DirectoryUnavailable as problem:
            log.error("Not all users were checked: %s", problem)
        except Exception:
            log.exception("The users were not checked.")

    def check(self, before: int) -> Checked:
        """Ask about the users who were not asked about since a time; return the numbers.

        :raises DirectoryUnavailable: if the directory does not answer. Users that it has not told
            of are due again.
        """
        users = changed = ended = 0
        more = True
        while more and not self._stopped.is_set():
            claimed = self._claim(before)
            known = self._ask(claimed)
            users += len(claimed)
            for account in claimed:
                user = known.get(account.external_id)
                if user is not None:
                    changed += self._keep(account, user)
                elif not account.has_left:
                    self._end(account)
                    ended += 1
            more = len(claimed) == BATCH
        if changed or ended:
            log.info(
                "Of %d users, %d have another name or other claims or are there again, and the "
                "sessions and tokens of %d ended.",
                users,
                changed,
                ended,
            )
        return Checked(users, changed, ended)

    def _claim(self, before: int) -> list[ClaimedAccount]:
        realm, now = self._registry.oidc.provider.realm, clock.now()
        return self._registry.oidc.database.run(
            lambda dbsession: claim_accounts(dbsession, realm, before, now, BATCH)
        )

    def _ask(self, claimed: list[ClaimedAccount]) -> Mapping[str, DirectoryUser]:
        if not claimed:
            return {}
        try:
            return self._find(self._registry, [account.external_id for account in claimed])
        except BaseException:
            ids = [account.id for account in claimed]
            self._registry.oidc.database.run(lambda it: give_back_accounts(it, ids))
            raise

    def _end(self, account: ClaimedAccount) -> None:
        with prepare(registry=self._registry) as env:
            request: Request = env["request"]

            def end(dbsession: Session) -> int:
                note_left(dbsession, account.id, clock.now())
                return end_everything(request, account.id)

            ended = request.oidc.database.run(end)
        log.info(
            "The user %s may not sign in at the directory any more: %d authorizations ended.",
            account.id,
            ended,
        )

    def _keep(self, account: ClaimedAccount, user: DirectoryUser) -> bool:
        """Store the name and the claims of a user; return whether anything was changed."""
        realm = self._registry.oidc.provider.realm

        def keep(dbsession: Session) -> bool:
            row = dbsession.get(User, account.id)
            if row is None or not differs(row, user):  # the account may have been deleted
                return False
            keep_account(realm, user, dbsession)
            return True

        try:
            return self._registry.oidc.database.run(keep)
        except Rejection:  # another account has the name, which the log says
            return False


def _start(event: NewRequest) -> None:
    event.request.registry.oidc.directory_sync.start()


def includeme(config: Configurator) -> None:
    """Add the setting, and ask a directory that has a method ``find``."""
    config.add_oauth_setting(
        INTERVAL,
        seconds,
        600,
        "The longest time after which the user directory is asked again whether a user may sign "
        "in, if it can tell, as ldap can; 0: `oidcserver users sync` asks.",
    )

    def make() -> None:
        oidc = config.registry.oidc
        find = getattr(oidc.provider.user_directory, "find", None)
        if find is not None:
            interval = oidc.provider.settings[INTERVAL]
            oidc.directory_sync = DirectorySync(config.registry, find, interval)
            config.add_subscriber(_start, NewRequest)

    config.action(("oauth", "directory sync"), make, order=SELECT)
