"""The part of a query that is stored while the user is at an upstream, or reads a mail."""

from urllib.parse import urlencode

from oidcserver.types import Request

#: The fields by which a page knows where the user goes on and how the user has to sign in.
FIELDS = frozenset({"client_id", "request_uri", "next", "again", "acr"})
#: The longest query. Those of our own pages are shorter: a ``request_uri`` has up to 4,100
#: characters.
MAX_LENGTH = 8192


def onward_of(request: Request) -> str:
    """Return the fields of the query that are needed later; none if they are too long."""
    query = urlencode([(name, value) for name, value in request.GET.items() if name in FIELDS])
    return query if len(query) <= MAX_LENGTH else ""
