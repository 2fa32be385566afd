"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0)."""

from collections.abc import Iterator

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.models import RegisteredClient
from oidcserver.oauth.errors import as_rejection, invalid_request
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.requests import Payload, read_form, read_query
from oidcserver.oauth.responses import error_page, see_other
from oidcserver.oauth.subjects import sid_of
from oidcserver.oidc.after_logout import (
    PARAMETERS,
    RULE,
    AfterLogout,
    after_logout_of,
    is_registered,
)
from oidcserver.oidc.id_token_hint import (
    PARAMETER as HINT,
)
from oidcserver.oidc.id_token_hint import (
    IdTokenHint,
    hinted_client,
    read_id_token_hint,
    seal_hint,
)
from oidcserver.types import Configurator, Registry, Request

#: Stands for a hint that was read and could not be verified.
UNVERIFIED = "unverified"


def end_session(request: Request) -> Response:
    """Sign out and redirect if a hint proves which client asks; otherwise ask the user.

    Parts of a request that cannot be used are ignored, recorded and shown, so that a mistake of an
    application does not keep the user signed in.
    """
    try:
        payload = Payload(read_form(request) if request.method == "POST" else read_query(request))
        payload.reject_duplicates()
        return _end(request, payload.data)
    except OAuth2Error as error:
        rejection = as_rejection(error)
        reference = record_rejection(request, rejection, None)
        return error_page(request, rejection, reference)


def _end(request: Request, data: dict[str, str]) -> Response:
    hint, session = _read_hint(request, data), request.oidc.login_session
    if session is None and request.method == "POST":
        return _again_with_cookies(request, data, hint)
    after = _after(request, data, hint)
    if hint is not None and session is not None:
        # Of another session, the request is suspect (section 2).
        meant = hint.proven and hint.sid == sid_of(hint.client_id, session.id)
    else:
        # An ID token of somebody else can have sent this browser here (RFC 9700 section 4.11.2).
        meant = hint is not None and after.is_vouched_for
    answer: Response = request.oidc.log_out(after) if meant else request.oidc.ask_to_log_out(after)
    return answer


def _read_hint(request: Request, data: dict[str, str]) -> IdTokenHint | None:
    """Return what the hint says; None without one that was issued here to the named client."""
    text = data.get(HINT)
    if text is None:
        return None
    hint = read_id_token_hint(request, text)
    fits = hint is not None and data.get("client_id", hint.client_id) == hint.client_id
    return hint if fits else None


def _again_with_cookies(
    request: Request, data: dict[str, str], hint: IdTokenHint | None
) -> Response:
    """Redirect a form to a GET.

    Browsers do not send our cookie with a form of another site, but with the GET after it. The ID
    token may be too long for a URL, so its claims go there, sealed.
    """
    query = {name: data[name] for name in PARAMETERS if name in data}
    if HINT in data:
        client = _client(request, data, hint)
        if client is not None:
            query["client_id"] = client.client_id
        query[HINT] = seal_hint(request, hint) if hint else UNVERIFIED
    return see_other(request.oidc.url("oidc.end_session_endpoint", _query=query))


def _client(
    request: Request, data: dict[str, str], hint: IdTokenHint | None
) -> RegisteredClient | None:
    """Return the client that the request names, by ``client_id`` or in the hint."""
    if hint is None and "client_id" not in data:
        return hinted_client(request, data.get(HINT, ""))
    client_id = hint.client_id if hint is not None else data["client_id"]
    client: RegisteredClient | None = request.oidc.server.query_client(client_id)
    return client


def _after(request: Request, data: dict[str, str], hint: IdTokenHint | None) -> AfterLogout:
    """Return where the user goes on; record what is ignored of the request."""
    client = _client(request, data, hint)
    problems = list(_problems(data, hint, client))
    if not problems:
        return after_logout_of(client, data)
    ignored = " ".join(problems)
    rejection = invalid_request(
        ignored, RULE, post_logout_redirect_uri=data.get("post_logout_redirect_uri")
    )
    reference = record_rejection(request, rejection, client.client_id if client else None)
    return after_logout_of(client, data, ignored, reference)


def _problems(
    data: dict[str, str], hint: IdTokenHint | None, client: RegisteredClient | None
) -> Iterator[str]:
    """Return a sentence for each part of the request that cannot be used."""
    if HINT in data and hint is None:
        yield (
            "id_token_hint was ignored: it is not an ID token of this server that can be verified, "
            "or is not for the client that client_id names."
        )
    uri = data.get("post_logout_redirect_uri")
    if uri is None:
        return
    if client is None and "client_id" in data:
        yield "post_logout_redirect_uri was ignored: client_id names no client."
    elif client is None:
        yield "post_logout_redirect_uri was ignored: it requires client_id or id_token_hint."
    elif not is_registered(client, uri):
        yield "post_logout_redirect_uri was ignored: the client did not register it."


def _demand_page(registry: Registry) -> str | None:
    provider = registry.oidc.provider
    if "end_session" in provider.endpoints and "oidc.logout" not in provider.route_names:
        return "oauth.endpoints selects end_session, which needs the page logout in oidc.pages."
    return None


def includeme(config: Configurator) -> None:
    """Offer the endpoint."""
    config.add_startup_check("page of end_session", _demand_page)
    config.add_oauth_endpoint(
        "end_session", "/oauth/end_session", end_session, methods=("GET", "POST")
    )
