"""The checks of requests against a registered client (RFC 7591)."""

import ipaddress
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin

from oidcserver import clock
from oidcserver.credentials import matches

DEFAULTS: dict[str, Any] = {
    # RFC 7591 section 2, OpenID Connect Registration section 2
    "redirect_uris": [],
    "grant_types": ["authorization_code"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "client_secret_basic",
    "id_token_signed_response_alg": "RS256",
    "application_type": "web",
    "subject_type": "public",
    "scope": "",
    "contacts": [],
}

_LOOPBACK = re.compile(
    r"http://(?P<host>localhost|[0-9.]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<rest>(?:/[!\"$-~]*)?)"
)


class RegisteredClient(ClientMixin):
    """The methods of rows and records of clients, including those of Authlib's ``ClientMixin``."""

    if TYPE_CHECKING:

        def __getattr__(self, column: str) -> Any: ...

    def member(self, name: str) -> Any:
        """Return a registered member, its standard default, or None."""
        value = self.client_metadata.get(name)
        return DEFAULTS.get(name) if value is None else value

    @property
    def client_name(self) -> str:
        """The name to show; a client without one is shown by its identifier."""
        name: str = self.member("client_name") or self.client_id
        return name

    @property
    def redirect_uris(self) -> Sequence[str]:
        """The registered redirection URIs."""
        uris: Sequence[str] = self.member("redirect_uris")
        return uris

    @property
    def token_endpoint_auth_method(self) -> str:
        """The one method by which this client authenticates."""
        method: str = self.member("token_endpoint_auth_method")
        return method

    @property
    def authentication_methods(self) -> Sequence[str]:
        """The methods by which this client may authenticate.

        It is one, except for a client whose document leaves the choice to the server (OpenID
        Connect Relying Party Metadata Choices 1.0): its document is the same for every server, so
        nobody tells it about the choice.
        """
        methods: Sequence[str] | None = self.member("token_endpoint_auth_methods_supported")
        return methods or (self.token_endpoint_auth_method,)

    @property
    def publishes_itself(self) -> bool:
        """Whether the client_id is the URL of a document with the metadata of the client."""
        return self.document_expires_at is not None

    @property
    def document_host(self) -> str:
        """The host where the client publishes its metadata: all that is known for sure."""
        return urlsplit(self.client_id).netloc if self.publishes_itself else ""

    @property
    def is_public(self) -> bool:
        """Whether the client has no credentials (RFC 6749 section 2.1)."""
        return self.token_endpoint_auth_method == "none"

    @property
    def scopes(self) -> Sequence[str]:
        """The registered scopes."""
        return tuple(self.member("scope").split())

    def get_client_id(self) -> str:
        """Authlib's name for ``client_id``."""
        client_id: str = self.client_id
        return client_id

    def get_default_redirect_uri(self) -> str | None:
        """Return the one registered URI; None where there are several or none."""
        return self.redirect_uris[0] if len(self.redirect_uris) == 1 else None

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return the requested scopes that are registered, each once, in their order."""
        allowed = set(self.scopes)
        return " ".join(word for word in dict.fromkeys((scope or "").split()) if word in allowed)

    def check_redirect_uri(self, redirect_uri: str, *, localhost_any_port: bool = False) -> bool:
        """Compare as strings (RFC 9700 section 4.1); the port of a loopback address may differ
        (RFC 8252 section 7.3).

        :param localhost_any_port: whether the port of ``http://localhost`` may differ too, where
            the client is a native application (RFC 9700 section 4.1.3, RFC 8252 section 8.3). It
            may in any case if the client publishes its metadata: such a document is the same for
            every installation, and cannot name the port.
        """
        if redirect_uri in self.redirect_uris:
            return True
        asked = _loopback_without_port(redirect_uri)
        if asked is None:
            return False
        if asked[0] == "localhost":
            native = self.member("application_type") == "native"
            if not (native and (localhost_any_port or self.publishes_itself)):
                return False
        return any(asked == _loopback_without_port(registered) for registered in self.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare in constant time with the secret and, while it lasts, the one before."""
        now = clock.now()
        current = _live(self.secret_digest, self.secret_expires_at or 0, now, forever_at_zero=True)
        previous = _live(self.previous_secret_digest, self.previous_secret_expires_at or 0, now)
        matched = [matches(client_secret, stored) for stored in (current, previous) if stored]
        return any(matched)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether the client may use this method; one registration holds everywhere."""
        return method in self.authentication_methods

    def check_response_type(self, response_type: str) -> bool:
        """Whether the client registered this response type; the order of words is free."""
        asked = set(response_type.split())
        return any(asked == set(registered.split()) for registered in self.member("response_types"))

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether the client registered this grant type."""
        return grant_type in self.member("grant_types")


def _live(
    digest: str | None, expires_at: int, now: int, *, forever_at_zero: bool = False
) -> str | None:
    if digest is None or (forever_at_zero and expires_at == 0):
        return digest
    return digest if expires_at > now else None


def _loopback_without_port(uri: str) -> tuple[str, str] | None:
    """Return the parts before and after the port in an http URI of a loopback address.

    A grammar is used instead of a URL parser: parsers drop a TAB, accept a backslash, and disagree.
    """
    match = _LOOPBACK.fullmatch(uri)
    if match is None or int(match["port"] or 0) > 65535:
        return None
    host = match["host"]
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return None
    return (host, match["rest"]) if loopback else None
