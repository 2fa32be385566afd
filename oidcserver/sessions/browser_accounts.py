"""The accounts that are signed in in one browser, each by a login session of its own.

One of them is the present account: pages are about it, and its session is
``request.oidc.login_session``. Its credential is in the cookie ``session``, as in a browser with
one account; the credentials of the others are in the cookie ``accounts``, the latest used first.
A browser with one account does not have that cookie, and nothing is read for it.

The present account changes where the user signs in or chooses another account, and by no link. If
its session ends, no other account takes its place by itself: the login page offers those that are
still signed in.

How long a session lives, when and how its user signed in is a matter of each session alone.
"""

from collections.abc import Sequence
from functools import cached_property

from pyramid.response import Response

from oidcserver.http.cookies import read_cookie, write_cookie
from oidcserver.models import LoginSessionRecord
from oidcserver.models.login_session import find_login_session, touch_login_session
from oidcserver.settings import integer
from oidcserver.types import LoginSession, Request

COOKIE, OTHERS = "session", "accounts"
SETTING = "oidc.accounts_per_browser"
LOGIN_ROUTE = "oidc.login_route"
MOST = 10
#: Between the credentials; none has this character.
_SEPARATOR = "."


def number_of_accounts(raw: str) -> int:
    """Return the number of accounts that a browser may have."""
    try:
        number = integer(raw)
    except ValueError:
        number = 0
    if not 1 <= number <= MOST:
        raise ValueError(f"a whole number from 1 to {MOST}")
    return number


class BrowserAccounts:
    """``request.oidc.accounts``: the live login sessions of a browser, each of another account."""

    def __init__(self, request: Request) -> None:
        self._request = request
        #: The credentials of the sessions that were read, by the identifiers of the sessions.
        self._tokens: dict[str, str] = {}
        self._sends = False

    @cached_property
    def present(self) -> LoginSession | None:
        """The session of the present account, or None. To read it counts as its use."""
        session = self._read(read_cookie(self._request, COOKIE))
        if session is not None:
            self._touch(session)
        return session

    @cached_property
    def others(self) -> Sequence[LoginSession]:
        """The sessions of the other accounts, the latest used first."""
        credentials = read_cookie(self._request, OTHERS)
        if not credentials or self.limit == 1:
            return ()
        sessions: dict[str, LoginSession] = {}
        for token in credentials.split(_SEPARATOR)[: self.limit]:
            session = self._read(token)
            if session is not None:
                sessions.setdefault(session.user_id, session)
        if self.present is not None:
            sessions.pop(self.present.user_id, None)
        return tuple(sessions.values())[: self.limit - 1]

    @property
    def limit(self) -> int:
        """How many accounts a browser may have; one where users sign in at the application."""
        settings = self._request.oidc.provider.settings
        limit: int = 1 if settings[LOGIN_ROUTE] else settings[SETTING]
        return limit

    def all(self) -> Sequence[LoginSession]:
        """Return the sessions, that of the present account first."""
        return self.others if self.present is None else (self.present, *self.others)

    def find(self, session_id: str) -> LoginSession | None:
        """Return the session with that identifier, if this browser has it."""
        return next((it for it in self.all() if it.id == session_id), None)

    def of_user(self, user_id: str) -> LoginSession | None:
        """Return the session of an account, if this browser has one."""
        return next((it for it in self.all() if it.user_id == user_id), None)

    def displaced_by(self, user_id: str) -> Sequence[LoginSession]:
        """Return the sessions for which there is no place beside that of a user."""
        return [it for it in self.all() if it.user_id != user_id][self.limit - 1 :]

    def add(self, token: str, session: LoginSession) -> None:
        """Make a session the present one that has just begun, or got a new credential."""
        others = [it for it in self.all() if it.user_id != session.user_id]
        self._tokens[session.id] = token
        self.present, self.others = session, others[: self.limit - 1]
        self.send()

    def use(self, session: LoginSession) -> None:
        """Let this request be about a session of this browser; the present account stays."""
        self._request.oidc.login_session = session
        self._touch(session)

    def switch(self, session: LoginSession) -> None:
        """Make the account of a session of this browser the present one."""
        if self.present is None or session.id != self.present.id:
            rest = [it for it in self.all() if it.id != session.id]
            self.present, self.others = session, rest
            self.send()
        self.use(session)

    def forget(self, session_id: str) -> None:
        """Leave a session out that has ended; one of another browser is ignored."""
        if self._tokens.pop(session_id, None) is None:
            return
        rest = [it for it in self.others if it.id != session_id]
        if self.present is not None and self.present.id == session_id:
            self.present = None
        self.others = rest
        self.send()

    def send(self) -> None:
        """Let the response of this request set the cookies that have changed by then."""
        if not self._sends:
            self._request.add_response_callback(self._send)
            self._sends = True

    def _send(self, request: Request, response: Response) -> None:
        others = _SEPARATOR.join(self._tokens[it.id] for it in self.others)
        present = self._tokens[self.present.id] if self.present is not None else ""
        for name, value in ((COOKIE, present), (OTHERS, others)):
            if value != (read_cookie(request, name) or ""):
                write_cookie(request, response, name, value or None)

    def _read(self, token: str | None) -> LoginSessionRecord | None:
        if not token:
            return None
        idle = self._request.oidc.provider.settings["oidc.session_idle_lifetime"]
        session = find_login_session(self._request.oidc.database, token, idle)
        if session is not None:
            self._tokens[session.id] = token
        return session

    def _touch(self, session: LoginSession) -> None:
        touch_login_session(self._request.oidc.database, session.id, session.last_seen_at)
