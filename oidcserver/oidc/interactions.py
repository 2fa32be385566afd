"""The interactions of authorization requests: when the user has to sign in or to consent."""

from collections.abc import Sequence

from oidcserver.models import ConsentRecord
from oidcserver.models.consent import find_consent
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oidc.choice_of_account import choice_needed, choices, must_sign_in
from oidcserver.oidc.claims import claims_beyond_scopes, narrow_claims_request
from oidcserver.types import Configurator, LoginSession, Registry, Request

#: The time that a user has for the pages after a sign-in for a request, beyond its ``max_age``.
DECISION_SECONDS = 60


def login_needed(authorization_request: AuthorizationRequest) -> str | None:
    """Require a sign-in if no user is signed in or the request asks for another sign-in.

    Among several accounts the user chooses one first, and the age of its sign-in counts.

    OpenID Connect Core section 3.1.2.1.
    """
    request, max_age = authorization_request.request, authorization_request.max_age
    session = request.oidc.login_session
    if session is None:
        return "login_required"
    if (
        authorization_request.suspended
        and authorization_request.suspended.authenticated_session_id == session.id
    ):
        late = max_age is not None and _is_too_old(request, session, max_age + DECISION_SECONDS)
        return "login_required" if late else None
    if must_sign_in(authorization_request):
        return "login_required"
    choice = choice_needed(authorization_request)
    if choice is not None:
        return choice
    return "login_required" if is_older(request, session, max_age) else None


def is_older(request: Request, session: LoginSession, max_age: int | None) -> bool:
    """Whether the sign-in of a session does not satisfy a ``max_age``, in seconds; None: any does.

    A sign-in that is not :func:`complete <is_incomplete>` satisfies none.
    """
    if max_age is None:
        return False
    return _is_too_old(request, session, max_age) or is_incomplete(request, session)


def _is_too_old(request: Request, session: LoginSession, max_age: int) -> bool:
    return session.auth_time + max_age < request.oidc.now


def is_incomplete(request: Request, session: LoginSession) -> bool:
    """Whether a sign-in satisfies no request for a recent one, however short ago it was.

    A remembered device spared the second factor, or an upstream did not say when the user signed in
    there.
    """
    return not session.auth_time_known or request.oidc.lacks_second_factor(session)


def accounts_to_choose(authorization_request: AuthorizationRequest) -> Sequence[LoginSession]:
    """Return the accounts among which the login page lets the user choose.

    There are none if one is chosen, and has to sign in again.
    """
    session = authorization_request.request.oidc.login_session
    if session is not None and choice_needed(authorization_request) is None:
        return ()
    return choices(authorization_request)


def consent_needed(authorization_request: AuthorizationRequest) -> str | None:
    """Require consent, unless the user decided on this request or consented before.

    :raises Rejection: ``access_denied`` if the user denied access.
    """
    suspended = authorization_request.suspended
    user_id = authorization_request.login_session.user_id
    if suspended is not None and suspended.decided_by == user_id:
        if suspended.denied:
            raise Rejection(
                "access_denied",
                "The End-User denied the request.",
                rule="RFC 6749 section 4.1.2.1",
            )
        return None
    if skips_consent(authorization_request):
        return None
    if "consent" in authorization_request.prompt or not may_remember(authorization_request):
        return "consent_required"
    remembered = remembered_consent(authorization_request)
    if (
        remembered is None
        or any(not_yet_allowed(authorization_request, remembered))
        or not set(authorization_request.resources).issubset(remembered.remembered_resources or {})
    ):
        return "consent_required"
    return None


