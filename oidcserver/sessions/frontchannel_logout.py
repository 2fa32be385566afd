"""Front-channel logout (OpenID Connect Front-Channel Logout 1.0).

After signing out, a page loads the logout page of each application in a hidden frame, and goes on
when all have loaded. It can observe only that a frame has loaded: browsers do not let it read the
content of another site.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from pyramid.renderers import render_to_response
from pyramid.response import Response

from oidcserver.clients.values import web_uri
from oidcserver.http.uris import with_parameters
from oidcserver.models import RegisteredClient
from oidcserver.models.login_session_client import clients_of_login_session
from oidcserver.oauth.subjects import sid_of
from oidcserver.sessions.logout_channels import LogoutChannel, offer_logout_channel
from oidcserver.types import AfterLogout, Configurator, LoginSession, Request

NAME = "frontchannel"
MEMBER = "frontchannel_logout_uri"


def show_frames(
    request: Request, sessions: Iterable[LoginSession], after: AfterLogout
) -> Response | None:
    """Return the page that signs the user out of the applications of sessions.

    None if no application is to be notified. The page is the response itself, not the target of a
    redirect, since the next request cannot identify the ended sessions.

    :param after: where the user goes on.
    """
    if NAME not in request.registry.oidc.logout_channels:
        return None
    frames = [
        (found.client_name, frame_url(request, found, session.id))
        for session in sessions
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
    """Return a client's logout URL with ``iss`` and ``sid`` (section 2)."""
    sid = sid_of(client.client_id, session_id)
    return with_parameters(client.member(MEMBER), {"iss": request.oidc.provider.issuer, "sid": sid})


def includeme(config: Configurator) -> None:
    """Offer the channel. Selecting it adds nothing else: signing out calls :func:`show_frames`."""
    offer_logout_channel(config, NAME, LogoutChannel(MEMBER, web_uri, lambda: None))
