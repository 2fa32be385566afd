"""The URLs that clients may have as client_id: where they publish their metadata.

OAuth Client ID Metadata Document, section "Client Identifier".
"""

from urllib.parse import unquote, urlsplit

from oidcserver.http import allowed_addresses
from oidcserver.http.addresses import RejectedURL, is_loopback, parse_url
from oidcserver.types import Provider

SELECTED = "oauth.client_id_metadata_documents"
HOSTS = "oauth.client_document_hosts"
#: The length of the column.
MAX_URL = 255


def is_document_url(provider: Provider, client_id: str) -> bool:
    """Whether a client_id is the URL of a document, well-formed or not, of which we accept some.

    http is for this machine alone, in development.
    """
    if not (client_id.startswith(("https://", "http://")) and provider.settings[SELECTED]):
        return False
    return client_id.startswith("https:") or allowed_addresses(provider.settings).loopback


def document_url_problem(provider: Provider, url: str) -> str | None:
    """Return why no document is fetched from a URL, as a sentence; None if it may be."""
    problem = client_url_problem(provider, url)
    if problem is not None:
        return problem
    host, hosts = urlsplit(url).hostname or "", provider.settings[HOSTS]
    if hosts and not any(_is_at(host, name) for name in hosts):
        return f"{HOSTS} does not name the host of the URL."
    return None


def client_url_problem(provider: Provider, url: str) -> str | None:
    """Return why a URL is no client_id, as a sentence; None if it is well-formed.

    URLs are compared as strings, so only one spelling of a URL can be accepted.
    """
    if len(url) > MAX_URL:
        return f"The URL is longer than {MAX_URL} characters."
    try:
        target = parse_url(url, allow_http=allowed_addresses(provider.settings).loopback)
    except RejectedURL as problem:
        return str(problem)
    if target.scheme == "http" and not is_loopback(target.host):
        return "The URL must begin with https://."
    if "#" in url:
        return "The URL has a fragment."
    path = urlsplit(url).path
    if not path:
        return "The URL has no path."
    segments = unquote(path).replace("\\", "/").split("/")
    if not {".", ".."}.isdisjoint(segments):
        return "The URL has a path with dot segments."
    if any(character < " " or character == "\x7f" for character in unquote(path)):
        return "The URL has a control character."
    return None


def _is_at(host: str, name: str) -> bool:
    """Whether a host has a name; a name that begins with a dot stands for every name below it."""
    name = name.lower()
    return host.endswith(name) if name.startswith(".") else host == name
