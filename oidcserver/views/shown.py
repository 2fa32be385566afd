"""A decision allows what its page showed, and nothing else.

A client may change while a page is open. So the form of each page that asks a user has the field
``shown``, and the page is shown again if the client or its request is another one by then.
"""

import json
from collections.abc import Collection, Sequence
from typing import Any

from oidcserver.credentials import digest
from oidcserver.models import RegisteredClient
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oidc.claims import claims_beyond_scopes
from oidcserver.texts import _
from oidcserver.types import Request

FIELD = "shown"
CHANGED = _("The application has changed since you opened this page. Read the page again.")


def digest_of(
    client: RegisteredClient,
    scope: str,
    claims: Sequence[str] = (),
    resources: Collection[str] = (),
    details: Sequence[Any] = (),
) -> str:
    """Return a digest of a client as it is registered, and of the access that it asks for."""
    values = [client.client_metadata, scope, [*claims], [*resources], [*details]]
    return digest(json.dumps(values, sort_keys=True))


def shown_of(asking: AuthorizationRequest) -> str:
    """Return the digest of an authorization request."""
    assert asking.client is not None
    return digest_of(
        asking.client,
        asking.scope,
        single_claims(asking),
        asking.resources,
        asking.authorization_details or (),
    )


def is_as_shown(request: Request, shown: str) -> bool:
    """Whether a form was shown with a digest; :data:`CHANGED` tells the user that it was not."""
    return bool(request.POST.get(FIELD) == shown)


def single_claims(asking: AuthorizationRequest) -> list[str]:
    """Return the claims that a request names and its scopes do not include."""
    return claims_beyond_scopes(asking.provider, asking.claims_request, asking.scope.split())
