"""Access tokens: their contents and formats, how they are issued and read.

A token is sealed or signed and not stored. Reading it needs no query; checking that it was not
revoked needs one statement by primary key.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from oidcserver import clock
from oidcserver.credentials import new_identifier
from oidcserver.interfaces.keys import Keys, Sealer
from oidcserver.keys import jwt
from oidcserver.keys.strict_json import compact
from oidcserver.models import AuthorizationRecord, RegisteredClient
from oidcserver.models.access_token import Bearer, find_bearer
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.token_claims import claims_about_user
from oidcserver.types import Provider, Request

PREFIX = "at_"
PURPOSE = "access token"


class AccessToken(NamedTuple):
    """The contents of an access token (the claims of RFC 9068 section 2.2).

    New fields come before ``bearer``, with the default None.
    """

    token_id: str
    client_id: str
    subject: str
    authorization_id: str | None
    scope: str
    audience: tuple[str, ...]
    issued_at: int
    expires_at: int
    confirmation: Mapping[str, Any] | None = None
    auth_time: int | None = None
    acr: str | None = None
    authorization_details: list[dict[str, Any]] | None = None
    actor: Mapping[str, Any] | None = None
    #: The claims about the user that ``oidc.claims`` declares to be in access tokens.
    claims: Mapping[str, Any] | None = None
    #: The client, authorization and user of a token that was found to be live.
    bearer: Bearer | None = None

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes as a set."""
        return frozenset(self.scope.split())

    @property
    def token_type(self) -> str:
        """``DPoP`` (RFC 9449 section 5), or ``Bearer``, also if bound to a certificate."""
        return "DPoP" if "jkt" in (self.confirmation or {}) else "Bearer"


#: The number of fields that are written into a token: all but the last.
_WRITTEN = len(AccessToken._fields) - 1


class AccessTokenFormat(Protocol):
    """A format of tokens; ``decode`` returns None for texts of other formats."""

    def encode(self, provider: Provider, token: AccessToken) -> str: ...

    def decode(self, provider: Provider, text: str) -> AccessToken | None: ...


class SealedFormat:
    """Authenticated encryption under the sealing key: opaque to others, short and fast."""

    def encode(self, provider: Provider, token: AccessToken) -> str:
        """Seal the token's fields, without those at the end that are None."""
        fields = list(token[:_WRITTEN])
        while fields[-1] is None:
            fields.pop()
        sealed: str = provider.sealer(PURPOSE).seal(compact(fields).encode())
        return PREFIX + sealed

    def decode(self, provider: Provider, text: str) -> AccessToken | None:
        """Unseal a token of ours."""
        if not text.startswith(PREFIX):
            return None
        token: AccessToken | None = provider.keys.prove(_unseal, provider.sealer(PURPOSE), text)
        return token


class JWTFormat:
    """A signed JWT for resource servers that verify tokens themselves (RFC 9068)."""

    TYP = "at+jwt"

    def encode(self, provider: Provider, token: AccessToken) -> str:
        """Sign the token's claims."""
        claims: dict[str, Any] = {
            "iss": provider.issuer,
            "sub": token.subject,
            "aud": token.audience[0] if len(token.audience) == 1 else list(token.audience),
            "client_id": token.client_id,
            "jti": token.token_id,
            "iat": token.issued_at,
            "exp": token.expires_at,
        }
        optional = {
            "scope": token.scope or None,
            "authorization_id": token.authorization_id,
            "cnf": token.confirmation,
            "auth_time": token.auth_time,
            "acr": token.acr,
            "authorization_details": token.authorization_details,
            "act": token.actor,
            **(token.claims or {}),
        }
        claims.update({name: value for name, value in optional.items() if value is not None})
        algorithm = provider.settings["oauth.access_token_signing_alg"]
        return jwt.sign(provider.keys, algorithm, claims, typ=self.TYP)

    def decode(self, provider: Provider, text: str) -> AccessToken | None:
        """Verify a JWT of ours."""
        if text.count(".") != 2:
            return None
        keys = provider.keys
        token: AccessToken | None = keys.prove(_verify, keys, provider.issuer, text)
        return token


def _unseal(sealer: Sealer, text: str) -> AccessToken | None:
    data = sealer.unseal(text.removeprefix(PREFIX))
    if data is None:
        return None
    fields = json.loads(data)
    if len(fields) > _WRITTEN:
        return None  # a process of a newer release made it
    fields[5] = tuple(fields[5])
    return AccessToken(*fields)


