"""Requests for a certain user: by ``id_token_hint``, or by a ``value`` of the claim ``sub``.

OpenID Connect Core sections 3.1.2.1, 3.1.2.2 and 5.5.1: such a request is not answered for another
user.
"""

from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.subjects import subject_of
from oidcserver.oidc.claims import MEMBERS, wanted_values
from oidcserver.oidc.id_token_hint import HINTED
from oidcserver.types import Configurator


def wanted_subjects(authorization_request: AuthorizationRequest) -> list[set[str]]:
    """Return the sets of subjects that the request accepts; the user must be in each of them."""
    hinted = authorization_request.extra.get(HINTED)
    choices = [
        wanted_values(authorization_request.claims_request, member, "sub") for member in MEMBERS
    ]
    return [set(choice) for choice in ([hinted] if hinted else [], *choices) if choice]


def another_user_needed(authorization_request: AuthorizationRequest) -> str | None:
    """Require another sign-in if the request names another user than the one who is signed in.

    :raises Rejection: ``login_required`` if another user has signed in for this request.
    """
    session = authorization_request.request.oidc.login_session
    choices = wanted_subjects(authorization_request)
    if session is None or not choices:
        return None
    assert authorization_request.client is not None
    subject = subject_of(authorization_request.request, authorization_request.client, session.user)
    if all(subject in choice for choice in choices):
        return None
    suspended = authorization_request.suspended
    if suspended is not None and suspended.authenticated_session_id == session.id:
        raise Rejection(
            "login_required",
            "The signed-in End-User is not the one that the request names.",
            rule="OpenID Connect Core section 3.1.2.2",
        )
    return "login_required"


def includeme(config: Configurator) -> None:
    """Register the interaction."""
    config.add_interaction(
        "subject", another_user_needed, "oidc.login", after="login", before="consent"
    )
