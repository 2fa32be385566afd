"""An authorization request on its way through the stages: what each has found out so far."""

from dataclasses import dataclass, field
from typing import Any

from oidcserver.models import Authorization, Client, SuspendedRequest
from oidcserver.models.suspended_request import (
    REQUEST_URI_PREFIX,
    find_suspended_request,
    suspend_request,
)
from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.requests import Payload, PyramidOAuth2Request


@dataclass
class AuthorizationRequest:
    """What the stages read and write. ``payload`` is what was asked; the rest was checked.

    ``redirect_uri`` is None until it is known to be the client's: before that, no answer leaves
    this server. ``suspended`` is the row of a request that waited for the person.
    """

    oauth_request: PyramidOAuth2Request
    client: Client | None = None
    redirect_uri: str | None = None
    response_type: str = ""
    response_mode: str = ""
    scope: str = ""
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    #: The ``claims`` parameter, read (OpenID Connect Core section 5.5).
    claims_request: dict[str, Any] | None = None
    #: Whether all that counts was in a request object that the client signed (RFC 9101).
    signed: bool = False
    suspended: SuspendedRequest | None = None
    #: The ``request_uri`` of ``suspended``.
    request_uri: str = ""
    authorization: Authorization | None = None
    #: For stages of plugins: what they found out for those that follow.
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def http_request(self) -> Any:
        """Pyramid's request."""
        return self.oauth_request.http_request

    @property
    def provider(self) -> Any:
        """What was selected."""
        return self.oauth_request.http_request.provider

    @property
    def payload(self) -> Payload:
        """The parameters as they were sent, or as they were when the request was suspended."""
        return self.oauth_request.payload

    @property
    def data(self) -> dict[str, str]:
        """The parameters by name."""
        return self.oauth_request.payload.data

    @property
    def issues_tokens(self) -> bool:
        """Whether the response itself carries a token, so that it must not be a query."""
        return bool({"token", "id_token"}.intersection(self.response_type.split()))

    @property
    def default_response_mode(self) -> str:
        """OAuth 2.0 Multiple Response Types section 2.1."""
        return "fragment" if self.issues_tokens else "query"

    def mode_problem(self, mode: str) -> str | None:
        """Return why a response mode cannot carry this response, in a sentence, or None."""
        if mode not in self.provider.response_modes:
            return "This response_mode is not supported."
        if mode == "query" and self.issues_tokens:
            # OAuth 2.0 Multiple Response Type Encoding Practices section 3.0
            return "Tokens are not sent in a query: use fragment or form_post."
        web = (self.redirect_uri or "").startswith(("https://", "http://"))
        if mode == "form_post" and not web:
            # A script of our own would submit to javascript: (CVE-2024-21637).
            return "form_post needs an https redirect_uri."
        return None

    @property
    def mode_for_error(self) -> str:
        """The mode that was asked for where it can carry an error, or the response type's own."""
        self.response_type = self.response_type or self.payload.response_type or ""
        asked = self.data.get("response_mode", "")
        return self.default_response_mode if self.mode_problem(asked) else asked

    def suspend(self) -> str:
        """Keep the request for this browser; return its ``request_uri``."""
        request = self.http_request
        return suspend_request(
            request.dbsession,
            client_id=self.data["client_id"],
            parameters=dict(self.payload.datalist),
            signed=self.signed,
            browser_digest=request.browser_digest,
            expires_at=request.now + self.provider.settings["oidc.interaction_lifetime"],
        )


def resume(request: Any, oauth_request: PyramidOAuth2Request) -> AuthorizationRequest:
    """Return the request as sent, or the suspended one that its ``request_uri`` names.

    A suspended request that expired, or was answered long ago, is taken up anew as if its first
    URL were visited again: the person still arrives where the request wanted to go.

    :raises Rejection: if the suspended request is unknown or another browser's.
    """
    data = oauth_request.payload.data
    reference = data.get("request_uri", "")
    if not reference.startswith(REQUEST_URI_PREFIX):
        return AuthorizationRequest(oauth_request)
    suspended = find_suspended_request(request.dbsession, reference)
    if suspended is None or suspended.client_id != data.get("client_id"):
        raise invalid_request(
            "This sign-in is not known here any more. Start again at the application.",
            "RFC 9126 section 4",
        )
    if suspended.browser_digest != request.browser_digest:
        raise Rejection(
            "invalid_request",
            "This sign-in was started in another browser. Start again at the application.",
            rule="RFC 9700 section 4.7",
            status_code=403,
        )
    pairs = [(name, value) for name, values in suspended.parameters.items() for value in values]
    oauth_request.payload = Payload(pairs)
    resumed = AuthorizationRequest(oauth_request, signed=suspended.signed)
    if suspended.expires_at > request.now:
        resumed.suspended, resumed.request_uri = suspended, reference
    return resumed
