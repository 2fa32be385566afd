"""The authorization code flow at an upstream, with PKCE, state and nonce (RFC 9700 section 2.1)."""

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from joserfc.jwk import KeySet

from oidcserver.accounts.onward import onward_of
from oidcserver.accounts.upstreams.authentication import authenticate
from oidcserver.accounts.upstreams.hosts import ACCEPT, Metadata, UpstreamFailed, UpstreamHosts
from oidcserver.accounts.upstreams.id_tokens import (
    Expected,
    auth_time_of,
    check_id_token,
    is_text,
    require,
)
from oidcserver.credentials import UPSTREAM_STATE, digest, new_credential
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.http.uris import with_parameters
from oidcserver.http.waiting import TooManyWaiting
from oidcserver.interfaces.upstream import TENANT, Upstream
from oidcserver.keys.jwt import (
    CLAIMS,
    InvalidJWT,
    read_header,
    read_unverified,
    verify_client_jwt,
)
from oidcserver.models import UpstreamRequest
from oidcserver.models.upstream import use_upstream_request
from oidcserver.models.upstream_session import MAX_SID
from oidcserver.types import OPERATOR, Request

PURPOSE = "upstream"
ROUTE = "oidc.upstream_callback"
#: Seconds in which the user has to come back.
LIFETIME = 900


@dataclass(frozen=True, slots=True)
class Sent:
    """The request that an answer belongs to."""

    nonce: str
    code_verifier: str
    max_age: int | None
    sent_at: int
    session_id: str | None
    onward: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A user of an upstream who has just signed in there."""

    upstream: Upstream
    issuer: str
    subject: str
    claims: Mapping[str, Any]
    #: Its session there; empty if it did not say.
    sid: str
    #: When it issued the ID token, by its own clock.
    issued_at: int
    #: When the user signed in there, by the clock here; 0 if it did not say.
    auth_time: int
    id_token: str = field(repr=False)


def begin(
    request: Request,
    upstream: Upstream,
    metadata: Metadata,
    *,
    max_age: int | None = None,
    session_id: str | None = None,
) -> str:
    """Store a request to an upstream, and return the URL to which the browser takes it.

    :param max_age: how many seconds ago the user may have signed in there; None: any.
    :param session_id: the session of the account to which the answer is linked.
    """
    oidc = request.oidc
    state, nonce = new_credential(UPSTREAM_STATE), secrets.token_urlsafe(32)
    verifier = secrets.token_urlsafe(48)
    content = json.dumps([nonce, verifier, max_age]).encode()
    oidc.dbsession.add(
        UpstreamRequest(
            state_digest=digest(state),
            upstream=upstream.name,
            browser_digest=oidc.browser_digest,
            session_id=session_id,
            secrets_sealed=oidc.provider.sealer(PURPOSE).seal(content),
            onward=onward_of(request),
            expires_at=oidc.now + LIFETIME,
        )
    )
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    parameters = {
        "response_type": "code",
        "client_id": upstream.client_id,
        "redirect_uri": redirect_uri(request, upstream),
        "scope": " ".join(upstream.scopes),
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if upstream.acr_values:
        parameters["acr_values"] = " ".join(upstream.acr_values)
    if max_age is not None and upstream.proves_auth_time:
        parameters["max_age"] = str(max_age)
    if _asks_anew(upstream, max_age):
        parameters["prompt"] = "login"
    return with_parameters(metadata.authorization_endpoint, parameters)


def _asks_anew(upstream: Upstream, max_age: int | None) -> bool:
    """Whether the user has to sign in there anew; always where it cannot prove the age."""
    return max_age == 0 or (max_age is not None and not upstream.proves_auth_time)


def redirect_uri(request: Request, upstream: Upstream) -> str:
    """Return the URL to which an upstream sends its answer; each has its own (RFC 9700 4.4.2)."""
    return request.oidc.url(ROUTE, upstream=upstream.name)


def take_up(request: Request, upstream: Upstream) -> Sent | None:
    """Use up the request that the answer in the query belongs to; None if there is none."""
    state = one(request, "state")
    row = None
    if state.startswith(UPSTREAM_STATE):
        row = use_upstream_request(
            request.oidc.dbsession, state, upstream.name, request.oidc.browser_digest
        )
    if row is None:
        return None
    content = request.oidc.provider.sealer(PURPOSE).unseal(row.secrets_sealed)
    if content is None:  # the sealing key is gone
        return None
    nonce, verifier, max_age = json.loads(content)
    return Sent(nonce, verifier, max_age, row.created_at, row.session_id, row.onward)


def read_code(request: Request, upstream: Upstream, metadata: Metadata) -> str:
    """Return the authorization code of the answer in the query.

    :raises UpstreamFailed: if it is an error, or of another issuer (RFC 9207).
    """
    named = "iss" in request.GET
    if (named or metadata.sends_issuer) and not upstream.is_issuer(one(request, "iss")):
        raise UpstreamFailed("The answer does not name its issuer (RFC 9207).")
    error = one(request, "error")
    if error:
        raise UpstreamFailed(f"It answered with the error {error[:60]!r}.", by_user=True)
    code = one(request, "code")
    if not code:
        raise UpstreamFailed("The answer has no code.")
    return code


def redeem(
    request: Request, upstream: Upstream, metadata: Metadata, sent: Sent, code: str
) -> Identity:
    """Redeem a code, and return the user that the ID token and UserInfo describe.

    No transaction may be open: three requests to the upstream may follow.

    :raises UpstreamFailed: if any of it is not as it should be.
    """
    hosts: UpstreamHosts = request.registry.oidc.upstream_hosts
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(request, upstream),
        "code_verifier": sent.code_verifier,
    }
    headers = authenticate(request.oidc.provider, upstream, request.oidc.now, form)
    status, tokens = hosts.ask(
        upstream, lambda it: it.post_form(metadata.token_endpoint, form, headers)
    )
    if status != 200 and tokens.get("error") == "invalid_client":
        raise UpstreamFailed(
            "It rejected the credentials of this server ('invalid_client'): correct client_id, "
            f"client_secret or token_endpoint_auth_method of oidc.upstream.{upstream.name}."
        )
    if status != 200:
        raise UpstreamFailed(f"It rejected the code: {str(tokens.get('error'))[:60]!r}.")
    id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
    if not isinstance(id_token, str) or not isinstance(access_token, str):
        raise UpstreamFailed("Its answer lacks an ID token or an access token.")
    header, id_claims = verify(request, upstream, metadata, id_token)
    fresh = sent.max_age is not None and upstream.proves_auth_time
    since = sent.sent_at - (sent.max_age or 0) if fresh else None
    check_id_token(
        header, id_claims, Expected(upstream, sent.nonce, access_token, request.oidc.now, since)
    )
    claims = id_claims
    if metadata.userinfo_endpoint:
        userinfo = _userinfo(request, upstream, metadata, claims["sub"], access_token)
        claims = _merged(upstream, id_claims, userinfo)
    for name, allowed in upstream.required_claims.items():
        require(_has(claims.get(name), allowed), f"{name} is not as required_claims says")
    sid = claims["sid"] if is_text(claims.get("sid"), MAX_SID) else ""
    auth_time = auth_time_of(id_claims)
    if auth_time is not None:
        auth_time = min(max(auth_time, since or 0), request.oidc.now)
    elif _asks_anew(upstream, sent.max_age):
        auth_time = sent.sent_at
    return Identity(
        upstream,
        claims["iss"],
        claims["sub"],
        claims,
        sid,
        int(claims["iat"]),
        auth_time or 0,
        id_token,
    )


def verify(
    request: Request, upstream: Upstream, metadata: Metadata, token: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a token that the upstream signed; the claims are not checked.

    :raises UpstreamFailed: if it did not sign it.
    """
    try:
        kid = read_header(token).get("kid")
        keys = request.registry.oidc.remote_jwks.keys(metadata.jwks_uri, kid, OPERATOR)
        if TENANT in upstream.issuer:
            # A key may be for one issuer alone, as a member of the key says.
            issuers = (None, upstream.issuer, read_unverified(token, CLAIMS).get("iss"))
            keys = KeySet([key for key in keys if key.get("issuer") in issuers])
        return verify_client_jwt(token, keys, upstream.algorithms)
    except (InvalidJWT, OutboundFetchError, ValueError) as problem:
        raise UpstreamFailed(f"The token is not accepted: {problem}.") from None
    except TooManyWaiting:
        raise UpstreamFailed("Too many requests wait for other hosts.") from None


