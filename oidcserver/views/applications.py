"""The applications that a user gave access, and the URLs that open them."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select

from oidcserver.http.uris import with_parameters
from oidcserver.models import Authorization, Client, Consent
from oidcserver.types import Request
from oidcserver.views.access import own_session


def allowed_applications(request: Request) -> Sequence[tuple[Consent, Client]]:
    """Return the consents of the signed-in user with their clients, the latest first."""
    applications: Sequence[tuple[Consent, Client]] = request.oidc.dbsession.execute(
        select(Consent, Client)
        .join(Client, Client.client_id == Consent.client_id)
        .where(Consent.user_id == own_session(request).user_id)
        .order_by(Consent.updated_at.desc())
    ).all()
    return applications


def clients_with_access(request: Request) -> frozenset[str]:
    """Return the identifiers of the clients that have access to the account now."""
    found = select(Authorization.client_id).where(*_is_alive(request))
    return frozenset(request.oidc.dbsession.scalars(found))


def _is_alive(request: Request) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for the authorizations of the signed-in user that are alive."""
    return (
        Authorization.user_id == own_session(request).user_id,
        Authorization.revoked_at.is_(None),
        Authorization.expires_at > request.oidc.now,
    )


def applications_without_consent(request: Request) -> Sequence[tuple[Client, frozenset[str]]]:
    """Return the applications of the operator that have access without a consent.

    They skip it (``skip_consent``), and the user has signed in at them: each with the scopes of its
    authorizations that are alive.
    """
    user_id = own_session(request).user_id
    consent = select(Consent.client_id).where(Consent.user_id == user_id)
    rows = request.oidc.dbsession.execute(
        select(Client, Authorization.scope)
        .join(Authorization, Authorization.client_id == Client.client_id)
        .where(
            Client.skip_consent,
            Client.client_id.not_in(consent),
            *_is_alive(request),
        )
    )
    scopes: dict[Client, set[str]] = {}
    for client, scope in rows:
        scopes.setdefault(client, set()).update(scope.split())
    found = sorted(scopes, key=lambda client: (client.client_name, client.client_id))
    return [(client, frozenset(scopes[client])) for client in found]


def initiate_login_url(request: Request, client: Client) -> str | None:
    """Return the URL at which an application starts a login, or None if it registered none.

    OpenID Connect Core section 4. The URL names the provider with ``iss``. It has no
    ``login_hint``, since the application requests the user's identity as in any login, and no
    ``target_link_uri``: the application chooses its own start page.
    """
    uri: str | None = client.member("initiate_login_uri")
    return None if uri is None else with_parameters(uri, {"iss": request.oidc.provider.issuer})
