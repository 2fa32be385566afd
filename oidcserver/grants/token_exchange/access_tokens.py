"""Exchanges a token for an access token for another audience (RFC 8693 section 2).

The new token hangs on the authorization of the presented one, and ends with it. It allows no more
and lives no longer. By default it names the client as the actor (delegation); only a policy allows
that it does not (impersonation).
"""

from typing import Any

from oidcserver.extensions.authorization_details import (
    PARAMETER,
    are_covered,
    for_audience,
    invalid_details,
    parse_details,
    registered_details,
)
from oidcserver.grants.token_exchange.actors import actor, depth_of, may_act
from oidcserver.grants.token_exchange.rules import permission_for
from oidcserver.grants.token_exchange.tokens import (
    ACCESS_TOKEN,
    RULE,
    PresentedToken,
    invalid_target,
    read_presented,
)
from oidcserver.interfaces import ExchangePermission
from oidcserver.interfaces.resources import resource_key
from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.issuing import still_allowed, token_response
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.oauth.scopes import PERSONAL, scope_for, scope_words
from oidcserver.types import Provider


class AccessTokenExchange:
    """A request for an access token.

    :raises Rejection: if the presented tokens, the policy, the audience or the scope do not allow
        it.
    """

    def __init__(self, token_request: OAuthRequest) -> None:
        self.token_request = token_request
        self.subject = subject = read_presented(token_request, "subject_token")
        if subject.authorization is None:
            raise invalid_request("The subject_token is not that of a user.", RULE)
        targets = self._targets() or subject.audience
        permissions = {target: self._permission(target) for target in targets}
        self._require_own(permissions)
        _require_covered(
            token_request.provider, token_request.client.client_id, subject, permissions
        )
        token_request.actor = self._actor(permissions)
        token_request.audience = tuple(targets)
        self.scope = self._narrowed_scope()
        token_request.authorization_details = self._narrowed_details()
        token_request.latest_end = subject.expires_at
        token_request.authorization, token_request.user = subject.authorization, subject.user

    def answer(self) -> dict[str, Any]:
        """Return the members of the answer, which has no refresh token."""
        token_request = self.token_request
        answer = token_response(token_request, self.scope)
        answer["issued_token_type"] = ACCESS_TOKEN
        return answer

    def _targets(self) -> list[str]:
        """Return the requested audiences and resources, each once, as they are declared."""
        values, provider = self.token_request.payload.datalist, self.token_request.provider
        for uri in values.get("resource", ()):
            try:
                resource_key(uri)
            except ValueError as problem:
                raise invalid_target(f"A resource {problem}.", uri) from None
        targets: dict[str, None] = {}
        for name in (*values.get("resource", ()), *values.get("audience", ())):
            resource = provider.find_resource(name)
            targets[name if resource is None else resource.uri] = None
        return list(targets)

    def _permission(self, target: str) -> ExchangePermission:
        """Return the permission for a target; a resource may be for certain clients."""
        permission = permission_for(self.token_request, target, ExchangePermission)
        resource = self.token_request.provider.find_resource(target)
        if resource is not None and not resource.is_open_to(self.token_request.client.client_id):
            permission = None
        if permission is None:
            raise invalid_target("The client may not exchange tokens for this audience.", target)
        return permission

    def _require_own(self, permissions: dict[str, ExchangePermission]) -> None:
        """Require that the token was issued to the client or for it: a stolen one is useless."""
        client_id = self.token_request.client.client_id
        subject = self.subject
        meant_for = {subject.client_id, *subject.audience}
        served = self.token_request.provider.served_resources(client_id, subject.audience)
        own = [
            {client_id, *served, *permission.own_audiences} for permission in permissions.values()
        ]
        if any(meant_for.isdisjoint(names) for names in own):
            raise invalid_request(
                "The subject_token was issued neither to nor for the client.", RULE
            )

    def _actor(self, permissions: dict[str, ExchangePermission]) -> Any:
        """Return the ``act`` of the new token: its actors before, and the present one first."""
        subject, token_request = self.subject, self.token_request
        data = token_request.payload.data
        issuer, acting = token_request.provider.issuer, token_request.client.client_id
        named = "actor_token" in data
        if named:
            presented = read_presented(token_request, "actor_token")
            if presented.client_id != acting:
                raise invalid_request("The actor_token is not one of the client.", RULE)
            acting = presented.subject
        elif "actor_token_type" in data:
            raise invalid_request("There is an actor_token_type without actor_token.", RULE)
        try:
            depth_of(subject.act)
            if subject.may_act is not None and not may_act(subject.may_act, issuer, acting):
                raise invalid_request("The subject_token allows another actor alone.", RULE)
            impersonates = all(permission.impersonation for permission in permissions.values())
            if impersonates and not named and subject.may_act is None:
                return subject.act
            return actor(issuer, acting, subject.act)
        except ValueError as problem:
            raise invalid_request(str(problem), "RFC 8693 section 4.1") from None

    def _narrowed_scope(self) -> str:
        """Return the requested scope, or that of the presented token.

        The scopes are ones that the client registered. ``openid`` and ``offline_access`` are not
        among them: they are about the sign-in at the first client.
        """
        subject, token_request = self.subject, self.token_request
        asked = scope_words(token_request.payload.scope)
        if not set(asked) <= set(subject.scope.split()):
            raise Rejection(
                "invalid_scope",
                "The scope is wider than that of the subject_token.",
                rule=RULE,
                received={"scope": asked},
            )
        token_request.request.oidc.server.validate_requested_scope(token_request.payload.scope)
        wanted = " ".join(name for name in asked or subject.scope.split() if name not in PERSONAL)
        scope = still_allowed(token_request.request, token_request.client, wanted)
        scope = scope_for(token_request.provider, token_request.audience, scope)
        if asked and not scope:
            raise Rejection("invalid_scope", "None of the scopes can be passed on.", rule=RULE)
        return scope

    def _narrowed_details(self) -> list[dict[str, Any]]:
        """Return the requested authorization details, or those of the token for the audience.

        Their types are ones that the client registered.
        """
        subject, token_request = self.subject, self.token_request
        provider, client = token_request.provider, token_request.client
        details = registered_details(provider, client, subject.authorization_details)
        text = token_request.payload.data.get(PARAMETER)
        if text is not None:
            asked = parse_details(provider, client, text)
            if not are_covered(provider, details, asked):
                raise invalid_details("The entries allow more than the subject_token")
            details = asked
        return for_audience(details, token_request.audience)


def _require_covered(
    provider: Provider,
    client_id: str,
    subject: PresentedToken,
    permissions: dict[str, ExchangePermission],
) -> None:
    """Require that the presented token covers each audience.

    It does if it is for that audience, if its user granted that resource (RFC 8707), or if it is
    for no resource in particular. A token for the client's own resource, or for an audience that
    the policy names, was sent to the client, and is accepted for the other, too.
    """
    assert subject.authorization is not None
    granted = subject.authorization.resources or ()
    if subject.audience == (provider.issuer,) and not granted:
        return
    covered = {*subject.audience, *granted}
    served = provider.served_resources(client_id, subject.audience)
    for target, permission in permissions.items():
        own = {*served, *permission.own_audiences}
        if target not in covered and own.isdisjoint(subject.audience):
            raise invalid_target("The subject_token does not cover this audience.", target)
