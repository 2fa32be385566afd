"""The grant of CIBA (OpenID Connect Client-Initiated Backchannel Authentication section 10.1)."""

from functools import partial
from typing import Any, NoReturn

from oidcserver.credentials import digest
from oidcserver.database.writes import inserting
from oidcserver.grants.base import TokenGrant
from oidcserver.models import BackchannelRequestRecord, RefreshToken
from oidcserver.models.authorization import extending
from oidcserver.models.backchannel_request import (
    REDEEM,
    count_poll,
    find_backchannel_request,
)
from oidcserver.oauth.errors import Rejection, invalid_grant
from oidcserver.oauth.grant_types import CIBA, may_refresh
from oidcserver.oauth.issuing import (
    prepare_refresh_token,
    still_allowed,
    token_response,
)
from oidcserver.types import Configurator

#: The claim of an ID token with the request that it answers (section 10.3.1).
CLAIM = "urn:openid:params:jwt:claim:auth_req_id"
RULE = "CIBA section 11"


class BackchannelGrant(TokenGrant):
    """The client polls with an ``auth_req_id`` until the user has decided.

    In ping mode it comes once it was notified. Only an open request counts polls: a client that
    has something to fetch is never told to slow down.
    """

    GRANT_TYPE = CIBA

    def validate_token_request(self) -> None:
        """Check the request and the user's decision; another client's attempt changes nothing."""
        token_request, request = self.token_request, self.token_request.request
        client = self.authenticate_token_endpoint_client()
        auth_req_id = token_request.parameter("auth_req_id", "CIBA section 10.1")
        found = find_backchannel_request(request.oidc.database, auth_req_id)
        if found is None or found.request.client_id != client.client_id:
            raise invalid_grant("The auth_req_id is not valid.", RULE)
        row, user, authorization = found
        if row.used_at is not None:
            raise _used()
        if row.expires_at <= request.oidc.now:
            raise _rejection("expired_token", "The auth_req_id has expired.")
        if row.decided_at is None:
            token_request.undecided = partial(self._pending, auth_req_id, row)
            return
        if authorization is None:
            raise _rejection("access_denied", "The End-User denied the request.")
        if authorization.revoked_at is not None or not user.may_sign_in:
            raise invalid_grant("The authorization of the request was withdrawn.", RULE)
        self.scope = still_allowed(request, client, authorization.scope)
        if "openid" not in self.scope.split():
            raise invalid_grant("The client is no longer registered for the scope openid.", RULE)
        token_request.authorization, token_request.user = authorization, user
        token_request.id_token_claims = {CLAIM: auth_req_id}

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Prepare the tokens. Of several polls of one request, one gets them."""
        token_request, request = self.token_request, self.token_request.request
        answer = token_response(token_request, self.scope)
        token_request.outcome.decide(
            REDEEM,
            _lose,
            digest=digest(token_request.form["auth_req_id"]),
            client=token_request.client.client_id,
            now=request.oidc.now,
        )
        if may_refresh(token_request.provider, token_request.client):
            answer["refresh_token"], values = prepare_refresh_token(token_request, self.scope)
            token_request.outcome.also(inserting(RefreshToken), extending, **values)
        return 200, answer, []

    def _pending(self, auth_req_id: str, row: BackchannelRequestRecord) -> Rejection:
        """Return the rejection of a poll of an open request, and count the poll."""
        request = self.token_request.request
        self.token_request.outcome.if_rejected(count_poll, request.oidc.database, auth_req_id)
        if row.next_poll_at > request.oidc.now:
            return _rejection("slow_down", "The client polls faster than the interval allows.")
        return _rejection("authorization_pending", "The End-User has not decided yet.")


def _rejection(error: str, description: str) -> Rejection:
    return Rejection(error, description, rule=RULE)


def _used() -> Rejection:
    return invalid_grant("The auth_req_id was used before.", RULE)


def _lose() -> NoReturn:
    raise _used()


def includeme(config: Configurator) -> None:
    """Offer the grant."""
    config.add_oauth_grant("ciba", BackchannelGrant)
