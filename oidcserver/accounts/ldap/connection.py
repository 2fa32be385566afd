"""One connection to an LDAP server, whose every wait ends."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import ldap

from oidcserver.accounts.ldap import names
from oidcserver.interfaces import DirectoryUnavailable

#: The answers to a bind that reject the credentials. Every other failure is one of the server.
REFUSALS = (
    ldap.INVALID_CREDENTIALS,
    ldap.INAPPROPRIATE_AUTH,  # the entry has no password
    ldap.UNWILLING_TO_PERFORM,  # the account is locked
    ldap.CONSTRAINT_VIOLATION,  # too many wrong passwords
    ldap.INSUFFICIENT_ACCESS,
    ldap.NO_SUCH_OBJECT,
)


#: How OpenLDAP's library says that it rejects a certificate: with OpenSSL, and with GnuTLS, which
#: has no text for the library's own -1.
UNKNOWN = "(unknown error code)"
BAD_CERTIFICATE = ("certificate", UNKNOWN)


class Entry(NamedTuple):
    """An entry: its DN, and its values by the name of the attribute in lower case."""

    dn: str
    values: Mapping[str, Sequence[bytes]]


class TooManyEntries(Exception):
    """A search found more entries than were asked for, or than the server returns."""


class Connection:
    """A connection with a deadline, which begins before it is opened.

    :param handle: the connection of python-ldap, which opens itself at the first request.
    """

    def __init__(self, handle: Any, settings: Mapping[str, Any]) -> None:
        self._handle = handle
        self._settings = settings
        self.renew()

    def renew(self) -> None:
        """Begin the time of ``oidc.ldap_timeout`` anew."""
        seconds: int = self._settings[names.TIMEOUT]
        self._deadline = time.monotonic() + seconds

    def _seconds_left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise ldap.TIMEOUT
        return left

    def bind(self, dn: str, password: str) -> bool:
        """Return whether the password is that of an entry (RFC 4513 section 5.1).

        :param password: never empty where ``dn`` is not, since servers accept any name without one.
        """
        try:
            message = self._handle.simple_bind(dn, password)
            self._handle.result3(message, timeout=self._seconds_left())
        except REFUSALS:
            return False
        return True

    def bind_as_provider(self) -> None:
        """Go on as ``oidc.ldap_bind_dn``.

        :raises DirectoryUnavailable: if the server rejects it: no user is to blame for that.
        """
        if not self.bind(self._settings[names.BIND_DN], self._settings[names.BIND_PASSWORD]):
            raise DirectoryUnavailable(
                f"The LDAP server {_urls(self._settings)} rejects {names.BIND_DN} with "
                f"{names.BIND_PASSWORD}: correct the DN or the password."
            )

    def search(
        self, base: str, pattern: str, attributes: Sequence[str], most: int
    ) -> Sequence[Entry]:
        """Return the entries below a base that a filter finds. Referrals are left out.

        :param most: how many they may be.
        :raises TooManyEntries: if there are more.
        :raises DirectoryUnavailable: if the server has no entry with the base as its DN.
        """
        try:
            message = self._handle.search_ext(
                base, ldap.SCOPE_SUBTREE, pattern, list(attributes), sizelimit=most + 1
            )
            _, found, *_ = self._handle.result3(message, timeout=self._seconds_left())
        except ldap.SIZELIMIT_EXCEEDED:
            raise TooManyEntries from None
        except ldap.NO_SUCH_OBJECT:
            setting = names.BASE if base == self._settings[names.BASE] else names.GROUP_BASE
            raise DirectoryUnavailable(
                f"The LDAP server {_urls(self._settings)} has no entry {setting} = {base!r} that "
                f"{names.BIND_DN} may read."
            ) from None
        entries = [
            Entry(dn, {name.lower(): values for name, values in attributes.items()})
            for dn, attributes in found
            if dn is not None
        ]
        if len(entries) > most:
            raise TooManyEntries
        return entries


@contextmanager
def connected(settings: Mapping[str, Any]) -> Iterator[Connection]:
    """Connect to the LDAP server until the end of the ``with``.

    Referrals are not followed, so no password goes to another server. The certificate is verified,
    whatever the system's ldap.conf says.

    :raises DirectoryUnavailable: whenever the server does not answer as it should.
    """
    handle = ldap.initialize(" ".join(settings[names.URL]))
    connection = Connection(handle, settings)
    try:
        _set_options(handle, settings)
        if settings[names.STARTTLS] and not settings[names.URL][0].startswith("ldaps:"):
            handle.start_tls_s()
        yield connection
    except ldap.LDAPError as problem:
        raise DirectoryUnavailable(_sentence(problem, settings)) from None
    finally:
        with suppress(ldap.LDAPError):
            handle.unbind_s()


def _set_options(handle: Any, settings: Mapping[str, Any]) -> None:
    # Each server may let us wait for its connection and for TLS, and one for StartTLS.
    seconds = settings[names.TIMEOUT] / (2 * len(settings[names.URL]) + 1)
    options = [
        (ldap.OPT_PROTOCOL_VERSION, ldap.VERSION3),
        (ldap.OPT_REFERRALS, ldap.OPT_OFF),
        (ldap.OPT_NETWORK_TIMEOUT, seconds),
        (ldap.OPT_TIMEOUT, seconds),
        (ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND),
        (ldap.OPT_X_TLS_PROTOCOL_MIN, ldap.OPT_X_TLS_PROTOCOL_TLS1_2),
    ]
    if settings[names.CA_BUNDLE] is not None:
        options.append((ldap.OPT_X_TLS_CACERTFILE, str(settings[names.CA_BUNDLE])))
    for option in options:
        handle.set_option(*option)
    try:
        handle.set_option(ldap.OPT_X_TLS_NEWCTX, 0)  # the options of TLS count from here on
    except ValueError:
        raise DirectoryUnavailable(f"The file of {names.CA_BUNDLE} cannot be read.") from None


def _urls(settings: Mapping[str, Any]) -> str:
    return " ".join(settings[names.URL])


def _sentence(problem: ldap.LDAPError, settings: Mapping[str, Any]) -> str:
    """Say what failed, without the names of entries that some servers add."""
    server, seconds = f"The LDAP server {_urls(settings)}", settings[names.TIMEOUT]
    if isinstance(problem, ldap.TIMEOUT | ldap.TIMELIMIT_EXCEEDED):
        return f"{server} did not answer within {names.TIMEOUT} = {seconds} seconds."
    details = problem.args[0] if problem.args and isinstance(problem.args[0], dict) else {}
    words = str(details.get("desc") or type(problem).__name__)
    connecting = isinstance(problem, ldap.CONNECT_ERROR | ldap.SERVER_DOWN)
    more = str(details.get("info", "")) if connecting else ""
    shown = f" ({more})" if more and more != UNKNOWN else ""
    if any(text in more for text in BAD_CERTIFICATE):
        return (
            f"The TLS certificate of the LDAP server was not accepted{shown}: it has to be one "
            f"that {names.CA_BUNDLE} verifies (by default the system's authorities), and for the "
            f"host in {names.URL} = {_urls(settings)}."
        )
    if connecting:
        return (
            f"{server} cannot be reached: {words}{shown}. {names.TIMEOUT} = {seconds} seconds "
            "includes the time to connect."
        )
    return f"{server} failed: {words}."
