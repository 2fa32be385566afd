"""Delivery of logout tokens by the :mod:`outbox <oidcserver.operations.outbox>`."""

import json
import logging
import re

from oidcserver.keys.jwt import InvalidJWT
from oidcserver.models import Client, LogoutDelivery
from oidcserver.oauth.errors import Rejection
from oidcserver.operations.client_outbox import ClientOutbox
from oidcserver.operations.outbox import Undeliverable
from oidcserver.sessions.logout_token import make_logout_token
from oidcserver.types import FetchResult

MEMBER = "backchannel_logout_uri"
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")


class LogoutDeliverer(ClientOutbox[LogoutDelivery]):
    """Delivers logout tokens (Back-Channel Logout section 2.5); ``registry.oidc.logout_deliverer``.

    A token is made anew at each attempt.
    """

    model = LogoutDelivery
    member = MEMBER
    occasion = "a logout"
    log = logging.getLogger("oidcserver.backchannel_logout")

    def post(self, client: Client, delivery: LogoutDelivery, uri: str) -> FetchResult:
        """Send a logout token as a form."""
        try:
            token = make_logout_token(self.registry, client, delivery)
        except Rejection as problem:
            raise Undeliverable(problem.description) from None
        except (InvalidJWT, ValueError) as problem:
            raise Undeliverable(f"No logout token can be made: {problem}.") from None
        return self.fetcher.post_form(uri, {"logout_token": token})

    def rejected(self, result: FetchResult) -> str | None:
        """Return why 400 is final; other failures may be temporary (section 2.8)."""
        if result.status != 400:
            return None
        return f"The client rejected the logout token{_error_code(result)}."


def _error_code(result: FetchResult) -> str:
    """Return the error code of an answer in parentheses, if it has one (RFC 6749 section 5.2)."""
    try:
        code = json.loads(result.body)["error"]
        return f" ({code})" if _ERROR_CODE.fullmatch(code) else ""
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
