"""Logout tokens of upstreams (OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6)."""

from dataclasses import dataclass
from typing import Any

from oidcserver.accounts.upstreams.exchange import verify
from oidcserver.accounts.upstreams.hosts import UpstreamHosts
from oidcserver.accounts.upstreams.id_tokens import SKEW, check_origin, is_text, require
from oidcserver.interfaces.upstream import Upstream
from oidcserver.models.replay import use_identifier
from oidcserver.models.upstream import MAX_SUBJECT
from oidcserver.models.upstream_session import MAX_SID
from oidcserver.types import Request

EVENT = "http://schemas.openid.net/event/backchannel-logout"
#: The header of some upstreams has no type, or that of any JWT (section 2.4).
TYPES = (None, "JWT", "logout+jwt", "application/logout+jwt")
#: Seconds after which a logout token is not accepted any more, whenever it expires.
MAX_AGE = 900
MAX_JTI = 255
KIND = "logout token"


@dataclass(frozen=True, slots=True)
class EndOfSession:
    """The content of a logout token: the sessions of a user that have ended there."""

    upstream: Upstream
    issuer: str
    #: The user there; None: that of the session.
    subject: str | None
    #: The session there; None: all of the user.
    sid: str | None
    jti: str
    issued_at: int


def read_logout_token(request: Request, upstream: Upstream, token: str) -> EndOfSession:
    """Return the content of a logout token. No transaction may be open: keys may be fetched.

    :raises oidcserver.accounts.upstreams.hosts.UpstreamFailed: if it is not accepted.
    """
    hosts: UpstreamHosts = request.registry.oidc.upstream_hosts
    header, claims = verify(request, upstream, hosts.metadata(upstream), token)
    require(header.get("typ") in TYPES, "typ is not that of a logout token")
    check_origin(upstream, claims, request.oidc.now)
    require(claims["iat"] > request.oidc.now - MAX_AGE, "it is too old")
    events: Any = claims.get("events")
    require(isinstance(events, dict) and isinstance(events.get(EVENT), dict), "events lacks logout")
    require("nonce" not in claims, "it has a nonce, as ID tokens have")
    require(is_text(claims.get("jti"), MAX_JTI), "jti is not a text of 1 to 255 characters")
    for name, longest in (("sub", MAX_SUBJECT), ("sid", MAX_SID)):
        right = name not in claims or is_text(claims[name], longest)
        require(right, f"{name} is not a text of 1 to 255 characters")
    require("sub" in claims or "sid" in claims, "it has neither sub nor sid")
    return EndOfSession(
        upstream=upstream,
        issuer=claims["iss"],
        subject=claims.get("sub"),
        sid=claims.get("sid"),
        jti=claims["jti"],
        issued_at=int(claims["iat"]),
    )


def use_logout_token(request: Request, end: EndOfSession) -> bool:
    """Use a logout token up; return whether it was unused.

    This belongs to the transaction that ends the sessions, so that a token whose sessions could not
    be ended is accepted again.
    """
    expires_at = end.issued_at + MAX_AGE + SKEW
    return use_identifier(request.oidc.database, KIND, end.issuer, end.jti, expires_at)
