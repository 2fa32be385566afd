"""A preview of what a client receives: scopes, lifetimes, and claims about the signed-in user."""

import json
from typing import Any

from oidcserver.models import RegisteredClient
from oidcserver.oauth.issuing import new_authorization
from oidcserver.oidc.claims import scope_claims
from oidcserver.oidc.id_token import has_claims_of_scopes, id_token_claims
from oidcserver.texts import Counted, _
from oidcserver.types import Request
from oidcserver.views.access import own_session


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
    if seconds % 60:
        return Counted("${count} second", "${count} seconds", seconds)
    if seconds % 3600:
        return Counted("${count} minute", "${count} minutes", seconds // 60)
    if seconds % 86400:
        return Counted("${count} hour", "${count} hours", seconds // 3600)
    return Counted("${count} day", "${count} days", seconds // 86400)


def _lifetimes(request: Request, client: RegisteredClient) -> list[tuple[str, str]]:
    settings = request.oidc.provider.settings
    lifetimes = [(_("Access token"), _works_for(settings["oauth.access_token_lifetime"]))]
    if "openid" in client.scopes:
        lifetimes.append((_("ID token"), _works_for(settings["oidc.id_token_lifetime"])))
    if client.check_grant_type("refresh_token"):
        idle = duration(settings["oauth.refresh_token_idle_lifetime"])
        longest = duration(settings["oauth.refresh_token_max_lifetime"])
        words = _(
            "works for ${idle} unused, ${longest} at most", {"idle": idle, "longest": longest}
        )
        lifetimes.append((_("Refresh token"), words))
    return lifetimes


def _works_for(seconds: int) -> str:
    return _("works for ${time}", {"time": duration(seconds)})


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
    documents = [(_("ID token"), id_token)]
    if "oidc.userinfo_endpoint" in request.oidc.provider.route_names:
        documents.append(("UserInfo", {"sub": authorization.subject, **claims}))
    return [
        (title, json.dumps(document, indent=2, ensure_ascii=False)) for title, document in documents
    ]
