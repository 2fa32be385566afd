"""Decides whether a refresh token may still be used.

The registration, the login session and the settings may have changed since it was issued.
"""

from oidcserver.models import AuthorizationRecord, RefreshTokenRecord, RegisteredClient
from oidcserver.models.refresh_token import FoundRefreshToken
from oidcserver.oauth.grant_types import may_refresh
from oidcserver.types import Request


def reason_of_end(
    request: Request, client: RegisteredClient, found: FoundRefreshToken, allowed: str
) -> str | None:
    """Return why a refresh token is no longer valid, or None; reuse is checked elsewhere.

    Without ``offline_access`` it ends with the login session in which the user allowed it (OpenID
    Connect Core section 11), also if the session expired. Tokens without a session, such as those
    of the password grant, only end by their own lifetime.

    :param allowed: the scope that it still allows, of ``oauth.issuing.still_allowed``.
    """
    token, authorization, user, _, _ = found
    if authorization.revoked_at is not None or not user.may_sign_in:
        return "The authorization of the refresh token was revoked."
    if token.used_at is None and end_of(request, token, authorization) <= request.oidc.now:
        return "The refresh token has expired."
    if not may_refresh(request.oidc.provider, client) or bool(allowed) is not bool(token.scope):
        return "The client is no longer registered for refresh tokens, or for any scope of it."
    idle = request.oidc.provider.settings["oidc.session_idle_lifetime"]
    if ends_with_session(found, allowed) and not found.session_is_alive(request.oidc.now, idle):
        return "The login session that the refresh token belongs to has ended."
    return None


def end_of(request: Request, token: RefreshTokenRecord, authorization: AuthorizationRecord) -> int:
    """Return when a refresh token expires that is not used, in seconds since the epoch.

    Lifetimes that were shortened since it was issued count too.
    """
    settings = request.oidc.provider.settings
    idle: int = settings["oauth.refresh_token_idle_lifetime"]
    longest: int = settings["oauth.refresh_token_max_lifetime"]
    return min(token.expires_at, token.issued_at + idle, authorization.created_at + longest)


def ends_with_session(found: FoundRefreshToken, allowed: str) -> bool:
    """Whether a refresh token ends with a login session.

    :param allowed: the scope that it still allows.
    """
    return found.authorization.session_id is not None and "offline_access" not in allowed.split()
