"""The parameters of challenges that depend on the view: where its metadata are, and its scopes."""

from oidcserver.oauth.errors import Rejection
from oidcserver.resource.protected_resources import ProtectedResource


def add_parameters(rejection: Rejection, resource: ProtectedResource, scope: str) -> None:
    """Add the parameters by which a client finds out how to get a token (RFC 9728 section 5.1).

    A challenge for a request without a token has the error too, although RFC 6750 section 3.1
    advises against it: some MCP clients start to sign in only then.

    :param scope: all scopes that the view requires.
    """
    further = {
        "error": rejection.error,
        "error_description": rejection.description,
        "scope": scope,
        "resource_metadata": resource.metadata_url,
    }
    rejection.headers = tuple(
        (name, _extended(value, further) if name == "WWW-Authenticate" else value)
        for name, value in rejection.headers
    )


def _extended(challenge: str, further: dict[str, str]) -> str:
    scheme, _, known = challenge.partition(" ")
    more = [
        f'{name}="{value}"' for name, value in further.items() if value and f'{name}="' not in known
    ]
    return f"{scheme} {', '.join([*filter(None, [known]), *more])}"
