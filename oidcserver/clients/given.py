"""The identifier and the secret of a client that moves here from another server."""

import re
from collections.abc import Mapping
from typing import Any

from oidcserver.clients.document_urls import client_url_problem
from oidcserver.clients.needed_secret import SIGNED, needs_readable_secret, needs_secret
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.types import Provider

#: Characters that need no escape in a URL's path, a Basic header or a shell.
_CLIENT_ID = re.compile(r"[A-Za-z0-9._~@+][A-Za-z0-9._~@+:-]{0,63}", re.ASCII)
#: RFC 6749 appendix A.2, without the space.
_SECRET = re.compile(r"[!-~]{1,512}", re.ASCII)
#: Secrets are stored as digests, which is only safe for secrets that cannot be guessed.
MIN_SECRET = 24
#: The shortest key of each algorithm in octets (RFC 7518 section 3.2).
_KEY_OCTETS = {"HS256": 32, "HS384": 48, "HS512": 64}


def check_client_id(provider: Provider, client_id: str) -> None:
    """Check the characters and the length of an identifier.

    It may be the URL where the client publishes its metadata for other servers: a registered client
    is never fetched (OAuth Client ID Metadata Document, section "Pre-Registering").

    :raises InvalidClientMetadata: if it is malformed.
    """
    if client_id.startswith(("https://", "http://")):
        problem = client_url_problem(provider, client_id)
        if problem is not None:
            raise InvalidClientMetadata("client_id", f"The client_id is a URL. {problem}")
    elif not _CLIENT_ID.fullmatch(client_id):
        raise InvalidClientMetadata(
            "client_id",
            "A client_id has 1 to 64 letters, digits and characters of . _ ~ @ + : - "
            "and begins with neither of the last two, or is an https URL.",
        )


def check_client_secret(metadata: Mapping[str, Any], secret: str) -> None:
    """Check that a secret fits a client of this metadata.

    :raises InvalidClientMetadata: if it does not; the sentence never quotes the secret.
    """
    if not needs_secret(metadata):
        method = metadata["token_endpoint_auth_method"]
        raise InvalidClientMetadata("client_secret", f"A client of {method} has no secret.")
    if not _SECRET.fullmatch(secret):
        raise InvalidClientMetadata(
            "client_secret",
            "A client_secret has up to 512 printable ASCII characters and no space.",
        )
    needed = needed_length(metadata)
    if len(secret) < needed:
        raise InvalidClientMetadata(
            "client_secret",
            f"A client_secret of this client has at least {needed} characters.",
        )


def needed_length(metadata: Mapping[str, Any]) -> int:
    """Return the least number of characters of a secret, or of the key that it serves as."""
    if not needs_readable_secret(metadata):
        return MIN_SECRET
    algorithms = [metadata.get(member) for member in (*SIGNED, "token_endpoint_auth_signing_alg")]
    used = [_KEY_OCTETS[name] for name in algorithms if name in _KEY_OCTETS]
    return max(used, default=_KEY_OCTETS["HS256"])
