"""A backchannel authentication request, and the findings of the steps of its flow."""

from typing import Any

from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.types import Request

RULE = "CIBA section 7.1"


class BackchannelAuthenticationRequest(OAuthRequest):
    """The findings of the steps; ``payload`` has the parameters, those of a signed request too.

    A step of a plugin may set ``user`` before ``find_user``, from a ``login_hint_token`` of its own
    format, or raise :func:`unknown_user`. The ``audience`` and the ``authorization_details`` that a
    step sets are shown to the user, and granted.
    """

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        #: The claims of the signed request; None if the request is not signed.
        self.signed_claims: dict[str, Any] | None = None
        #: The granted scopes, as far as the user allows them.
        self.granted_scope = ""
        #: The name of the hint that the request has.
        self.hint = ""
        self.binding_message: str | None = None
        #: Seconds that the user has to decide.
        self.lifetime = 0
        #: The requested authentication context classes, as the claims parameter has them.
        self.claims_request: dict[str, Any] | None = None
        #: The token for the notification of a client in ping mode.
        self.notification_token: str | None = None


def rejected(error: str, description: str, rule: str = "CIBA section 13") -> Rejection:
    """Return a rejection with an error code of CIBA."""
    return Rejection(error, description, rule=rule)


def malformed(description: str, rule: str = RULE, **received: Any) -> Rejection:
    """Return the rejection of a malformed request."""
    return invalid_request(description, rule, **received)


def unknown_user() -> Rejection:
    """Return the one rejection for every user who cannot be asked."""
    return rejected("unknown_user_id", "The hint names no user who can be asked.")
