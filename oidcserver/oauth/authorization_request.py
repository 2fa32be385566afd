"""An authorization request, and the findings of the steps of its flow."""

from dataclasses import dataclass, field
from typing import Any

from pyramid.response import Response

from oidcserver.http.throttling import give_back, network_of, take, waiting_time
from oidcserver.keys.strict_json import compact
from oidcserver.models import AuthorizationRecord, RegisteredClient
from oidcserver.models.suspended_request import (
    REQUEST_URI_PREFIX,
    SuspendedRequestRecord,
    suspend_request,
)
from oidcserver.oauth.errors import invalid_request, too_many
from oidcserver.oauth.outcome import Outcome
from oidcserver.oauth.requests import OAuthRequest, Payload
from oidcserver.texts import _
from oidcserver.types import LoginSession, Provider, Request

#: The purpose of the seal on a request that waits for a user to sign in.
PURPOSE = "authorization request"
SEALED_PREFIX = f"{REQUEST_URI_PREFIX}sealed:"
#: The longest sealed request: proxies and the request guard accept a URL of this length.
MAX_SEALED = 4000
#: Characters of all parameters as JSON.
MAX_STORED = 16384
#: How many requests that are not finished may be stored, before a user signs in and after it.
PER_NETWORK = "oidc.stored_requests_per_address"
PER_ACCOUNT = "oidc.stored_requests_per_account"


@dataclass
class AuthorizationRequest:
    """The findings of the steps. ``payload`` has the parameters; the other attributes are checked.

    ``redirect_uri`` is None until it is known to be the client's: before that, no answer is sent
    to it. ``suspended`` is the row of a request that waited for the user.
    """

    oauth_request: OAuthRequest
    client: RegisteredClient | None = None
    redirect_uri: str | None = None
    response_type: str = ""
    response_mode: str = ""
    scope: str = ""
    prompt: frozenset[str] = frozenset()
    max_age: int | None = None
    #: The ``claims`` parameter, read (OpenID Connect Core section 5.5).
    claims_request: dict[str, Any] | None = None
    #: The resources that the tokens are for, as they are declared (RFC 8707).
    resources: tuple[str, ...] = ()
    #: The ``authorization_details`` parameter, read (RFC 9396 section 2).
    authorization_details: list[dict[str, Any]] | None = None
    #: Whether the parameters were stored or sealed by this server, and have come back.
    stored: bool = False
    #: Whether all parameters were in a request object that the client signed (RFC 9101).
    signed: bool = False
    #: Whether the client pushed the request (RFC 9126).
    pushed: bool = False
    #: The key that the code is to be bound to, as in ``cnf`` (RFC 9449 section 10).
    confirmation: dict[str, Any] | None = None
    suspended: SuspendedRequestRecord | None = None
    #: The ``request_uri`` of a request that was resumed and has not expired.
    request_uri: str = ""
    #: Whether the user allowed the request or an earlier one, by a consent that has to go on.
    consented: bool = False
    authorization: AuthorizationRecord | None = None
    #: Seconds in which the client can redeem the answer; None: the lifetime of a code.
    redeemable_for: int | None = None
    #: The parameters of the response.
    parameters: dict[str, Any] = field(default_factory=dict)
    #: The response that carries them.
    response: Response | None = None
    #: Whether another request of the same browser answered the suspended request first.
    lost: bool = False
    #: For steps of plugins: their findings for the steps that follow.
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def request(self) -> Request:
        """Pyramid's request."""
        return self.oauth_request.request

    @property
    def login_session(self) -> LoginSession:
        """The login session of the user, once the interaction ``login`` has ensured one."""
        session = self.oauth_request.request.oidc.login_session
        assert session is not None
        return session

    @property
    def outcome(self) -> Outcome:
        """The writes of the commit, and the events that follow."""
        return self.oauth_request.outcome

    @property
    def provider(self) -> Provider:
        """The selected offers."""
        return self.oauth_request.request.oidc.provider

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
        """Whether the response itself has a token, so that it must not be a query."""
        return bool({"token", "id_token"}.intersection(self.response_type.split()))

    @property
    def default_response_mode(self) -> str:
        """OAuth 2.0 Multiple Response Types section 2.1."""
        return "fragment" if self.issues_tokens else "query"

    def mode_problem(self, name: str) -> str | None:
        """Return the reason why a response mode is not possible, as a sentence, or None."""
        mode = self.provider.response_modes.get(name)
        if mode is None:
            return "This response_mode is not supported."
        if mode.posts and not (self.redirect_uri or "").startswith(("https://", "http://")):
            # A script of our own would submit to javascript: (CVE-2024-21637).
            return "This response_mode needs an https redirect_uri."
        return mode.problem(self) if mode.problem is not None else None

    @property
    def mode_for_error(self) -> str | None:
        """The requested mode if it can carry an error; otherwise the default, or any that can.

        A client that requested a protected mode gets the error in such a mode, or not at all.
        """
        self.response_type = self.response_type or self.payload.response_type or ""
        modes, asked = self.provider.response_modes, self.data.get("response_mode", "")
        names = [asked, self.default_response_mode, *modes]
        if asked in modes and modes[asked].protect is not None:
            names = [asked, *(name for name in modes if modes[name].protect is not None)]
        return next((name for name in names if self.mode_problem(name) is None), None)

    def suspend(self) -> str:
        """Keep the request for this browser; return its ``request_uri``.

        Before a user has signed in nothing is stored, so that strangers cannot fill the database:
        the ``request_uri`` holds the sealed request itself. Only a request that would make the URL
        too long is stored.

        :raises Rejection: as :meth:`store` does.
        """
        request = self.request
        if request.oidc.login_session is None:
            parameters = self.payload.datalist
            kept = [
                self.data["client_id"],
                request.oidc.browser_digest,
                self.signed,
                parameters,
                self._expires_at,
            ]
            sealed: str = self.provider.sealer(PURPOSE).seal(compact(kept).encode())
            if len(sealed) <= MAX_SEALED:
                return SEALED_PREFIX + sealed
        return self.store()

    def store(self, browser_digest: str | None = None, *, counted: bool = True) -> str:
        """Store the request, with room for the user's answers; return its ``request_uri``.

        :param browser_digest: the browser that it belongs to; by default that of this request.
        :param counted: whether it counts for the account, or before a sign-in for the network.
        :raises Rejection: if the request is too large, or if too many requests were stored.
        """
        request = self.request
        if len(compact(self.payload.datalist)) > MAX_STORED:
            raise invalid_request(
                _("The request is longer than ${count} characters.", {"count": MAX_STORED})
            )
        if counted:
            count_unfinished(request)
        return suspend_request(
            request.oidc.dbsession,
            client_id=self.data["client_id"],
            parameters=dict(self.payload.datalist),
            signed=self.signed,
            pushed=self.pushed,
            browser_digest=(
                request.oidc.browser_digest if browser_digest is None else browser_digest
            ),
            expires_at=self._expires_at,
        )

    @property
    def _expires_at(self) -> int:
        lifetime: int = self.provider.settings["oidc.interaction_lifetime"]
        return self.request.oidc.now + lifetime


