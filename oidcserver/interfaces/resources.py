"""Protected resources, which access tokens are for (RFC 8707), and the comparison of their URIs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

#: The characters of a URI (RFC 3986 section 2), without ``#``; none of them needs an escape in a
#: header.
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):([A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+)", re.ASCII)
#: The rest of a URI after http or https: host, port, path and query, and no user information.
_WEB = re.compile(
    r"//([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{0,5}))?(/[^?]*)?(\?.*)?", re.ASCII
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URI = 1000


def resource_key(uri: str) -> str:
    """Return the form in which two URIs of one resource are equal.

    Scheme and host are in lower case and the default port is left out (RFC 3986 sections 6.2.2.1
    and 6.2.3). The path and the query stay as they are, so a trailing slash is significant; only an
    empty path is the same as ``/``.

    :raises ValueError: if it is not an absolute URI without a fragment (RFC 8707 section 2).
    """
    match = _URI.fullmatch(uri) if len(uri) <= MAX_URI else None
    if match is None:
        raise ValueError("is not an absolute URI without a fragment")
    scheme, rest = match[1].lower(), match[2]
    if scheme not in _DEFAULT_PORTS:
        return f"{scheme}:{rest}"
    match = _WEB.fullmatch(rest)
    if match is None:
        raise ValueError("is not an absolute URI without user information")
    host, port, path, query = match.groups("")
    default = not port or int(port) == _DEFAULT_PORTS[scheme]
    return f"{scheme}://{host.lower()}{'' if default else f':{int(port)}'}{path or '/'}{query}"


def is_same_resource(uri: str, other: str) -> bool:
    """Whether two texts are the same or name the same resource."""
    if uri == other:
        return True
    try:
        return resource_key(uri) == resource_key(other)
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that access tokens may be for; ``uri`` is their audience."""

    uri: str
    #: The scopes that it defines. Those of them that return no claims exist only in its tokens.
    scopes: Sequence[str] = ()
    #: Its name on the consent page; empty: its host.
    name: str = ""
    #: None: as for any other token of the client.
    access_token_format: str | None = None
    #: In seconds; None: ``oauth.access_token_lifetime``.
    access_token_lifetime: int | None = None
    #: The clients that may ask for it; empty: every client.
    clients: frozenset[str] = frozenset()
    #: The client that is the resource server: it may introspect the tokens for this resource.
    server: str | None = None

    @property
    def place(self) -> str:
        """The host of the resource, or the whole URI if it has none."""
        return urlsplit(self.uri).netloc or self.uri

    def is_open_to(self, client_id: str) -> bool:
        """Whether a client may ask for tokens for it."""
        return not self.clients or client_id in self.clients
