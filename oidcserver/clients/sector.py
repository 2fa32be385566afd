"""Sector identifiers (OpenID Connect Registration 1.0 section 5)."""

import json
from collections.abc import Mapping
from typing import Any

from oidcserver.clients.cross_rules import REDIRECTED
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.clients.uris import https_host
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.oauth.waiting import cause_of, waiting_for_a_host
from oidcserver.types import Request

MEMBER = "sector_identifier_uri"


def require_redirects(metadata: Mapping[str, Any]) -> None:
    """Reject the sector of a host for a client that registers itself and has other grants.

    Redirect URIs connect a client with a host, because the host receives the answers. With the
    device grant and others, anybody could name the redirect URIs or the ``sector_identifier_uri``
    of another host, and learn its subjects.

    :raises InvalidClientMetadata: if it has such a grant.
    """
    others = set(metadata["grant_types"]) - REDIRECTED
    uris = [*metadata["redirect_uris"], metadata.get(MEMBER, "")]
    if metadata["subject_type"] == "pairwise" and others and any(map(https_host, uris)):
        raise InvalidClientMetadata(
            "subject_type",
            "The pairwise subjects of a host are for clients that receive all answers at redirect "
            f"URIs: the grant type {min(others)} requires the subject_type public.",
        )


def check_sector_identifier(
    request: Request, metadata: Mapping[str, Any], *, anybody: bool
) -> None:
    """Check that the document at ``sector_identifier_uri`` names every redirect URI.

    Otherwise a client could join the sector of another and learn its subjects. The transaction
    ends (see :func:`waiting_for_a_host`).

    :param anybody: whether anybody can register the client.
    :raises InvalidClientMetadata: if it does not, or cannot be fetched.
    """
    uri = metadata.get(MEMBER)
    if uri is None:
        return
    cause = cause_of(request, "sector identifier", anybody=anybody)
    try:
        with waiting_for_a_host(request):
            result = request.registry.oidc.remote_documents.get(uri, "application/json", cause)
        named = json.loads(result.body) if result.status == 200 else None
    except (OutboundFetchError, ValueError, RecursionError):
        named = None
    if not isinstance(named, list) or not all(isinstance(item, str) for item in named):
        raise InvalidClientMetadata(MEMBER, f"{MEMBER} does not lead to a JSON list of URIs.")
    if not set(metadata["redirect_uris"]) <= set(named):
        raise InvalidClientMetadata(MEMBER, f"{MEMBER} does not name every redirect URI.")
