"""The policy ``rules``: the ini says which client may exchange tokens for which audience."""

from dataclasses import dataclass

from oidcserver.interfaces import ExchangePermission
from oidcserver.interfaces.resources import is_same_resource
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.types import Registry

POLICY = "oauth.token_exchange_policy"
RULES = "oauth.token_exchange_rules"
KIND = "token exchange policy"
_KINDS = {"delegation": False, "impersonation": True}


@dataclass(frozen=True, slots=True)
class ExchangeRule:
    """One line of the ini."""

    client_id: str
    audience: str
    permission: ExchangePermission

    def __str__(self) -> str:
        kind = "impersonation" if self.permission.impersonation else "delegation"
        own = sorted(self.permission.own_audiences)
        return " ".join((self.client_id, self.audience, kind, *own))


def exchange_rules(raw: str) -> tuple[ExchangeRule, ...]:
    """Return rules, one a line: ``CLIENT AUDIENCE delegation`` or ``impersonation``.

    Further words of a line are audiences of the client itself.
    """
    rules: dict[tuple[str, str], ExchangeRule] = {}
    for words in filter(None, map(str.split, raw.splitlines())):
        if len(words) < 3 or words[2] not in _KINDS or tuple(words[:2]) in rules:
            raise ValueError(
                "lines of a client, an audience, delegation or impersonation, and the audiences of "
                "the client itself, with one line for each client and audience"
            )
        client_id, audience, kind, *own = words
        permission = ExchangePermission(_KINDS[kind], frozenset(own))
        rules[client_id, audience] = ExchangeRule(client_id, audience, permission)
    return tuple(rules.values())


def by_rules(token_request: OAuthRequest, audience: str) -> ExchangePermission | None:
    """Return what the rules of the ini allow the client."""
    for rule in token_request.provider.settings[RULES]:
        own = rule.client_id == token_request.client.client_id
        if own and is_same_resource(rule.audience, audience):
            permission: ExchangePermission = rule.permission
            return permission
    return None


def permission_for(token_request: OAuthRequest, audience: str) -> ExchangePermission | None:
    """Return what the selected policy allows the client."""
    provider = token_request.provider
    policy = provider.catalog.one(KIND, provider.settings[POLICY], POLICY)
    permission: ExchangePermission | None = policy(token_request, audience)
    return permission


def require_policy(registry: Registry) -> str | None:
    """Require a policy under which some exchange is possible, where the grant is selected."""
    provider = registry.oidc.provider
    if "token_exchange" not in provider.grants:
        return None
    name = provider.settings[POLICY]
    provider.catalog.one(KIND, name, POLICY)
    if name == "rules" and not provider.settings[RULES]:
        return f"oauth.grants selects token_exchange, but {RULES} is empty: no client may use it."
    return None
