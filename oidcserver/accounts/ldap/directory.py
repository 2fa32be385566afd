"""The directory that ``oidc.user_directory = ldap`` selects."""

from collections.abc import Mapping, Sequence

from oidcserver.accounts.ldap.names import PLACES
from oidcserver.accounts.passwords import MAX_PASSWORD_BYTES
from oidcserver.http.waiting import TooManyWaiting
from oidcserver.interfaces import DirectoryUnavailable, DirectoryUser
from oidcserver.models.user import MAX_USERNAME
from oidcserver.types import Registry, Request


class LdapDirectory:
    """Users whose passwords and groups an LDAP server has.

    Claims and groups are stored at the sign-in, and again whenever users are checked
    (``oidc.directory_sync_interval``), so no token request waits for the server.
    """

    def authenticate(self, request: Request, username: str, password: str) -> DirectoryUser | None:
        """Ask the LDAP server whose password this is.

        An empty password is never sent, since a server may take it for a bind without a name (RFC
        4513 section 5.1.2).

        :raises DirectoryUnavailable: if the server does not answer in time, or if
            ``oidc.ldap_places`` sign-ins wait for it already.
        """
        from oidcserver.accounts.ldap.sign_in import sign_in_user

        if not _is_sent(username, password):
            return None
        try:
            with request.registry.oidc.ldap_places.taken():
                return sign_in_user(request.oidc.provider.settings, username, password)
        except TooManyWaiting as problem:
            raise DirectoryUnavailable(
                f"Too many sign-ins wait for the LDAP server ({PLACES}).",
                problem.retry_after,
            ) from None

    def find(self, registry: Registry, identifiers: Sequence[str]) -> Mapping[str, DirectoryUser]:
        """Return the users with these identifiers who may sign in."""
        from oidcserver.accounts.ldap.sign_in import look_up_users

        return look_up_users(registry.oidc.provider.settings, identifiers)


def _is_sent(username: str, password: str) -> bool:
    if "\0" in username + password or len(username) > MAX_USERNAME:
        return False
    try:
        return bool(username.strip()) and 0 < len(password.encode()) <= MAX_PASSWORD_BYTES
    except UnicodeEncodeError:
        return False
