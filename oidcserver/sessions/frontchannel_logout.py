"""Front-channel logout (OpenID Connect Front-Channel Logout 1.0).

The page after signing out shows each application's own page in a hidden frame, and goes on when
all are there. What it knows is whether something came: what an application says in its frame is
nobody else's to read.
"""

from urllib.parse import quote, urlencode, urlsplit

from pyramid.renderers import render_to_response
from pyramid.response import Response

from oidcserver.clients.members import web_uri
from oidcserver.models import RegisteredClient
from oidcserver.models.login_session_client import clients_of_login_session
from oidcserver.oauth.subjects import sid_of
from oidcserver.oidc.after_logout import AfterLogout
from oidcserver.sessions.logout_channels import LogoutChannel, offer_logout_channel
from oidcserver.types import Configurator, LoginSession, Request

NAME = "frontchannel"
MEMBER = "frontchannel_logout_uri"


def show_frames(request: Request, session: LoginSession, after: AfterLogout) -> Response | None:
    """Return the page that signs a person out of the applications of a session; None: of none.

    It is the answer itself: after a redirect, nobody would know the session any more.

    :param after: where the user goes on.
    """
    if NAME not in request.registry.oidc.logout_channels:
        return None
    frames = [
        (found.client_name, frame_url(request, found, session.id))
        for found, _ in clients_of_login_session(request.oidc.dbsession, session.id)
        if found.member(MEMBER)
    ]
    if not frames:
        return None
    policy = request.oidc.content_security_policy
    policy.allow("script-src", "'self'")
    for _, url in frames:
        policy.allow("frame-src", f"{urlsplit(url).scheme}:")
    values = {"frames": frames, "after": after}
    return render_to_response(
        "oidcserver:templates/frontchannel_logout.jinja2", values, request=request
    )


def frame_url(request: Request, client: RegisteredClient, session_id: str) -> str:
    """Return a client's URL with ``iss`` and ``sid``, which any may be sent (section 2)."""
    uri: str = client.member(MEMBER)
    separator = "&" if "?" in uri else "?"
    sid = sid_of(client.client_id, session_id)
    query = {"iss": request.oidc.provider.issuer, "sid": sid}
    return uri + separator + urlencode(query, quote_via=quote)


def includeme(config: Configurator) -> None:
    """Offer the channel; there is nothing to add for it, as signing out asks for the page."""
    offer_logout_channel(config, NAME, LogoutChannel(MEMBER, web_uri, lambda: None))
