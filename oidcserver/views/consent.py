"""The consent page: a client asks for access, and the user decides."""

from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.http.addresses import is_loopback
from oidcserver.http.cors import origin_of
from oidcserver.interfaces import Scope
from oidcserver.interfaces.resources import Resource
from oidcserver.models import ConsentRecord, RegisteredClient
from oidcserver.models.consent import grant_consent
from oidcserver.models.suspended_request import decide_suspended_request
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.events import OAuthEvent, announce
from oidcserver.oauth.grant_types import may_refresh
from oidcserver.oauth.responses import destination
from oidcserver.oidc.interactions import may_remember, not_yet_allowed, remembered_consent
from oidcserver.oidc.scopes import describe_claim
from oidcserver.settings import Settings
from oidcserver.texts import _
from oidcserver.types import Configurator, Request
from oidcserver.views.client_preview import duration
from oidcserver.views.logos import add_logo, logo_url
from oidcserver.views.pages import render
from oidcserver.views.shown import CHANGED, is_as_shown, shown_of, single_claims
from oidcserver.views.suspended import go_on, needs, open_row, read_request, reject


def show(request: Request) -> Response:
    """Show what the client asks for; redirect if there is nothing to decide."""
    try:
        asking = read_request(request)
        if asking is None or needs(asking, "oidc.login") or not needs(asking, "oidc.consent"):
            return go_on(request)
    except OAuth2Error as error:
        return reject(request, error)
    return _page(request, asking)


def submit(request: Request) -> Response:
    """Store the decision, once, and go on; or let the user choose another account."""
    try:
        asking = read_request(request)
    except OAuth2Error as error:
        return reject(request, error)
    decision = request.POST.get("decision")
    if asking is None or request.oidc.login_session is None:
        return go_on(request)
    if decision == "switch":
        return go_on(request, _choose_account(asking))
    if decision not in {"allow", "deny"}:
        return go_on(request)
    if decision == "allow" and not is_as_shown(request, shown_of(asking)):
        return _page(request, asking, CHANGED)
    return go_on(request, _decide(request, asking, allow=decision == "allow"))


def _choose_account(asking: AuthorizationRequest) -> str:
    """Let the user choose an account, as ``prompt=select_account`` does, without signing out."""
    reference, row = open_row(asking)
    prompt = " ".join(sorted(asking.prompt | {"select_account"}))
    row.parameters = {**row.parameters, "prompt": [prompt]}
    row.authenticated_session_id = row.selected_session_id = None
    return reference


def _decide(request: Request, asking: AuthorizationRequest, *, allow: bool) -> str:
    """Store the decision; return the ``request_uri`` to go on with."""
    client, user_id = asking.client, asking.login_session.user_id
    assert client is not None
    scope, claims = asking.scope, " ".join(single_claims(asking))
    reference, row = open_row(asking)
    dbsession = request.oidc.dbsession
    allowed = scope if allow else None
    if not decide_suspended_request(dbsession, row.reference_digest, user_id, allowed, claims):
        return reference
    if allow:
        # A request that must not be remembered does not change remembered consents.
        remember = "remember" in request.POST if may_remember(asking) else None
        grant_consent(
            dbsession, user_id, client.client_id, scope,
            remember=remember, claims=claims, resources=asking.resources,
        )  # fmt: skip
    details = {"client_id": client.client_id, "user_id": user_id, "scope": scope, "claims": claims}
    name = "consent_granted" if allow else "authorization_denied"
    request.oidc.database.after_commit(announce, OAuthEvent(request, name, details))
    # The statement changed the row, which this session has already read.
    request.oidc.dbsession.expire(row)
    return reference


def _page(request: Request, asking: AuthorizationRequest, error: str = "") -> Response:
    client = asking.client
    assert client is not None
    assert asking.redirect_uri is not None
    remembered = remembered_consent(asking)
    new, earlier = _divide(asking, remembered)
    values = {
        "client": client,
        "logo": logo_url(request, client),
        "links": _links(client),
        "destination": destination(asking.redirect_uri),
        "only_local": client.self_registered and _is_local(client),
        "duration": end_of_access(asking),
        "session": request.oidc.login_session,
        "shown": shown_of(asking),
        "error": error,
        "new": new,
        "earlier": earlier,
        "resources": resources_of(asking),
        "details": details_of(asking),
        "may_remember": may_remember(asking),
        "remembered": remembered is not None,
    }
    return render(request, "consent", values, 409 if error else 200)