def narrow_to_decision(authorization_request: AuthorizationRequest) -> None:
    """Narrow scope and claims to those that the user allowed for this request, if one decided.

    Where :func:`consent_needed` decides about consent, there is one now, which has to go on.
    """
    interactions = authorization_request.provider.interactions
    asked = any(it.needed is consent_needed for it in interactions)
    authorization_request.consented = asked and not skips_consent(authorization_request)
    suspended = authorization_request.suspended
    if suspended is None or suspended.decided_by != authorization_request.login_session.user_id:
        return
    allowed = (suspended.allowed_scope or "").split()
    scopes = [scope for scope in authorization_request.scope.split() if scope in allowed]
    authorization_request.scope = authorization_request.oauth_request.scope = " ".join(scopes)
    authorization_request.claims_request = narrow_claims_request(
        authorization_request.provider,
        authorization_request.claims_request,
        scopes,
        (suspended.allowed_claims or "").split(),
    )


def not_yet_allowed(
    authorization_request: AuthorizationRequest, consent: ConsentRecord | None
) -> tuple[list[str], list[str]]:
    """Return the requested scopes and single claims that the remembered consent does not cover."""
    scopes = authorization_request.scope.split()
    allowed = _remembered_scopes(authorization_request, consent) if consent else []
    claims = claims_beyond_scopes(
        authorization_request.provider, authorization_request.claims_request, scopes + allowed
    )
    known = consent.remembered_claims.split() if consent else []
    return (
        [name for name in scopes if name not in allowed],
        [name for name in claims if name not in known],
    )


def _remembered_scopes(
    authorization_request: AuthorizationRequest, consent: ConsentRecord
) -> list[str]:
    """Return the scopes that are remembered for every resource of the request."""
    if not authorization_request.resources:
        return consent.remembered_scope.split()
    known = consent.remembered_resources or {}
    scopes = [known.get(uri, "").split() for uri in authorization_request.resources]
    return [name for name in scopes[0] if all(name in others for others in scopes)]


def may_remember(authorization_request: AuthorizationRequest) -> bool:
    """Whether an earlier consent may count for this request.

    It may not for a public client with a private-use scheme or a loopback address, since any
    program on the user's device can use its redirect URI (RFC 8252 section 8.6), nor for
    authorization details, which differ from request to request (RFC 9396 section 15).
    """
    client, redirect_uri = authorization_request.client, authorization_request.redirect_uri or ""
    assert client is not None
    if authorization_request.authorization_details:
        return False
    return client.token_endpoint_auth_method != "none" or redirect_uri.startswith("https:")


def skips_consent(authorization_request: AuthorizationRequest) -> bool:
    """Whether the client is the operator's own (``skip_consent``), and this request needs no user.

    A request with ``prompt=consent`` does, and so does one whose consent may not be remembered.
    """
    client = authorization_request.client
    assert client is not None
    asks = "consent" in authorization_request.prompt
    return client.skip_consent and not asks and may_remember(authorization_request)


def remembered_consent(authorization_request: AuthorizationRequest) -> ConsentRecord | None:
    """Return the remembered consent of the user to this client, or None."""
    request, client = authorization_request.request, authorization_request.client
    assert client is not None
    user_id = authorization_request.login_session.user_id
    consent = find_consent(request.oidc.database, user_id, client.client_id)
    return consent if consent is not None and consent.remembered else None


def require_pages(registry: Registry) -> str | None:
    """Require the pages that the authorization endpoint redirects users to."""
    provider = registry.oidc.provider
    if "authorization" not in provider.endpoints:
        return None
    needed = {interaction.route_name for interaction in provider.interactions}
    missing = sorted(needed - provider.route_names)
    if missing:
        names = " and ".join(name.removeprefix("oidc.") for name in missing)
        return f"oidc.pages lacks {names}, to which the authorization endpoint redirects users."
    return None


def includeme(config: Configurator) -> None:
    """Register the interactions, in their order."""
    config.add_interaction("login", login_needed, "oidc.login")
    config.add_interaction("consent", consent_needed, "oidc.consent", after="login")
    config.add_startup_check("pages of interactions", require_pages)
    # Requests may ask for other values: they are ignored (OpenID Connect Core section 3.1.2.1).
    config.add_server_metadata("display_values_supported", ["page"])
