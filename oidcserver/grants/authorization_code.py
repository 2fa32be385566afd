"""The authorization code grant (RFC 6749 section 4.1)."""

from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationEndpointMixin

from oidcserver.credentials import AUTHORIZATION_CODE, new_credential
from oidcserver.grants.base import TokenGrant
from oidcserver.models import AuthorizationCodeRecord
from oidcserver.models.authorization import revoke_authorization
from oidcserver.models.authorization_code import (
    find_authorization_code,
    redeem_authorization_code,
    store_authorization_code,
)
from oidcserver.oauth.errors import invalid_grant
from oidcserver.oauth.issuing import (
    may_be_redirected_to,
    may_refresh,
    prepare_refresh_token,
    still_allowed,
    token_response,
)
from oidcserver.types import Configurator


def issue_authorization_code(oauth_request: Any) -> str:
    """Write a code for the request's authorization, and that too if it is not written yet."""
    request = oauth_request.request
    data = oauth_request.payload.data
    authorization = oauth_request.authorization
    code = new_credential(AUTHORIZATION_CODE)
    lifetime = request.oidc.provider.settings["oauth.authorization_code_lifetime"]
    store_authorization_code(
        request.oidc.database,
        code,
        oauth_request.take_unwritten_authorization(),
        authorization_id=authorization.id,
        client_id=authorization.client_id,
        redirect_uri=data.get("redirect_uri"),
        code_challenge=data.get("code_challenge"),
        code_challenge_method=data.get("code_challenge_method"),
        expires_at=request.oidc.now + lifetime,
    )
    return code


class AuthorizationCodeGrant(AuthorizationEndpointMixin, TokenGrant):
    """Code first, tokens for it later."""

    GRANT_TYPE = "authorization_code"
    RESPONSE_TYPES = frozenset({"code"})
    WRITES_AUTHORIZATION = True

    def create_authorization_response(
        self, redirect_uri: str, grant_user: Any
    ) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Return the parameters of the response (RFC 6749 section 4.1.2)."""
        return 200, {"code": issue_authorization_code(self.request)}, []

    def validate_token_request(self) -> None:
        """Check all that a code is bound to; another client's attempt leaves it usable."""
        client = self.authenticate_token_endpoint_client()
        code = self.parameter("code")
        found = find_authorization_code(self.http_request.oidc.database, code)
        if found is None or found.code.client_id != client.client_id:
            raise invalid_grant("The code is not valid.")
        row, self.authorization, self.user = found
        if row.used_at is not None:
            raise self._reused(row)
        if self.authorization.revoked_at is not None or self.user.disabled_at is not None:
            raise invalid_grant("What the code stood for was withdrawn.")
        if row.expires_at <= self.http_request.oidc.now:
            raise invalid_grant("The code has expired.")
        if row.redirect_uri is not None and row.redirect_uri != self.request.form.get(
            "redirect_uri"
        ):
            raise invalid_grant(
                "The redirect_uri is not the one of the authorization request.",
                "RFC 6749 section 4.1.3",
            )
        if row.redirect_uri is not None and not may_be_redirected_to(
            self.http_request, client, row.redirect_uri
        ):
            raise invalid_grant("The redirect_uri is no longer registered.")
        granted = self.authorization.scope
        self.scope = still_allowed(self.http_request, client, granted)
        if granted and not self.scope:
            raise invalid_grant("The client is no longer registered for any scope of the code.")
        self.request.authorization_code = row

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Redeem the code and issue; of several who try at once, one is first."""
        request, client = self.http_request, self.request.client
        authorization, user = self.authorization, self.user
        refresh_token = prepared = None
        if may_refresh(request, client):
            refresh_token, prepared = prepare_refresh_token(request, authorization, self.scope)
        code, row = self.request.form["code"], self.request.authorization_code
        if not redeem_authorization_code(request.oidc.database, code, row.client_id, prepared):
            raise self._reused(row)
        self.request.authorization = authorization
        self.request.user = user
        token = token_response(request, client, authorization, self.scope)
        if refresh_token is not None:
            token["refresh_token"] = refresh_token
        self.save_token(token)
        return 200, token, []

    def _reused(self, row: AuthorizationCodeRecord) -> Exception:
        """End the family of a code that comes a second time (RFC 9700 section 4.5)."""
        revoke_authorization(self.http_request.oidc.database, row.authorization_id)
        self.server.send_signal(
            "code_reused", client_id=row.client_id, authorization_id=row.authorization_id
        )
        return invalid_grant("The code was used before.", "RFC 9700 section 4.5")


def includeme(config: Configurator) -> None:
    """Offer the grant."""
    config.add_oauth_grant("authorization_code", AuthorizationCodeGrant, response_types=["code"])
