"""The policy ``rules``: the ini says which client may exchange tokens for which audience."""

from dataclasses import dataclass
from typing import TypeVar

from oidcserver.interfaces import AssertionPermission, ExchangePermission
from oidcserver.interfaces.resources import is_same_resource, resource_key
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.settings import ReferenceProblem
from oidcserver.types import Registry

POLICY = "oauth.token_exchange_policy"
RULES = "oauth.token_exchange_rules"
KIND = "token exchange policy"
_KINDS = {"delegation": False, "impersonation": True}
_ASSERTION = "id-jag"
_LIMITS = ("scopes", "resources")
_SHAPE = (
    "lines of a client, an audience, delegation or impersonation, and the audiences of the client "
    f"itself; or of a client, the issuer of another authorization server, {_ASSERTION}, the "
    "identifier of the client there, and options: scopes=NAME,NAME resources=URI,URI. There is one "
    "line for each client and audience"
)

Permission = TypeVar("Permission", ExchangePermission, AssertionPermission)


@dataclass(frozen=True, slots=True)
class ExchangeRule:
    """One line of the ini."""

    client_id: str
    audience: str
    permission: ExchangePermission | AssertionPermission

    def __str__(self) -> str:
        permission = self.permission
        if isinstance(permission, AssertionPermission):
            given = [(name, getattr(permission, name)) for name in _LIMITS]
            limits = [f"{name}={','.join(values)}" for name, values in given if values is not None]
            words = [_ASSERTION, permission.client_id, *limits]
        else:
            kind = "impersonation" if permission.impersonation else "delegation"
            words = [kind, *sorted(permission.own_audiences)]
        return " ".join((self.client_id, self.audience, *words))

    def is_for(self, audience: str) -> bool:
        """Whether it is for an audience. Issuers are compared as strings (RFC 8414 section 3.3)."""
        if isinstance(self.permission, AssertionPermission):
            return audience == self.audience
        return is_same_resource(audience, self.audience)


def exchange_rules(raw: str) -> tuple[ExchangeRule, ...]:
    """Return rules, one a line: ``CLIENT AUDIENCE delegation``, ``impersonation`` or ``id-jag``."""
    rules: dict[tuple[str, str], ExchangeRule] = {}
    for words in filter(None, map(str.split, raw.splitlines())):
        if len(words) < 3 or tuple(words[:2]) in rules:
            raise ValueError(_SHAPE)
        client_id, audience, kind, *rest = words
        permission: ExchangePermission | AssertionPermission
        if kind == _ASSERTION:
            permission = _assertion(audience, rest)
        elif kind in _KINDS:
            permission = ExchangePermission(_KINDS[kind], frozenset(rest))
        else:
            raise ValueError(_SHAPE)
        rules[client_id, audience] = ExchangeRule(client_id, audience, permission)
    return tuple(rules.values())


def _assertion(issuer: str, words: list[str]) -> AssertionPermission:
    """Return the permission of a line of the kind ``id-jag``."""
    pairs = [word.partition("=") for word in words[1:]]
    limits = {name: tuple(value.split(",")) for name, _, value in pairs if value}
    if not words or len(limits) < len(pairs) or not limits.keys() <= set(_LIMITS):
        raise ValueError(_SHAPE)
    try:
        for uri in (issuer, *limits.get("resources", ())):
            resource_key(uri)
    except ValueError as problem:
        raise ReferenceProblem(f"{uri} {problem}") from None
    return AssertionPermission(words[0], limits.get("scopes"), limits.get("resources"))


def by_rules(
    token_request: OAuthRequest, audience: str
) -> ExchangePermission | AssertionPermission | None:
    """Return the permission that the rules of the ini give the client."""
    for rule in token_request.provider.settings[RULES]:
        if rule.client_id == token_request.client.client_id and rule.is_for(audience):
            permission: ExchangePermission | AssertionPermission = rule.permission
            return permission
    return None


def permission_for(
    token_request: OAuthRequest, audience: str, kind: type[Permission]
) -> Permission | None:
    """Return the permission of the selected policy; None if it is of another kind."""
    provider = token_request.provider
    policy = provider.catalog.one(KIND, provider.settings[POLICY], POLICY)
    permission = policy(token_request, audience)
    return permission if isinstance(permission, kind) else None


def require_policy(registry: Registry) -> str | None:
    """Require a policy under which some exchange is possible, where the grant is selected.

    Reject rules where it is not.
    """
    provider = registry.oidc.provider
    name, rules = provider.settings[POLICY], provider.settings[RULES]
    if "token_exchange" not in provider.grants:
        return (
            f"{RULES} has rules, but oauth.grants does not select token_exchange: add it there, or "
            f"remove {RULES}."
            if rules
            else None
        )
    provider.catalog.one(KIND, name, POLICY)
    if name == "rules" and not rules:
        return f"oauth.grants selects token_exchange, but {RULES} is empty: no client may use it."
    for rule in rules:
        if isinstance(rule.permission, AssertionPermission) and rule.is_for(provider.issuer):
            return f"{RULES}: an ID-JAG is for another authorization server: {rule}"
    return None
