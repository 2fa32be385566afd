"""When an authorization request needs the person: to sign in, or to decide on consent."""

from typing import Any

from oidcserver.models import Consent
from oidcserver.models.consent import find_consent
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oidc.claims import claims_beyond_scopes, narrow_claims_request


def login_needed(request: AuthorizationRequest) -> str | None:
    """Ask to sign in: nobody is, or the request wants it again (OpenID Connect Core 3.1.2.1)."""
    session = request.http_request.login_session
    if session is None:
        return "login_required"
    if request.suspended and request.suspended.authenticated_session_id == session.id:
        return None
    if "login" in request.prompt or _too_old(request, session.auth_time):
        return "login_required"
    return "account_selection_required" if _choice_needed(request, session.id) else None


def may_choose(request: AuthorizationRequest) -> bool:
    """Whether the person may go on as who they are, and has to say so (prompt=select_account)."""
    return login_needed(request) == "account_selection_required"


def _choice_needed(request: AuthorizationRequest, session_id: str) -> bool:
    suspended = request.suspended
    chosen = suspended.selected_session_id if suspended is not None else None
    return "select_account" in request.prompt and chosen != session_id


def _too_old(request: AuthorizationRequest, auth_time: int) -> bool:
    # max_age=0 is prompt=login, also within the second of the last login.
    max_age = request.max_age
    return max_age is not None and (max_age == 0 or request.http_request.now > auth_time + max_age)


def consent_needed(request: AuthorizationRequest) -> str | None:
    """Ask what to allow, unless it was decided for this request or is remembered.

    :raises Rejection: ``access_denied`` if the person refused.
    """
    session = request.http_request.login_session
    suspended = request.suspended
    if suspended is not None and suspended.decided_by == session.user_id:
        if suspended.denied:
            raise Rejection(
                "access_denied",
                "The End-User denied the request.",
                rule="RFC 6749 section 4.1.2.1",
            )
        _narrow(request, suspended.allowed_scope or "", suspended.allowed_claims or "")
        return None
    if "consent" in request.prompt or not may_remember(request):
        return "consent_required"
    remembered = remembered_consent(request)
    if remembered is None or any(not_yet_allowed(request, remembered)):
        return "consent_required"
    return None


def not_yet_allowed(
    request: AuthorizationRequest, consent: Consent | None
) -> tuple[list[str], list[str]]:
    """Return the scopes, and the claims beyond all scopes, that no remembered consent covers."""
    scopes, allowed = request.scope.split(), consent.remembered_scope.split() if consent else []
    claims = claims_beyond_scopes(request.provider, request.claims_request, scopes + allowed)
    known = consent.remembered_claims.split() if consent else []
    return (
        [name for name in scopes if name not in allowed],
        [name for name in claims if name not in known],
    )


def may_remember(request: AuthorizationRequest) -> bool:
    """Whether an earlier consent may spare the question.

    Not for a public client that anything on the person's device may pose as, as a private-use
    scheme or a loopback address is not proof of who it is (RFC 8252 section 8.6).
    """
    client, redirect_uri = request.client, request.redirect_uri or ""
    assert client is not None
    return client.token_endpoint_auth_method != "none" or redirect_uri.startswith("https:")


def remembered_consent(request: AuthorizationRequest) -> Consent | None:
    """Return what the person allowed this client for good; None if nothing was."""
    http_request, client = request.http_request, request.client
    assert client is not None
    user_id = http_request.login_session.user_id
    consent = find_consent(http_request.registry.reader, user_id, client.client_id)
    return consent if consent is not None and consent.remembered else None


def _narrow(request: AuthorizationRequest, allowed_scope: str, allowed_claims: str) -> None:
    allowed = allowed_scope.split()
    scopes = [scope for scope in request.scope.split() if scope in allowed]
    request.scope = request.oauth_request.scope = " ".join(scopes)
    request.claims_request = narrow_claims_request(
        request.provider, request.claims_request, scopes, allowed_claims.split()
    )


def refuse_missing_pages(registry: Any) -> str | None:
    """An authorization endpoint without the pages that it sends people to cannot answer."""
    provider = registry.provider
    if "authorization" not in provider.endpoints:
        return None
    needed = {interaction.route_name for interaction in provider.interactions}
    missing = sorted(needed - provider.route_names)
    if missing:
        names = " and ".join(missing)
        return f"oidc.pages lacks {names}, to which the authorization endpoint sends users."
    return None


def includeme(config: Any) -> None:
    """Register the interactions, in their order."""
    config.add_interaction("login", login_needed, "login")
    config.add_interaction("consent", consent_needed, "consent", after="login")
    config.add_startup_check("pages of interactions", refuse_missing_pages)
    # What our pages are; other wishes are no error (OpenID Connect Core section 3.1.2.1).
    config.add_server_metadata("display_values_supported", ["page"])
    config.add_server_metadata("ui_locales_supported", ["en"])
