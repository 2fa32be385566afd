"""Token exchange (RFC 8693): a client presents a token and gets another one.

That is an access token for another audience, or an ID-JAG, an assertion for another authorization
server.
"""

from typing import Any

from oidcserver.grants.base import TokenGrant
from oidcserver.grants.token_exchange.access_tokens import AccessTokenExchange
from oidcserver.grants.token_exchange.id_jags import IdJagExchange, requested_token_types
from oidcserver.grants.token_exchange.rules import (
    POLICY,
    RULES,
    by_rules,
    exchange_rules,
    require_policy,
)
from oidcserver.grants.token_exchange.tokens import ACCESS_TOKEN, ID_JAG
from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.grant_types import TOKEN_EXCHANGE
from oidcserver.settings import text
from oidcserver.types import Configurator

_EXCHANGES: dict[str, type[AccessTokenExchange | IdJagExchange]] = {
    ACCESS_TOKEN: AccessTokenExchange,
    ID_JAG: IdJagExchange,
}


class TokenExchangeGrant(TokenGrant):
    """Exchanges a token of this provider for one of another audience."""

    GRANT_TYPE = TOKEN_EXCHANGE

    def validate_token_request(self) -> None:
        """Check the presented tokens, the policy, the audience and the scope."""
        token_request = self.token_request
        self.authenticate_token_endpoint_client()
        if token_request.auth_method == "none":
            raise Rejection(
                "unauthorized_client",
                "A public client cannot exchange tokens.",
                rule="RFC 8693 section 5",
            )
        requested = token_request.payload.data.get("requested_token_type", ACCESS_TOKEN)
        if requested not in _EXCHANGES:
            raise invalid_request(
                "The requested_token_type is neither that of an access token nor of an ID-JAG.",
                "RFC 8693 section 2.1",
                requested_token_type=requested,
            )
        self.exchange = _EXCHANGES[requested](token_request)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Prepare the token. There is no refresh token: the client exchanges again."""
        token_request = self.token_request
        answer = self.exchange.answer()
        token_request.outcome.announce(
            "token_exchanged",
            client_id=token_request.client.client_id,
            subject_client_id=self.exchange.subject.client_id,
            user_id=token_request.user.id,
            audience=list(token_request.audience),
            act=token_request.actor,
            issued_token_type=answer["issued_token_type"],
        )
        return 200, answer, []


def includeme(config: Configurator) -> None:
    """Offer the grant, its metadata and the policy ``rules``."""
    config.add_oauth_grant("token_exchange", TokenExchangeGrant)
    config.add_token_exchange_policy("rules", by_rules)
    setting = config.add_oauth_setting
    setting(
        POLICY,
        text,
        "rules",
        "The policy that decides which client may exchange tokens for which audience; rules: that "
        "of oauth.token_exchange_rules.",
    )
    setting(
        RULES,
        exchange_rules,
        (),
        "The rules of token exchange, one a line: the identifier of a client, an audience or a "
        "resource, and delegation (the token names the client as its actor) or impersonation (it "
        "does not), with the audiences of the client itself; or id-jag, with the identifier of the "
        "client at the authorization server that is the audience, and options: scopes= and "
        "resources= limit the ID-JAG.",
    )
    config.add_server_metadata(
        "identity_chaining_requested_token_types_supported", requested_token_types
    )
    config.add_startup_check("token exchange", require_policy)