def _divide(
    asking: AuthorizationRequest, remembered: ConsentRecord | None
) -> tuple[list[Scope], list[Scope]]:
    """Return the new scopes, and those that the user allowed before.

    If there is no new one, the request asks for all again: all count as new. A claim is shown like
    a scope.
    """
    provider = asking.provider
    scopes = {name: provider.scopes[name] for name in asking.scope.split()}
    claims = {name: Scope(name, describe_claim(provider, name)) for name in single_claims(asking)}
    asked = [*scopes.values(), *claims.values()]
    new_scopes, new_claims = not_yet_allowed(asking, remembered)
    new = [scopes[name] for name in new_scopes] + [claims[name] for name in new_claims]
    if not new:
        return asked, []
    return new, [entry for entry in asked if entry not in new]


def resources_of(asking: AuthorizationRequest) -> list[Resource]:
    """Return the resources that the access is for, without the provider itself."""
    found = map(asking.provider.find_resource, asking.resources)
    return [resource for resource in found if resource is not None]


def details_of(asking: AuthorizationRequest) -> list[list[str]]:
    """Return the sentences about each of the authorization details (RFC 9396 section 13)."""
    types = asking.provider.authorization_details_types
    details = asking.authorization_details or ()
    return [types[detail["type"]].sentences(detail) for detail in details]


def end_of_access(asking: AuthorizationRequest) -> str:
    """Return a sentence that says how long the access lasts."""
    settings, client = asking.provider.settings, asking.client
    assert client is not None
    if not may_refresh(asking.provider, client) or "code" not in asking.response_type.split():
        usual = settings["oauth.access_token_lifetime"]
        lifetimes = [it.access_token_lifetime or usual for it in resources_of(asking)]
        return ends_after(min(lifetimes, default=usual))
    if "offline_access" not in asking.scope.split():
        longest = duration(settings["oidc.session_max_lifetime"])
        return _(
            "The access ends when you sign out here, at the latest after ${time}.",
            {"time": longest},
        )
    return ends_when_unused(settings)


def ends_after(seconds: int) -> str:
    """Return a sentence about an access that cannot be refreshed."""
    return _("The access ends after ${time}.", {"time": duration(seconds)})


def ends_when_unused(settings: Settings) -> str:
    """Return a sentence about an access that can be refreshed while the user is away."""
    return _(
        "The access ends when you withdraw it, when it is not used for ${idle}, or after "
        "${longest}.",
        {
            "idle": duration(settings["oauth.refresh_token_idle_lifetime"]),
            "longest": duration(settings["oauth.refresh_token_max_lifetime"]),
        },
    )


def _is_local(client: RegisteredClient) -> bool:
    """Whether all answers go to this computer, where every program can receive them."""
    return all(is_loopback(urlsplit(uri).hostname or "") for uri in client.redirect_uris)


def _links(client: RegisteredClient) -> list[tuple[str, str]]:
    """Return the links of the client as pairs of text and URI (RFC 7591 section 2)."""
    members = (
        ("client_uri", _("Website")),
        ("policy_uri", _("Privacy policy")),
        ("tos_uri", _("Terms of service")),
    )
    found = ((text, client.member(name)) for name, text in members)
    return [(text, uri) for text, uri in found if isinstance(uri, str) and origin_of(uri)]


def includeme(config: Configurator) -> None:
    """Offer the page."""

    def register(config: Configurator) -> None:
        config.add_oidc_route("oidc.consent", "/consent")
        config.add_oidc_view(show, route_name="oidc.consent", request_method="GET")
        config.add_oidc_view(submit, route_name="oidc.consent", request_method="POST")
        add_logo(config)

    config.add_oauth_page("consent", register)