def _userinfo(
    request: Request, upstream: Upstream, metadata: Metadata, subject: str, access_token: str
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {access_token}"}
    hosts: UpstreamHosts = request.registry.oidc.upstream_hosts
    status, claims = hosts.ask(
        upstream, lambda it: it.get(metadata.userinfo_endpoint, ACCEPT, headers=headers)
    )
    if status != 200 or claims.get("sub") != subject:
        raise UpstreamFailed(f"UserInfo has status {status}, or is of another user.")
    return claims


def _merged(
    upstream: Upstream, id_claims: dict[str, Any], userinfo: dict[str, Any]
) -> dict[str, Any]:
    """Return the claims of both; those of the ID token count first.

    Whether an address is verified is taken from a document that names this address, for the other
    may be about another one.
    """
    merged = {**userinfo, **id_claims}
    address, verified = (upstream.claims.get(name, name) for name in ("email", "email_verified"))
    merged.pop(verified, None)
    for document in (userinfo, id_claims):
        if verified in document and document.get(address) == merged.get(address):
            merged[verified] = document[verified]
    return merged


def _has(value: Any, allowed: tuple[str, ...]) -> bool:
    """Whether a claim, or an item of it, is one of the allowed texts."""
    items = value if isinstance(value, list) else [value]
    return any("true" in allowed if item is True else item in allowed for item in items)


def one(request: Request, name: str) -> str:
    """Return a parameter of the query that is there once, or an empty text."""
    values = request.GET.getall(name)
    return values[0] if len(values) == 1 else ""