def count_unfinished(request: Request) -> None:
    """Count a request of which something is stored until its user finishes it.

    It counts for the account, or before a user has signed in for the network.

    :raises Rejection: if there are too many of them.
    """
    setting, key = _counter(request)
    wait = _count(request, setting, key)
    if not wait:
        return
    time = {"time": waiting_time(wait)}
    if setting == PER_ACCOUNT:
        sentence = _(
            "Too many requests were started with your account. "
            "Please open the page again in ${time}.",
            time,
        )
    else:
        sentence = _(
            "Too many sign-ins were started from your network and not finished. "
            "Please open the page again in ${time}.",
            time,
        )
    raise too_many(sentence, wait)


def discount_finished(request: Request) -> None:
    """Subtract a request that :func:`count_unfinished` counted, in the transaction of Pyramid."""
    give_back(request.oidc.dbsession, ":".join(_counter(request)))


def _counter(request: Request) -> tuple[str, str]:
    """Return the setting of the limit of unfinished requests, and the account or the network."""
    session = request.oidc.login_session
    return (PER_NETWORK, _network(request)) if session is None else (PER_ACCOUNT, session.user_id)


def count_for_client(
    oauth_request: OAuthRequest, setting: str, window: str = "oidc.interaction_lifetime"
) -> int:
    """Count a request that is stored for a client that anybody can be, for its network.

    Such a client is public, or registered or published itself.

    :param setting: the number of them that a network may have.
    :param window: the setting of the time in which they count.
    :returns: 0 if the request may be stored, else the seconds to wait.
    """
    client, request = oauth_request.client, oauth_request.request
    if not (client.is_public or client.self_registered):
        return 0
    return _count(request, setting, _network(request), window)


def _count(
    request: Request, setting: str, key: str, window: str = "oidc.interaction_lifetime"
) -> int:
    """Count a request at once, in a transaction of its own; return the seconds to wait, or 0."""
    settings = request.oidc.provider.settings
    # No transaction may be open while an attempt is counted. Rows read before are not used again.
    request.oidc.database.commit()
    engine = request.oidc.database.alone.engine
    return take(engine, f"{setting}:{key}", settings[setting], settings[window])


def _network(request: Request) -> str:
    return network_of(request.remote_addr or "")
