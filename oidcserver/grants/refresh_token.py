"""The refresh token grant (RFC 6749 section 6): rotation by policy, and reuse ends the family."""

from typing import Any, NoReturn

from oidcserver.credentials import digest
from oidcserver.grants.base import TokenGrant
from oidcserver.keys.sealing import seal_with, unseal_with
from oidcserver.keys.strict_json import compact
from oidcserver.models import RefreshTokenRecord
from oidcserver.models.authorization import extension
from oidcserver.models.login_session import touch, touching
from oidcserver.models.refresh_token import RENEW, ROTATE, find_refresh_token
from oidcserver.oauth.errors import Rejection, invalid_grant
from oidcserver.oauth.issuing import (
    end_family,
    prepare_refresh_token,
    still_allowed,
    token_response,
)
from oidcserver.oauth.refreshing import end_of, ends_with_session, reason_of_end
from oidcserver.oauth.scopes import scope_words
from oidcserver.oauth.steps import write_response
from oidcserver.types import Configurator

WINDOW = "oauth.refresh_token_retry_window"
PUBLIC_WINDOW = "oauth.public_refresh_token_retry_window"
ROTATION = "oauth.refresh_token_rotation"
IDLE = "oauth.refresh_token_idle_lifetime"
#: A token that is not rotated lives longer once it gains this part of the idle lifetime, so that
#: not every use of it is written.
RENEWED_PART = 10


class RefreshTokenGrant(TokenGrant):
    """Each use of a refresh token that is rotated returns a successor.

    Reuse ends the family (RFC 9700 section 4.14). But within the retry window, in case the answer
    was lost, the same request of the same client gets the *same* successor. It is stored encrypted
    under a key derived from the presented token, so the row alone does not reveal it.

    ``oauth.refresh_token_rotation`` may exempt confidential clients, which authenticate with each
    use (FAPI 2.0 Security Profile section 5.3.2.1): their tokens only live longer.
    """

    GRANT_TYPE = "refresh_token"

    def validate_token_request(self) -> None:
        """Check the token, its family and the scope; nothing is written yet."""
        token_request, request = self.token_request, self.token_request.request
        client = self.authenticate_token_endpoint_client()
        presented = token_request.parameter("refresh_token")
        found = find_refresh_token(request.oidc.database, presented)
        if found is None or found.token.client_id != client.client_id:
            raise invalid_grant("The refresh token is not valid.")
        row = found.token
        allowed = still_allowed(request, client, row.scope)
        problem = reason_of_end(request, client, found, allowed)
        if problem is not None:
            raise invalid_grant(problem)
        asked = scope_words(token_request.payload.scope) or row.scope.split()
        if not set(asked) <= set(row.scope.split()):
            raise Rejection(
                "invalid_scope",
                "The scope is wider than what was granted.",
                rule="RFC 6749 section 6",
                received={"scope": asked},
            )
        self.scope = " ".join(word for word in asked if word in allowed.split())
        self.allowed, self.presented, self.found = allowed, presented, found
        token_request.refresh_token = row
        token_request.authorization, token_request.user = found.authorization, found.user

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Prepare the tokens; the refresh token keeps its scope (RFC 6749 section 6)."""
        token_request = self.token_request
        row = token_request.refresh_token
        answer = token_response(token_request, self.scope)
        if row.used_at is not None:
            answer["refresh_token"] = self._successor_again(row)
            return 200, answer, []
        rotation = token_request.provider.settings_for(token_request.client)[ROTATION]
        if rotation == "all" or token_request.client.is_public:
            answer["refresh_token"] = self._rotate(row)
        else:
            self._renew(row)
        self._use_session()
        return 200, answer, []

    def _rotate(self, row: RefreshTokenRecord) -> str:
        """Let the use of the token decide; return its successor."""
        token_request = self.token_request
        successor, values = prepare_refresh_token(token_request, row.scope, row.family_expires_at)
        token_request.outcome.decide(
            ROTATE,
            self._lose,
            digest=digest(self.presented),
            client=row.client_id,
            now=token_request.request.oidc.now,
            sealed=seal_with(self.presented, f"{successor} {self._fingerprint()}".encode()),
            **values,
        )
        return successor

    def _renew(self, row: RefreshTokenRecord) -> None:
        """Let the token live longer, if that is worth a write; the client keeps it."""
        token_request, now = self.token_request, self.token_request.request.oidc.now
        settings = token_request.provider.settings
        until = min(now + settings[IDLE], row.family_expires_at)
        end = end_of(token_request.request, row, token_request.authorization)
        if until < end + settings[IDLE] // RENEWED_PART:
            return
        lives_until = until + token_request.provider.longest_access_token_lifetime
        token_request.outcome.decide(
            RENEW,
            self._reject_ended,
            digest=digest(self.presented),
            client=row.client_id,
            now=now,
            renewed_until=until,
            **extension(row.authorization_id, lives_until),
        )

    def _reject_ended(self) -> NoReturn:
        raise invalid_grant("The refresh token is not valid.")

    def _fingerprint(self) -> str:
        """Return a digest of scope, audience, details and key: a repetition has the same."""
        token_request = self.token_request
        asked = [
            self.scope.split(),
            token_request.audience,
            token_request.authorization_details,
            token_request.confirmation,
        ]
        return digest(compact(asked))

    def _lose(self) -> None:
        """Answer with the successor that a faster request made."""
        token_request = self.token_request
        found = find_refresh_token(token_request.request.oidc.database, self.presented)
        if found is None:
            raise invalid_grant("The refresh token is not valid.")
        token_request.answer["refresh_token"] = self._successor_again(found.token)
        write_response(token_request)

    def _use_session(self) -> None:
        """Record the use of the session, so that it does not expire while applications use it."""
        outcome, found = self.token_request.outcome, self.found
        session_id, seen_at = found.authorization.session_id, found.session_seen_at
        if not ends_with_session(found, self.allowed) or session_id is None or seen_at is None:
            return
        values = touch(session_id, seen_at)
        if values is not None:
            outcome.also(touching, **values)

    def _successor_again(self, row: RefreshTokenRecord) -> str:
        """Return the successor within the window.

        :raises Rejection: outside the window; the family ends.
        """
        token_request, request = self.token_request, self.token_request.request
        public = token_request.client.is_public
        window = request.oidc.provider.settings[PUBLIC_WINDOW if public else WINDOW]
        # Another host's clock may be ahead; that does not matter without a window.
        if window and row.used_at is not None and request.oidc.now < row.used_at + window:
            unsealed = unseal_with(self.presented, row.successor_sealed or "") or b""
            successor, _, fingerprint = unsealed.decode().partition(" ")
            following = find_refresh_token(request.oidc.database, successor)
            # If the successor was used, the client had received the answer.
            if following is not None and following.token.used_at is None:
                # A release without fingerprints may have sealed it.
                if fingerprint in ("", self._fingerprint()):
                    return successor
                raise invalid_grant(
                    "The refresh token was used before, with another scope, resource or key.",
                    "RFC 9700 section 4.14",
                )
        end_family(token_request, row.authorization_id, "refresh_token_reused")
        raise invalid_grant("The refresh token was used before.", "RFC 9700 section 4.14")


def includeme(config: Configurator) -> None:
    """Offer the grant."""
    config.add_oauth_grant("refresh_token", RefreshTokenGrant)
