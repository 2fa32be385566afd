"""The sender of a request, as rows keep it."""

from oidcserver.types import Request

MAX_USER_AGENT = 300
#: The address from a proxy may be any text.
MAX_ADDRESS = 64


def user_agent_of(request: Request) -> str:
    """Return the header ``User-Agent``, cut to the length that is stored."""
    return (request.user_agent or "")[:MAX_USER_AGENT]


def remote_address_of(request: Request) -> str:
    """Return the address of the client, cut to the length that is stored."""
    return (request.remote_addr or "")[:MAX_ADDRESS]
