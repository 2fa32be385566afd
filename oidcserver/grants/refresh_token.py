"""The refresh token grant (RFC 6749 section 6): rotation, and reuse ends the family."""

from typing import Any

from oidcserver.grants.base import TokenGrant
from oidcserver.keys.sealing import seal_with, unseal_with
from oidcserver.models import RefreshTokenRecord
from oidcserver.models.authorization import revoke_authorization
from oidcserver.models.login_session import touch_login_session
from oidcserver.models.refresh_token import find_refresh_token, rotate_refresh_token
from oidcserver.oauth.errors import Rejection, invalid_grant
from oidcserver.oauth.issuing import prepare_refresh_token, still_allowed, token_response
from oidcserver.oauth.refreshing import ends_with_session, reason_of_end
from oidcserver.oauth.scopes import scope_words
from oidcserver.types import Configurator

WINDOW = "oauth.refresh_token_retry_window"
PUBLIC_WINDOW = "oauth.public_refresh_token_retry_window"


class RefreshTokenGrant(TokenGrant):
    """Each use gives a successor.

    A used token that comes again ends the family (RFC 9700 section 4.14), but within the retry
    window the same client gets the *same* successor: it is kept encrypted under a key derived
    from the presented token, so that a lost answer does no harm and the row alone yields nothing.
    """

    GRANT_TYPE = "refresh_token"

    def validate_token_request(self) -> None:
        """Check the token, its family and the scope; nothing is used up yet."""
        client = self.authenticate_token_endpoint_client()
        presented = self.parameter("refresh_token")
        found = find_refresh_token(self.http_request.oidc.database, presented)
        if found is None or found.token.client_id != client.client_id:
            raise invalid_grant("The refresh token is not valid.")
        row = found.token
        allowed = still_allowed(self.http_request, client, row.scope)
        problem = reason_of_end(self.http_request, client, found, allowed)
        if problem is not None:
            raise invalid_grant(problem)
        asked = scope_words(self.request.payload.scope) or row.scope.split()
        if not set(asked) <= set(row.scope.split()):
            raise Rejection(
                "invalid_scope",
                "The scope is wider than what was granted.",
                rule="RFC 6749 section 6",
                received={"scope": asked},
            )
        self.scope = " ".join(word for word in asked if word in allowed.split())
        self.allowed = allowed
        self.presented = presented
        self.found = found
        self.request.refresh_token = row
        self.request.authorization = found.authorization
        self.request.user = found.user

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Rotate and issue; the scope of the refresh token itself stays (RFC 6749 section 6)."""
        row: RefreshTokenRecord = self.request.refresh_token
        authorization = self.request.authorization
        successor = None
        if row.used_at is None:
            successor = self._rotate(row)
        if successor is None:
            successor = self._successor_again(row)
        token = token_response(self.http_request, self.request.client, authorization, self.scope)
        token["refresh_token"] = successor
        self.save_token(token)
        return 200, token, []

    def _rotate(self, row: RefreshTokenRecord) -> str | None:
        """Use the token up and write its successor; None if somebody was faster."""
        request = self.http_request
        successor, prepared = prepare_refresh_token(
            request, self.request.authorization, row.scope, row.family_expires_at
        )
        sealed = seal_with(self.presented, successor.encode())
        rotated = rotate_refresh_token(
            request.oidc.database, self.presented, row.client_id, sealed, prepared
        )
        if rotated:
            self._use_session()
        return successor if rotated else None

    def _use_session(self) -> None:
        """Note the use of the session, so that it does not expire while applications use it."""
        request, found = self.http_request, self.found
        session_id, seen_at = found.authorization.session_id, found.session_seen_at
        if (
            ends_with_session(found, self.allowed)
            and session_id is not None
            and seen_at is not None
        ):
            touch_login_session(request.oidc.database, session_id, seen_at)

    def _successor_again(self, row: RefreshTokenRecord) -> str:
        """Return the successor within the window; otherwise end the family."""
        request = self.http_request
        # What was read before may be older than the statement that was faster.
        found = find_refresh_token(request.oidc.database, self.presented)
        row = row if found is None else found.token
        public = self.request.client.is_public
        window = request.oidc.provider.settings[PUBLIC_WINDOW if public else WINDOW]
        # Another host's clock may be ahead; without a window that excuses nothing.
        if window and row.used_at is not None and request.oidc.now < row.used_at + window:
            unsealed = unseal_with(self.presented, row.successor_sealed or "")
            successor = unsealed.decode() if unsealed is not None else ""
            following = find_refresh_token(request.oidc.database, successor)
            # A successor that was used itself proves that the answer had arrived.
            if following is not None and following.token.used_at is None:
                return successor
        revoke_authorization(request.oidc.database, row.authorization_id)
        self.server.send_signal(
            "refresh_token_reused",
            client_id=row.client_id,
            authorization_id=row.authorization_id,
        )
        raise invalid_grant("The refresh token was used before.", "RFC 9700 section 4.14")


def includeme(config: Configurator) -> None:
    """Offer the grant."""
    config.add_oauth_grant("refresh_token", RefreshTokenGrant)
