"""Request objects by reference (OpenID Connect Core section 6.2, RFC 9101 section 5.2)."""

from typing import Any

from oidcserver.extensions.request_object.verification import invalid_request_object
from oidcserver.http.outbound import OutboundFetchError
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.waiting import cause_of, waiting_for_a_host

_ACCEPT = "application/oauth-authz-req+jwt, application/jwt"
_RULE = "OpenID Connect Core section 6.2"


def fetch_request_object(authorization_request: AuthorizationRequest) -> str:
    """Return the request object that the ``request_uri`` refers to.

    The fragment of the URI is not sent; if it is the digest of the object, the object is fetched
    once. The transaction ends (see :func:`waiting_for_a_host`).

    :raises Rejection: ``invalid_request_uri``, ``invalid_request_object`` for an answer that is not
        text, or ``temporarily_unavailable``.
    """
    sent = authorization_request.data["request_uri"]
    uri = _without_fragment(sent)
    registered = _require_registration(authorization_request, uri)
    request, client = authorization_request.request, authorization_request.client
    assert client is not None
    anybody = client.self_registered or not registered
    cause = cause_of(request, "request object", client.client_id, anybody=anybody)
    try:
        with waiting_for_a_host(request):
            result = request.registry.oidc.remote_documents.get(sent, _ACCEPT, cause)
    except OutboundFetchError as problem:
        raise _invalid_request_uri(
            "The request_uri cannot be fetched.", request_uri=uri, reason=problem.reason
        ) from None
    if result.status != 200:
        raise _invalid_request_uri(
            "The request_uri does not answer with status 200.",
            request_uri=uri,
            status=result.status,
        )
    body: bytes = result.body
    try:
        return body.decode("ascii").strip()
    except UnicodeDecodeError:
        raise invalid_request_object(
            "The request_uri refers to something else than a request object.", _RULE
        ) from None


def _require_registration(authorization_request: AuthorizationRequest, uri: str) -> bool:
    """Reject a URI that the client did not register; return whether it did.

    Otherwise anybody could make this server send requests to any host (CVE-2020-10770). If the
    settings do not require registration, a client without registered URIs may use any.
    """
    assert authorization_request.client is not None
    registered = authorization_request.client.member("request_uris") or []
    required = authorization_request.provider.settings["oidc.require_request_uri_registration"]
    known = uri in map(_without_fragment, registered)
    if (registered or required) and not known:
        raise _invalid_request_uri(
            "The request_uri is not one that the client registered.", request_uri=uri
        )
    return known


def _without_fragment(uri: str) -> str:
    return uri.partition("#")[0]


def _invalid_request_uri(description: str, **received: Any) -> Rejection:
    return Rejection("invalid_request_uri", description, rule=_RULE, received=received)