def _verify(keys: Keys, issuer: str, text: str) -> AccessToken | None:
    claims = jwt.verify_own(keys, text, typ=JWTFormat.TYP)
    if claims is None or claims.get("iss") != issuer:
        return None
    audience = claims["aud"]
    return AccessToken(
        token_id=claims["jti"],
        client_id=claims["client_id"],
        subject=claims["sub"],
        authorization_id=claims.get("authorization_id"),
        scope=claims.get("scope", ""),
        audience=tuple(audience) if isinstance(audience, list) else (audience,),
        issued_at=claims["iat"],
        expires_at=claims["exp"],
        confirmation=claims.get("cnf"),
        auth_time=claims.get("auth_time"),
        acr=claims.get("acr"),
        authorization_details=claims.get("authorization_details"),
        actor=claims.get("act"),
        claims=claims_about_user(claims),
    )


def issue_access_token(
    provider: Provider,
    client: RegisteredClient,
    authorization: AuthorizationRecord | None,
    scope: str,
    *,
    audience: tuple[str, ...] = (),
    confirmation: Mapping[str, Any] | None = None,
    authorization_details: list[dict[str, Any]] | None = None,
    actor: Mapping[str, Any] | None = None,
    claims: Mapping[str, Any] | None = None,
    latest_end: int | None = None,
) -> tuple[str, AccessToken]:
    """Make an access token; nothing is written to the database.

    :param authorization: the authorization that it belongs to, or None if the client acts on its
        own behalf: then the client is the subject (RFC 9068 section 2.2).
    :param audience: the resource servers that it is for; empty: this provider.
    :param confirmation: the key that it is bound to, as in ``cnf``.
    :param actor: the actor of a delegation, as in ``act`` (RFC 8693 section 4.1).
    :param claims: claims about the user.
    :param latest_end: when it expires at the latest, in seconds since the epoch.
    :returns: the text for the client, and its contents.
    :raises Rejection: ``invalid_target`` if resources of the audience take different formats.
    """
    now = clock.now()
    name, lifetime = _format_and_lifetime(provider, client, audience)
    expires_at = now + lifetime
    token = AccessToken(
        token_id=new_identifier(),
        client_id=client.client_id,
        subject=authorization.subject if authorization else client.client_id,
        authorization_id=authorization.id if authorization else None,
        scope=scope,
        audience=audience or (provider.issuer,),
        issued_at=now,
        expires_at=expires_at if latest_end is None else min(expires_at, latest_end),
        confirmation=confirmation,
        auth_time=authorization.auth_time if authorization else None,
        acr=authorization.acr if authorization else None,
        authorization_details=authorization_details,
        actor=actor,
        claims=claims or None,
    )
    return provider.access_token_formats[name].encode(provider, token), token


def _format_and_lifetime(
    provider: Provider, client: RegisteredClient, audience: tuple[str, ...]
) -> tuple[str, int]:
    """Return the format that all resources of the audience take, and the shortest lifetime."""
    usual = client.access_token_format or provider.settings["oauth.access_token_format"]
    longest = provider.settings["oauth.access_token_lifetime"]
    if not audience:
        return usual, longest
    resources = [provider.find_resource(uri) for uri in audience]
    formats = {(it.access_token_format if it else None) or usual for it in resources}
    if len(formats) > 1:
        raise Rejection(
            "invalid_target",
            "These resources take tokens of different formats: ask for one token for each.",
            rule="RFC 8707 section 2.2",
            received={"audience": list(audience)},
        )
    lifetimes = [(it.access_token_lifetime if it else None) or longest for it in resources]
    return formats.pop(), min(lifetimes)


def read_access_token(provider: Provider, text: str) -> AccessToken | None:
    """Return the contents of an authentic, unexpired token; None for every other text."""
    for token_format in provider.access_token_formats.values():
        token: AccessToken | None = token_format.decode(provider, text)
        if token is not None:
            return token if token.expires_at > clock.now() else None
    return None


def find_access_token(request: Request, text: str) -> AccessToken | None:
    """Return the contents of a live token: authentic, unexpired and not revoked; or None."""
    token = read_access_token(request.oidc.provider, text)
    if token is None:
        return None
    bearer = find_bearer(
        request.oidc.database, token.token_id, token.client_id, token.authorization_id
    )
    return token._replace(bearer=bearer) if bearer is not None else None
