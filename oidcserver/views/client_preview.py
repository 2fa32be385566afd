"""A preview of what a client receives: scopes, lifetimes, and claims about the signed-in user."""

import json
from typing import Any

from oidcserver.models import RegisteredClient
from oidcserver.oauth.issuing import new_authorization
from oidcserver.oidc.claims import scope_claims
from oidcserver.oidc.id_token import has_claims_of_scopes, id_token_claims
from oidcserver.types import Request
from oidcserver.views.access import own_session

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def preview(request: Request, client: RegisteredClient) -> dict[str, Any]:
    """Return the values for the page.

    ``scopes`` are the client's :class:`~oidcserver.interfaces.Scope` objects, ``lifetimes`` pairs
    of a name and a duration in words, ``documents`` pairs of a title and JSON: the claims of an ID
    token and the UserInfo response, if the signed-in user allowed all scopes.
    """
    known = request.oidc.provider.scopes
    scopes = [known[name] for name in client.scopes if name in known]
    return {
        "scopes": scopes,
        "lifetimes": _lifetimes(request, client),
        "documents": _documents(request, client) if "openid" in client.scopes else [],
    }


def duration(seconds: int) -> str:
    """Return a number of seconds in the largest unit that divides it: ``10 minutes``."""
    size, unit = next(pair for pair in _UNITS if seconds % pair[0] == 0)
    count = seconds // size
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _lifetimes(request: Request, client: RegisteredClient) -> list[tuple[str, str]]:
    settings = request.oidc.provider.settings
    lifetimes = [("Access token", duration(settings["oauth.access_token_lifetime"]))]
    if "openid" in client.scopes:
        lifetimes.append(("ID token", duration(settings["oidc.id_token_lifetime"])))
    if client.check_grant_type("refresh_token"):
        idle = duration(settings["oauth.refresh_token_idle_lifetime"])
        longest = duration(settings["oauth.refresh_token_max_lifetime"])
        lifetimes.append(("Refresh token", f"{idle} unused, {longest} at most"))
    return lifetimes


def _documents(request: Request, client: RegisteredClient) -> list[tuple[str, str]]:
    session = own_session(request)
    authorization = new_authorization(
        request,
        client,
        session.user,
        session_id=session.id,
        auth_time=session.auth_time,
        acr=session.acr,
        amr=session.amr,
    ).record()
    id_token = id_token_claims(request, client, authorization)
    claims = scope_claims(request, session.user, client.scopes)
    if has_claims_of_scopes(request.oidc.provider, client):
        id_token = {**id_token, **claims}
    documents = [("ID token", id_token)]
    if "oidc.userinfo_endpoint" in request.oidc.provider.route_names:
        documents.append(("UserInfo", {"sub": authorization.subject, **claims}))
    return [
        (title, json.dumps(document, indent=2, ensure_ascii=False)) for title, document in documents
    ]
