"""The requests to upstreams, and their metadata."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oidcserver.http.addresses import RejectedURL, parse_url
from oidcserver.http.outbound import HostTimedOut, OutboundFetchError
from oidcserver.http.waiting import TooManyWaiting
from oidcserver.interfaces.upstream import STAY, Upstream
from oidcserver.keys.strict_json import parse_object
from oidcserver.types import FetchResult, OutboundFetcher, WaitingPlaces

#: Seconds that metadata is used before it is fetched again, and further ones while its host is
#: away.
MAX_AGE, MAX_STALE = 3600, 86400
ACCEPT = "application/json"


class UpstreamFailed(Exception):
    """A sign-in at an upstream did not succeed. ``reason`` is for the log.

    :param by_user: whether the user may have caused it, as by the button "Cancel".
    """

    def __init__(self, reason: str, *, by_user: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.by_user = by_user


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of an upstream.

    OpenID Connect Discovery section 3, RFC 9207 and RP-Initiated Logout section 2.1.
    """

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    sends_issuer: bool
    #: Empty if it has none.
    end_session_endpoint: str


class UpstreamHosts:
    """Asks upstreams; one object serves every thread.

    After an upstream did not answer in time, no thread waits for it for twice that time.

    :param places: those of all requests that wait for other hosts.
    :param loopback: whether endpoints may have http URLs, of this machine.
    """

    def __init__(self, fetcher: OutboundFetcher, places: WaitingPlaces, *, loopback: bool) -> None:
        self._fetcher = fetcher
        self._places = places
        self._loopback = loopback
        self._known: dict[str, tuple[Metadata, float]] = {}
        self._paused_until: dict[str, float] = {}

    def ask(
        self, upstream: Upstream, call: Callable[[OutboundFetcher], FetchResult]
    ) -> tuple[int, dict[str, Any]]:
        """Return status and JSON object of an answer.

        :raises UpstreamFailed: if there is no such answer.
        """
        if time.monotonic() < self._paused_until.get(upstream.name, 0.0):
            raise UpstreamFailed("It did not answer a moment ago.")
        try:
            # The operator chose the upstreams: one may take all places, as the LDAP server may.
            with self._places.taken():
                result = call(self._fetcher)
        except HostTimedOut as problem:
            self._paused_until[upstream.name] = time.monotonic() + 2 * self._fetcher.timeout
            raise UpstreamFailed(problem.reason) from None
        except OutboundFetchError as problem:
            raise UpstreamFailed(problem.reason) from None
        except TooManyWaiting:
            raise UpstreamFailed("Too many requests wait for other hosts.") from None
        try:
            return result.status, parse_object(result.body)
        except ValueError as problem:
            reason = f"Its answer with status {result.status} cannot be used: {problem}."
            raise UpstreamFailed(reason) from None

    def metadata(self, upstream: Upstream) -> Metadata:
        """Return the metadata of an upstream, which is fetched once in a while.

        :raises UpstreamFailed: if it cannot be had or used.
        """
        known = self._known.get(upstream.name)
        age = time.monotonic() - known[1] if known is not None else 0.0
        if known is not None and age < MAX_AGE:
            return known[0]
        try:
            found = self._fetch_metadata(upstream)
        except UpstreamFailed:
            if known is not None and age < MAX_AGE + MAX_STALE:
                return known[0]
            raise
        self._known[upstream.name] = found, time.monotonic()
        return found

    def _fetch_metadata(self, upstream: Upstream) -> Metadata:
        status, document = self.ask(upstream, lambda it: it.get(upstream.metadata_url, ACCEPT))
        if status != 200:
            raise UpstreamFailed(f"Its metadata has status {status}.")
        if document.get("issuer") != upstream.issuer:
            raise UpstreamFailed("Its metadata names another issuer.")
        urls = {
            name: self._url(document, name)
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        }
        userinfo = self._url(document, "userinfo_endpoint") if upstream.userinfo else ""
        promised = document.get("authorization_response_iss_parameter_supported") is True
        logout = ""
        if upstream.logout != STAY and "end_session_endpoint" in document:
            logout = self._url(document, "end_session_endpoint")
        return Metadata(
            **urls, userinfo_endpoint=userinfo, sends_issuer=promised, end_session_endpoint=logout
        )

    def _url(self, document: dict[str, Any], name: str) -> str:
        url = document.get(name)
        try:
            parse_url(str(url), allow_http=self._loopback)
        except RejectedURL as problem:
            raise UpstreamFailed(f"Its {name} cannot be used. {problem}") from None
        return str(url)
