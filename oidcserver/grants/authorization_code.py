"""The authorization code grant (RFC 6749 section 4.1)."""

from typing import Any, NoReturn

from authlib.oauth2.rfc6749 import AuthorizationEndpointMixin

from oidcserver.credentials import AUTHORIZATION_CODE, digest, new_credential
from oidcserver.database import NewRow
from oidcserver.database.writes import inserting
from oidcserver.grants.base import TokenGrant
from oidcserver.models import AuthorizationCode, AuthorizationCodeRecord, RefreshToken
from oidcserver.models.authorization import extending
from oidcserver.models.authorization_code import REDEEM, find_authorization_code
from oidcserver.oauth.errors import Rejection, invalid_grant
from oidcserver.oauth.grant_types import may_refresh
from oidcserver.oauth.issuing import (
    end_family,
    may_be_redirected_to,
    prepare_refresh_token,
    still_allowed,
    token_response,
)
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.types import Configurator

LIFETIME = "oauth.authorization_code_lifetime"


def prepare_authorization_code(oauth_request: OAuthRequest) -> str:
    """Return a code for the authorization of the request; the commit writes it."""
    request, data = oauth_request.request, oauth_request.payload.data
    authorization = oauth_request.authorization
    code = new_credential(AUTHORIZATION_CODE)
    row = NewRow(
        AuthorizationCode,
        code_digest=digest(code),
        authorization_id=authorization.id,
        client_id=authorization.client_id,
        redirect_uri=data.get("redirect_uri"),
        code_challenge=data.get("code_challenge"),
        code_challenge_method=data.get("code_challenge_method"),
        expires_at=request.oidc.now + oauth_request.provider.settings[LIFETIME],
    )
    oauth_request.outcome.also(inserting(AuthorizationCode), **row.values)
    return code


class AuthorizationCodeGrant(AuthorizationEndpointMixin, TokenGrant):
    """Issues a code at the authorization endpoint, and redeems it for tokens."""

    GRANT_TYPE = "authorization_code"
    RESPONSE_TYPES = frozenset({"code"})

    def create_authorization_response(
        self, redirect_uri: str, grant_user: Any
    ) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Return the parameters of the response (RFC 6749 section 4.1.2)."""
        return 200, {"code": prepare_authorization_code(self.request)}, []

    def validate_token_request(self) -> None:
        """Check the code and its bindings; another client's attempt leaves the code usable."""
        token_request, request = self.token_request, self.token_request.request
        client = self.authenticate_token_endpoint_client()
        code = token_request.parameter("code")
        found = find_authorization_code(request.oidc.database, code)
        if found is None or found.code.client_id != client.client_id:
            raise invalid_grant("The code is not valid.")
        row, authorization, user = found
        if row.used_at is not None:
            raise self._reused(row)
        if authorization.revoked_at is not None or not user.may_sign_in:
            raise invalid_grant("The authorization of the code was withdrawn.")
        if row.expires_at <= request.oidc.now:
            raise invalid_grant("The code has expired.")
        if row.redirect_uri is not None and row.redirect_uri != token_request.form.get(
            "redirect_uri"
        ):
            raise invalid_grant(
                "The redirect_uri is not the one of the authorization request.",
                "RFC 6749 section 4.1.3",
            )
        if row.redirect_uri is not None and not may_be_redirected_to(
            request, client, row.redirect_uri
        ):
            raise invalid_grant("The redirect_uri is no longer registered.")
        self.scope = still_allowed(request, client, authorization.scope)
        if authorization.scope and not self.scope:
            raise invalid_grant("The client is no longer registered for any scope of the code.")
        token_request.authorization_code = row
        token_request.authorization, token_request.user = authorization, user

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Prepare the tokens. Of several requests with one code, one redeems it."""
        token_request, request = self.token_request, self.token_request.request
        row = token_request.authorization_code
        answer = token_response(token_request, self.scope)
        token_request.outcome.decide(
            REDEEM,
            lambda: self._lose(row),
            digest=digest(token_request.form["code"]),
            client=row.client_id,
            now=request.oidc.now,
        )
        if may_refresh(token_request.provider, token_request.client):
            answer["refresh_token"], values = prepare_refresh_token(token_request, self.scope)
            token_request.outcome.also(inserting(RefreshToken), extending, **values)
        return 200, answer, []

    def _lose(self, row: AuthorizationCodeRecord) -> NoReturn:
        raise self._reused(row)

    def _reused(self, row: AuthorizationCodeRecord) -> Rejection:
        """Return the rejection of a code that is used again, and end its family (RFC 9700 4.5)."""
        end_family(self.token_request, row.authorization_id, "code_reused")
        return invalid_grant("The code was used before.", "RFC 9700 section 4.5")


def includeme(config: Configurator) -> None:
    """Offer the grant."""
    config.add_oauth_grant("authorization_code", AuthorizationCodeGrant, response_types=["code"])
