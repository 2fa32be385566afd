"""The applications of a person, and how one is opened from here."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from sqlalchemy import select

from oidcserver.models import Client, Consent
from oidcserver.types import Request


def allowed_applications(request: Request) -> Sequence[tuple[Consent, Client]]:
    """Return what the person who is signed in allowed to whom, the latest first."""
    applications: Sequence[tuple[Consent, Client]] = request.oidc.dbsession.execute(
        select(Consent, Client)
        .join(Client, Client.client_id == Consent.client_id)
        .where(Consent.user_id == request.oidc.login_session.user_id)
        .order_by(Consent.updated_at.desc())
    ).all()
    return applications


def initiate_login_url(request: Request, client: Client) -> str | None:
    """Return where an application starts a login of its own accord, or None if it cannot.

    OpenID Connect Core section 4. It is told who the provider is, and not who the person is: that
    it asks for itself, as at any login. Nor is it told where to go then (``target_link_uri``),
    which is its own matter.
    """
    uri: str | None = client.member("initiate_login_uri")
    if uri is None:
        return None
    query = urlencode({"iss": request.oidc.provider.issuer}, quote_via=quote, safe="")
    return uri + ("&" if "?" in uri else "?") + query
