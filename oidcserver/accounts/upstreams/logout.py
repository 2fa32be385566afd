"""Signing out at an upstream (OpenID Connect RP-Initiated Logout 1.0).

A sign-in there is recorded with the login session that comes of it. The end of that session leads
to a page of ours, which leads to the upstream; from there the user comes back and goes on.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

from oidcserver.accounts.upstreams.exchange import PURPOSE, Identity, one
from oidcserver.accounts.upstreams.hosts import Metadata
from oidcserver.credentials import UPSTREAM_LOGOUT, digest, new_credential
from oidcserver.http.uris import with_parameters
from oidcserver.interfaces.upstream import STAY, Upstream
from oidcserver.models import UpstreamRequest, UpstreamSession
from oidcserver.models.upstream import find_upstream_request, use_upstream_request
from oidcserver.models.upstream_end import latest_end
from oidcserver.models.upstream_session import latest_of_session
from oidcserver.types import LoginSession, Request

LEAVE, RETURN = "oidc.upstream_logout", "oidc.upstream_logged_out"
#: Seconds in which the user has to come back; later the user is signed out all the same.
LIFETIME = 900
#: The longest ID token that goes into a URL. Without it the upstream may ask the user.
MAX_HINT = 4096


def has_ended_there(request: Request, identity: Identity) -> bool:
    """Whether the upstream has told us already that the session of a sign-in has ended.

    Its logout token may come while we wait for its other answers, before anything here is known by
    the session. The rows of the ends stay locked, so that a later one finds what this transaction
    writes.
    """
    if not identity.upstream.backchannel_logout:
        return False
    names = {"sub": identity.subject, "sid": identity.sid}
    ends = [
        latest_end(
            request.oidc.dbsession, identity.upstream.name, identity.issuer, kind, names[kind]
        )
        for kind in names
        if names[kind]
    ]
    return max(ends) >= identity.issued_at


def note_sign_in(request: Request, identity: Identity) -> str | None:
    """Record a sign-in at an upstream, if its end there or here matters; return its identifier."""
    upstream = identity.upstream
    if upstream.logout == STAY and not upstream.backchannel_logout:
        return None
    sealed = ""
    if upstream.logout != STAY and len(identity.id_token) <= MAX_HINT:
        sealed = request.oidc.provider.sealer(PURPOSE).seal(identity.id_token.encode())
    row = UpstreamSession(
        upstream=upstream.name,
        issuer=identity.issuer,
        subject=identity.subject,
        sid=identity.sid,
        id_token_sealed=sealed,
    )
    request.oidc.dbsession.add(row)
    request.oidc.dbsession.flush()
    return row.id


def begin_logout(
    request: Request, session: LoginSession, onward: Mapping[str, str]
) -> tuple[Upstream, str] | None:
    """Return the upstream that a session came of, and the URL of the page that leads there.

    None if there is none, or if its users stay signed in there.

    :param onward: the query of the sign-out page, where the user goes on.
    """
    dbsession = request.oidc.dbsession
    row = latest_of_session(dbsession, session.id) if request.oidc.provider.upstreams else None
    upstream = request.oidc.provider.upstreams.get(row.upstream) if row is not None else None
    if row is None or upstream is None or upstream.logout == STAY:
        return None
    if not upstream.is_issuer(row.issuer):
        return None
    state = new_credential(UPSTREAM_LOGOUT)
    dbsession.add(
        UpstreamRequest(
            state_digest=digest(state),
            upstream=upstream.name,
            browser_digest=request.oidc.browser_digest,
            secrets_sealed=row.id_token_sealed,
            onward=urlencode(onward),
            expires_at=request.oidc.now + LIFETIME,
        )
    )
    return upstream, request.oidc.url(LEAVE, upstream=upstream.name, _query={"state": state})


def find_logout(request: Request, upstream: Upstream, *, use: bool) -> UpstreamRequest | None:
    """Return the request to sign out that the state in the query belongs to.

    :param use: whether this uses it up.
    """
    state, find = one(request, "state"), use_upstream_request if use else find_upstream_request
    if not state.startswith(UPSTREAM_LOGOUT):
        return None
    return find(request.oidc.dbsession, state, upstream.name, request.oidc.browser_digest)


def logout_url(
    request: Request, upstream: Upstream, metadata: Metadata, row: UpstreamRequest
) -> str:
    """Return the URL at which the upstream signs the user out (section 2)."""
    parameters = {
        "client_id": upstream.client_id,
        "post_logout_redirect_uri": request.oidc.url(RETURN, upstream=upstream.name),
        "state": one(request, "state"),
    }
    hint = request.oidc.provider.sealer(PURPOSE).unseal(row.secrets_sealed)
    if hint is not None:
        parameters["id_token_hint"] = hint.decode()
    return with_parameters(metadata.end_session_endpoint, parameters)
