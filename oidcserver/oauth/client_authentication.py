"""Client authentication: exactly one method in each request (RFC 6749 section 2.3)."""

from collections.abc import Mapping
from typing import Any

from oidcserver.credentials import CLIENT_SECRET
from oidcserver.interfaces import ClientAuthenticationMethod
from oidcserver.models import RegisteredClient
from oidcserver.oauth.errors import Rejection, invalid_client, invalid_request
from oidcserver.oauth.requests import OAuthRequest

CREDENTIAL_PARAMETERS = ("client_secret", "client_assertion", "client_assertion_type")
#: The methods by which the secret itself is sent (RFC 6749 section 2.3.1).
SECRET_METHODS = frozenset({"client_secret_basic", "client_secret_post"})
UNKNOWN_CLIENT = "There is no such client."


class ClientAuthenticationFailed(Exception):
    """The reason why credentials prove no client: for the operator, never for the requester.

    :param reason: a sentence.
    :param rule: the section that requires it.
    :param client_id: the client_id of the request, as it was received.
    """

    def __init__(
        self, reason: str, rule: str = "RFC 6749 section 2.3", *, client_id: Any = None
    ) -> None:
        super().__init__(reason)
        self.rule = rule
        self.received: dict[str, str] = {}
        if isinstance(client_id, str) and _may_be_logged(client_id):
            self.received["client_id"] = client_id


def prove_client(oauth_request: OAuthRequest) -> None:
    """Set the client that the credentials prove, and the method. Without credentials set nothing.

    The method has to be the one that the client registered. A secret may also be sent by the other
    of the two methods for secrets, unless ``oauth.client_secret_methods`` forbids it.

    :raises Rejection: invalid_request for several methods at once; otherwise the same
        invalid_client for every failure.
    """
    methods = oauth_request.provider.client_authentication_methods
    name = _presented_method(methods, oauth_request)
    if name is None:
        return
    try:
        client = _authenticate(name, methods[name], oauth_request)
    except ClientAuthenticationFailed as failure:
        raise invalid_client(
            failure.rule, method=name, reason=str(failure), **failure.received
        ) from None
    oauth_request.client, oauth_request.auth_method = client, name


def client_required(oauth_request: OAuthRequest) -> Rejection:
    """Return the rejection of a request that authenticates no client."""
    return invalid_client(
        "RFC 6749 section 2.3",
        reason=_absence(oauth_request)
        or "It presents no method that oauth.token_endpoint_auth_methods selects.",
        parameters=[
            name for name in ("client_id", *CREDENTIAL_PARAMETERS) if name in oauth_request.form
        ],
    )


def _presented_method(
    methods: Mapping[str, ClientAuthenticationMethod], oauth_request: OAuthRequest
) -> str | None:
    presented = [name for name, method in methods.items() if method.presented(oauth_request)]
    if len(presented) > 1 and "none" in presented:
        # A client_id may accompany other methods too (RFC 8705 section 2).
        presented.remove("none")
    if len(presented) > 1:
        raise invalid_request(
            "The request authenticates the client in more than one way.",
            "RFC 6749 section 2.3",
            methods=presented,
        )
    if presented:
        return presented[0]
    if oauth_request.authorization_header or any(
        oauth_request.form.get(name) for name in CREDENTIAL_PARAMETERS
    ):
        raise client_required(oauth_request)
    return None


def _authenticate(
    name: str, method: ClientAuthenticationMethod, oauth_request: OAuthRequest
) -> RegisteredClient:
    client: RegisteredClient | None = method.authenticate(
        oauth_request, oauth_request.request.oidc.server
    )
    if client is None:
        raise ClientAuthenticationFailed("The method does not say why.")
    registered = client.token_endpoint_auth_method
    if client.check_endpoint_auth_method(name, "token"):
        return client
    reason = _absence(oauth_request) or f"The client registered {registered}."
    if {registered, name} == SECRET_METHODS:
        if oauth_request.provider.settings["oauth.client_secret_methods"] == "either":
            return client
        reason += " oauth.client_secret_methods = registered allows no other."
    raise ClientAuthenticationFailed(reason, client_id=client.client_id)


def _absence(oauth_request: OAuthRequest) -> str | None:
    """Return why the credential of the named client is not there, if its method can say it."""
    for method in oauth_request.provider.client_authentication_methods.values():
        absent = getattr(method, "absent", None)
        reason: str | None = absent and absent(oauth_request)
        if reason is not None:
            return reason
    return None


def _may_be_logged(client_id: str) -> bool:
    """Return whether a text can be an identifier, and is not a secret sent in its place."""
    printable = client_id.isascii() and client_id.isprintable()
    longest = 255 if client_id.startswith("https://") else 64
    return printable and len(client_id) <= longest and not client_id.startswith(CLIENT_SECRET)
