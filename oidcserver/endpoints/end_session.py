"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0)."""

from typing import Any
from urllib.parse import quote, urlencode

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.models import Client
from oidcserver.oauth.errors import as_rejection, invalid_request
from oidcserver.oauth.requests import Payload, read_form, read_query
from oidcserver.oauth.responses import error_page, see_other
from oidcserver.oauth.subjects import subject_of
from oidcserver.oidc.id_token_hint import read_id_token_hint
from oidcserver.operations.rejections import record_rejection

RULE = "OpenID Connect RP-Initiated Logout 1.0 section 2"


def end_session(request: Any) -> Response:
    """Sign out whom a valid hint names and go back; in every other case ask, or refuse.

    Only a hint proves that a client asks, so only with one does a redirect follow (section 3).
    """
    try:
        payload = Payload(read_form(request) if request.method == "POST" else read_query(request))
        payload.refuse_duplicates()
        return _end(request, payload.data)
    except OAuth2Error as error:
        rejection = as_rejection(error)
        reference = record_rejection(request, rejection, None)
        return error_page(request, rejection, reference)


def _end(request: Any, data: dict[str, str]) -> Response:
    hint = data.get("id_token_hint")
    if hint is None:
        return _ask_without_hint(request, data)
    client, claims = _read(request, data, hint)
    target = _target(client, data)
    session = request.login_session
    if session is None and request.method == "POST":
        # Browsers keep our cookie from a form of another site, but not from what it leads to.
        return see_other(request.provider_url("end_session_endpoint", _query=data))
    if session is not None and subject_of(request, client, session.user) != claims["sub"]:
        answer: Response = request.ask_to_log_out(client, target)
    else:
        answer = request.log_out(client, target)
    return answer


def _ask_without_hint(request: Any, data: dict[str, str]) -> Response:
    """Ask the person, and go nowhere afterwards: who sent them here is not known."""
    if "post_logout_redirect_uri" in data:
        rejection = invalid_request(
            "Nobody goes back to an application after signing out without an id_token_hint.", RULE
        )
        record_rejection(request, rejection, None)
    answer: Response = request.ask_to_log_out()
    return answer


def _target(client: Client, data: dict[str, str]) -> str | None:
    """Return where the person goes on, or None if that is not said.

    :raises Rejection: if the client did not register it, character by character (section 3).
    """
    target = data.get("post_logout_redirect_uri")
    if target is None:
        return None
    if target not in (client.member("post_logout_redirect_uris") or ()):
        raise invalid_request(
            "The address to go to after signing out is not one that the application registered.",
            RULE,
            post_logout_redirect_uri=target,
        )
    return _with_state(target, data.get("state"))


def _read(request: Any, data: dict[str, str], hint: str) -> tuple[Client, dict[str, Any]]:
    query_client = request.authorization_server.query_client
    named = query_client(data["client_id"]) if "client_id" in data else None
    claims = read_id_token_hint(request, hint, named)
    client = query_client(claims["aud"]) if claims is not None else None
    if claims is None or client is None or ("client_id" in data and named is None):
        raise invalid_request("The sign-out request is not one of an application known here.", RULE)
    return client, claims


def _with_state(target: str, state: str | None) -> str:
    if state is None:
        return target
    separator = "&" if "?" in target else "?"
    return target + separator + urlencode({"state": state}, quote_via=quote)


def _demand_page(registry: Any) -> str | None:
    provider = registry.provider
    if "end_session" in provider.endpoints and "logout" not in provider.route_names:
        return "oauth.endpoints selects end_session, which needs the page logout in oidc.pages."
    return None


def includeme(config: Any) -> None:
    """Offer the endpoint."""
    config.add_startup_check("page of end_session", _demand_page)
    config.add_oauth_endpoint(
        "end_session", "/oauth/end_session", end_session, methods=("GET", "POST")
    )
