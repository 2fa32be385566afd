"""Exchanges an ID token for an ID-JAG, an assertion for another authorization server.

The other server gives the client an access token for it, without asking the user: an operator has
decided here which clients may do so (Identity Assertion JWT Authorization Grant,
draft-ietf-oauth-identity-assertion-authz-grant section 4.3).
"""

from typing import Any

from oidcserver.clients.client_jwt import default_signing_algorithm
from oidcserver.credentials import new_identifier
from oidcserver.extensions.authorization_details import PARAMETER, invalid_details
from oidcserver.grants.id_jag import MAX_LIFETIME, TYP
from oidcserver.grants.token_exchange.actors import depth_of, may_act
from oidcserver.grants.token_exchange.rules import POLICY, RULES, permission_for
from oidcserver.grants.token_exchange.tokens import (
    ID_JAG,
    ID_TOKEN,
    RULE,
    invalid_target,
    read_presented,
)
from oidcserver.interfaces import AssertionPermission
from oidcserver.interfaces.resources import resource_key
from oidcserver.keys.jwt import sign
from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.scopes import PERSONAL, scope_words
from oidcserver.oidc.id_token import id_token_claims
from oidcserver.types import Provider

_SECTION = "draft-ietf-oauth-identity-assertion-authz-grant section 4.3"


class IdJagExchange:
    """A request for an ID-JAG.

    :raises Rejection: if the ID token or the policy does not allow it.
    """

    def __init__(self, token_request: OAuthRequest) -> None:
        self.token_request = token_request
        data = token_request.payload.data
        if "actor_token" in data or "actor_token_type" in data:
            raise invalid_request("There is no actor_token in a request for an ID-JAG.", _SECTION)
        if PARAMETER in data:
            raise invalid_details("An ID-JAG has no authorization details")
        if data.get("subject_token_type", ID_TOKEN) != ID_TOKEN:
            raise invalid_request("Only an ID token is exchanged for an ID-JAG.", _SECTION)
        self.subject = subject = read_presented(token_request, "subject_token")
        if subject.client_id != token_request.client.client_id:
            raise invalid_request("The subject_token was not issued to the client.", _SECTION)
        self._check_actors()
        audience = self._audience()
        self.permission = self._permission(audience)
        self.scope = self._scope()
        self.resources = self._resources()
        token_request.audience, token_request.authorization_details = (audience,), []
        token_request.authorization, token_request.user = subject.authorization, subject.user
        token_request.actor = subject.act

    def answer(self) -> dict[str, Any]:
        """Return the members of the answer, with the ID-JAG in place of an access token."""
        token_request, subject = self.token_request, self.subject
        request, provider = token_request.request, token_request.provider
        now = request.oidc.now
        assert subject.authorization is not None
        expires_at = min(now + MAX_LIFETIME, subject.expires_at)
        signed_in = id_token_claims(request, token_request.client, subject.authorization)
        claims = {
            "iss": provider.issuer,
            "sub": subject.subject,
            "aud": token_request.audience[0],
            "client_id": self.permission.client_id,
            "jti": new_identifier(),
            "iat": now,
            "exp": expires_at,
            "scope": self.scope or None,
            "resource": self.resources[0] if len(self.resources) == 1 else self.resources or None,
            "act": subject.act,
            **{name: signed_in.get(name) for name in ("auth_time", "acr", "amr")},
        }
        present = {name: value for name, value in claims.items() if value is not None}
        algorithm = default_signing_algorithm(provider.settings)  # the other server reads it
        answer = {
            "access_token": sign(provider.keys, algorithm, present, typ=TYP),
            "issued_token_type": ID_JAG,
            "token_type": "N_A",  # RFC 8693 section 2.2.1: it is not an access token
            "expires_in": expires_at - now,
        }
        return {**answer, "scope": self.scope} if self.scope else answer

    def _check_actors(self) -> None:
        """Require that the client may act for the user, where the ID token says who may."""
        issuer, subject = self.token_request.provider.issuer, self.subject
        try:
            depth_of(subject.act)
            if subject.may_act is None or may_act(subject.may_act, issuer, subject.client_id):
                return
        except ValueError as problem:
            raise invalid_request(str(problem), "RFC 8693 section 4.1") from None
        raise invalid_request("The subject_token allows another actor alone.", RULE)

    def _audience(self) -> str:
        """Return the issuer of the other authorization server."""
        audiences = dict.fromkeys(self.token_request.payload.datalist.get("audience", ()))
        if len(audiences) != 1:
            raise invalid_request(
                "The audience of an ID-JAG is the issuer of one authorization server.", _SECTION
            )
        return next(iter(audiences))

    def _permission(self, audience: str) -> AssertionPermission:
        """Return the permission of the policy; this provider never accepts its own ID-JAGs."""
        permission = permission_for(self.token_request, audience, AssertionPermission)
        if permission is None or audience == self.token_request.provider.issuer:
            raise invalid_target("The client may not get an ID-JAG for this audience.", audience)
        return permission

    def _scope(self) -> str:
        """Return the requested scopes that the policy allows, or all that it names.

        They are scopes of the other server. ``openid`` and ``offline_access`` are about a sign-in.
        """
        asked, allowed = scope_words(self.token_request.payload.scope), self.permission.scopes
        words = asked or allowed or ()
        given = [
            word for word in words if word not in PERSONAL and (allowed is None or word in allowed)
        ]
        if asked and not given:
            raise Rejection(
                "invalid_scope",
                "The client may have none of these scopes in an ID-JAG.",
                rule=_SECTION,
                received={"scope": asked},
            )
        return " ".join(given)

    def _resources(self) -> list[str]:
        """Return the requested resources, or all that the policy names."""
        allowed = self.permission.resources
        asked = list(dict.fromkeys(self.token_request.payload.datalist.get("resource", ())))
        for uri in asked:
            try:
                resource_key(uri)
            except ValueError as problem:
                raise invalid_target(f"A resource {problem}.", uri) from None
            if allowed is not None and uri not in allowed:
                raise invalid_target("The client may not get an ID-JAG for this resource.", uri)
        return asked or list(allowed or ())


def requested_token_types(provider: Provider) -> list[str]:
    """Return the types of tokens for other authorization servers (section 6.1)."""
    settings = provider.settings
    by_rule = any(isinstance(rule.permission, AssertionPermission) for rule in settings[RULES])
    offered = "token_exchange" in provider.grants and (by_rule or settings[POLICY] != "rules")
    return [ID_JAG] if offered else []
