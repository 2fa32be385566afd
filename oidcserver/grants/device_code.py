"""The device authorization grant (RFC 8628): a device polls until its user has decided.

The endpoint ``device_authorization`` issues the codes, and the page ``device`` asks the user.
"""

from functools import partial
from typing import Any, NoReturn

from oidcserver.credentials import digest
from oidcserver.database.writes import inserting
from oidcserver.grants.base import TokenGrant
from oidcserver.models import DeviceAuthorizationRecord, RefreshToken
from oidcserver.models.authorization import extending, extension
from oidcserver.models.device_authorization import (
    REDEEM,
    SLOW_DOWN_SECONDS,
    find_approval,
    find_device_authorization,
    note_poll,
)
from oidcserver.oauth.errors import Rejection, invalid_grant
from oidcserver.oauth.grant_types import DEVICE_CODE, may_refresh
from oidcserver.oauth.issuing import (
    prepare_refresh_token,
    still_allowed,
    token_response,
)
from oidcserver.oauth.rejections import ALPHABET
from oidcserver.oauth.user_codes import (
    CHARACTERS,
    INTERVAL,
    LENGTH,
    LIFETIME,
    user_code_alphabet,
    weakness,
)
from oidcserver.settings import integer, seconds
from oidcserver.types import Configurator, Registry

NAME = "device_code"
ENDPOINT = "device_authorization"
PAGE = "oidc.device"
#: The flow that checks what a device asks for; the page repeats it.
REQUEST_FLOW = "device_authorization_request"
PER_ADDRESS = "oauth.device_requests_per_address"
RULE = "RFC 8628 section 3.5"


class DeviceCodeGrant(TokenGrant):
    """Redeems a device code that a user approved."""

    GRANT_TYPE = DEVICE_CODE

    def validate_token_request(self) -> None:
        """Check the device code; another client's attempt leaves it usable and counts no poll."""
        token_request, request = self.token_request, self.token_request.request
        client = self.authenticate_token_endpoint_client()
        code = token_request.parameter("device_code", "RFC 8628 section 3.4")
        row = find_device_authorization(request.oidc.database, code)
        if row is None or row.client_id != client.client_id:
            raise invalid_grant("The device code is not valid.", RULE)
        if row.used_at is not None:
            raise invalid_grant("The device code was used before.", RULE)
        if row.expires_at <= request.oidc.now:
            raise Rejection("expired_token", "The device code has expired.", rule=RULE)
        if row.decided_at is None:
            token_request.undecided = partial(self._pending, row)
            return
        if row.authorization_id is None:
            raise Rejection("access_denied", "The End-User denied the request.", rule=RULE)
        approval = find_approval(request.oidc.database, row.authorization_id)
        if (
            approval is None
            or approval.authorization.revoked_at is not None
            or not approval.user.may_sign_in
        ):
            raise invalid_grant("The authorization of the device code was withdrawn.")
        authorization, user = approval
        self.scope = still_allowed(request, client, authorization.scope)
        if authorization.scope and not self.scope:
            raise invalid_grant("The client is no longer registered for any scope of the code.")
        token_request.authorization, token_request.user = authorization, user

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Prepare the tokens. Of several requests with one device code, one redeems it."""
        token_request, request = self.token_request, self.token_request.request
        answer = token_response(token_request, self.scope)
        token_request.outcome.decide(
            REDEEM,
            _lose,
            digest=digest(token_request.form["device_code"]),
            client=token_request.client.client_id,
            now=request.oidc.now,
        )
        if may_refresh(token_request.provider, token_request.client):
            answer["refresh_token"], values = prepare_refresh_token(token_request, self.scope)
            token_request.outcome.also(inserting(RefreshToken), extending, **values)
        else:
            lives_until = request.oidc.now + answer["expires_in"]
            values = extension(token_request.authorization.id, lives_until)
            token_request.outcome.also(extending, **values)
        return 200, answer, []

    def _pending(self, row: DeviceAuthorizationRecord) -> Rejection:
        """Return the rejection of a poll before the decision; the poll is recorded with it."""
        request, outcome = self.token_request.request, self.token_request.outcome
        now = request.oidc.now
        early = row.polled_at is not None and now < row.polled_at + row.poll_interval
        added = SLOW_DOWN_SECONDS if early else 0
        outcome.if_rejected(note_poll, request.oidc.database, row.id, now, added)
        if early:
            return Rejection(
                "slow_down",
                f"The device polls too often: wait {row.poll_interval + added} seconds each time.",
                rule=RULE,
            )
        return Rejection(
            "authorization_pending", "The End-User has not decided on the request yet.", rule=RULE
        )


def _lose() -> NoReturn:
    raise invalid_grant("The device code was used before.", RULE)


def require_counterparts(registry: Registry) -> str | None:
    """Require the endpoint, the page and the grant together: none is of use without the others."""
    provider = registry.oidc.provider
    parts = {
        f"oauth.grants lacks {NAME}": NAME in provider.grants,
        f"oauth.endpoints lacks {ENDPOINT}": ENDPOINT in provider.endpoints,
        "oidc.pages lacks device": PAGE in provider.route_names,
    }
    missing = [sentence for sentence, selected in parts.items() if not selected]
    if not missing or len(missing) == len(parts):
        return None
    return f"The device grant needs a grant, an endpoint and a page: {' and '.join(missing)}."


def require_strong_codes(registry: Registry) -> str | None:
    """Require user codes that cannot be guessed within the limits of attempts."""
    return weakness(registry.oidc.provider.settings)


def includeme(config: Configurator) -> None:
    """Offer the grant, and add the settings of its codes."""
    config.add_oauth_grant(NAME, DeviceCodeGrant)
    setting = config.add_oauth_setting
    setting(LIFETIME, seconds, 600, "The lifetime of a device code and its user code.")
    setting(INTERVAL, seconds, 5,
            "The time that a device waits between two polls of the token endpoint.")  # fmt: skip
    setting(
        CHARACTERS,
        user_code_alphabet,
        ALPHABET,
        "The characters of user codes; the default has no vowels and nothing that is mistaken for "
        "something else.",
    )
    setting(LENGTH, integer, 8, "The number of characters of a user code.")
    setting(
        PER_ADDRESS,
        integer,
        100,
        "The number of device codes that public clients, and clients that registered themselves, "
        "may request from one network within oauth.device_code_lifetime.",
    )
    setting(
        "oauth.device_code_attempts",
        integer,
        5,
        "The number of wrong user codes that a user may enter within oidc.login_window.",
    )
    setting(
        "oauth.device_code_attempts_per_address",
        integer,
        20,
        "The number of wrong user codes that may be entered from one network within "
        "oidc.login_window.",
    )
    config.add_startup_check("device grant", require_counterparts)
    config.add_startup_check("user codes", require_strong_codes)
