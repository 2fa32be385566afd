"""The user's decision on a backchannel request, for the page ``approvals`` and for plugins."""

from typing import Any

from oidcserver.models import Authorization, BackchannelRequest, Client, User
from oidcserver.models.backchannel_request import decide_backchannel_request
from oidcserver.models.consent import grant_consent
from oidcserver.models.user import lock_generation
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.oauth.issuing import still_allowed
from oidcserver.oauth.subjects import subject_of
from oidcserver.oidc.acr import lacks_essential_acr, unmet_acr
from oidcserver.oidc.ciba.ping import queue_ping
from oidcserver.types import Request


def approve(
    request: Request,
    asked: BackchannelRequest,
    client: Client,
    scope: str,
    *,
    auth_time: int,
    acr: str,
    amr: list[str],
) -> bool:
    """Approve a request, in the transaction of Pyramid's request; return whether it was open.

    The caller has authenticated the user ``asked.user_id``, and has shown the request to the user.
    The authorization belongs to no login session: the device on which the user decides is not the
    one that is signed in, so signing out there does not end it.

    :param client: the client of the request.
    :param scope: the scopes that the user allowed. Those that the request does not have, or that
        the client may not have any more, are left out.
    :param auth_time: when the user was authenticated, in seconds since the epoch.
    :param acr: the authentication context class that was reached.
    :param amr: how the user was authenticated (RFC 8176).
    :raises Rejection: ``unmet_authentication_requirements`` if the request requires another class,
        as a plugin's step may do.
    """
    if lacks_essential_acr(request.oidc.provider, acr, asked.claims_request):
        raise unmet_acr()
    dbsession = request.oidc.dbsession
    user = dbsession.get_one(User, asked.user_id)
    if not lock_generation(dbsession, user):
        return False
    if not decide_backchannel_request(dbsession, asked.request_digest, asked.user_id):
        return False
    shown = scope.split()
    asked_scope = " ".join(name for name in asked.scope.split() if name in shown)
    allowed = still_allowed(request, client, asked_scope)
    authorization = Authorization(
        client_id=client.client_id,
        user_id=asked.user_id,
        subject=subject_of(request, client, user),
        scope=allowed,
        claims_request=asked.claims_request,
        resources=asked.resources,
        authorization_details=asked.authorization_details,
        auth_time=auth_time,
        acr=acr,
        amr=amr,
        # A client that polls in the last moment gets a token that is alive.
        expires_at=asked.expires_at + request.oidc.provider.longest_access_token_lifetime,
    )
    dbsession.add(authorization)
    dbsession.flush()
    asked.authorization_id = authorization.id
    grant_consent(dbsession, asked.user_id, client.client_id, allowed, remember=None)
    queue_ping(request, asked)
    details = {"client_id": client.client_id, "user_id": asked.user_id, "scope": allowed}
    _announce(request, "consent_granted", {**details, "claims": ""})
    _announce(request, "authorization_granted", details)
    return True


def deny(request: Request, asked: BackchannelRequest) -> bool:
    """Deny a request, in the transaction of Pyramid's request; return whether it was open."""
    if not decide_backchannel_request(request.oidc.dbsession, asked.request_digest, asked.user_id):
        return False
    queue_ping(request, asked)
    details = {"client_id": asked.client_id, "user_id": asked.user_id, "scope": asked.scope}
    _announce(request, "authorization_denied", details)
    return True


def _announce(request: Request, name: str, details: dict[str, Any]) -> None:
    request.oidc.database.after_commit(announce, OAuthEvent(request, name, details))
