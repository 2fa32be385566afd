"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pyramid.response import Response

from oidcserver.interfaces import Step
from oidcserver.languages.negotiation import UI_LOCALES, prefer
from oidcserver.models import RegisteredClient
from oidcserver.oauth.errors import Rejection, invalid_request
from oidcserver.oauth.flow import run
from oidcserver.oauth.outcome import Outcome
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.requests import Payload, read_form, read_query
from oidcserver.oauth.responses import error_page, see_other
from oidcserver.oauth.steps import announce, commit, respond
from oidcserver.oauth.subjects import sid_of
from oidcserver.oidc.after_logout import (
    PARAMETERS,
    RULE,
    AfterLogout,
    after_logout_of,
    is_registered,
)
from oidcserver.oidc.id_token_hint import PARAMETER as HINT
from oidcserver.oidc.id_token_hint import (
    IdTokenHint,
    hinted_client,
    read_id_token_hint,
    seal_hint,
)
from oidcserver.types import Configurator, LoginSession, Registry, Request

#: Replaces a hint that was read and could not be verified.
UNVERIFIED = "unverified"


@dataclass(slots=True)
class EndSessionRequest:
    """A request to sign out, and what the steps of its flow found out about it."""

    request: Request
    outcome: Outcome = field(default_factory=Outcome)
    #: The parameters.
    data: dict[str, str] = field(default_factory=dict)
    #: The claims of the hint; None without one that was issued here to the client that is named.
    hint: IdTokenHint | None = None
    #: The client that asks; None if the request does not say which.
    client: RegisteredClient | None = None
    #: The login session of the hint, if this browser has it; that is to end.
    login_session: LoginSession | None = None
    #: Where the user goes on.
    after: AfterLogout = field(default_factory=AfterLogout)
    response: Response | None = None


def end_session(request: Request) -> Response:
    """Sign out and redirect if a hint proves which client asks; otherwise ask the user.

    Parts of a request that cannot be used are ignored, recorded and shown, so that a mistake of an
    application does not keep the user signed in.
    """
    return run("end_session", EndSessionRequest(request), reject)


def reject(end_session_request: EndSessionRequest, rejection: Rejection) -> Response:
    """Record a rejection and show it on a page."""
    request = end_session_request.request
    return error_page(request, rejection, record_rejection(request, rejection, None))


def read_parameters(end_session_request: EndSessionRequest) -> None:
    """Read the parameters of the query, or of the form of a POST."""
    request = end_session_request.request
    payload = Payload(read_form(request) if request.method == "POST" else read_query(request))
    payload.reject_duplicates()
    end_session_request.data = data = payload.data
    if UI_LOCALES in data:
        prefer(request, data[UI_LOCALES])
        data[UI_LOCALES] = request.oidc.locale.tag  # for the pages that follow


def read_hint(end_session_request: EndSessionRequest) -> None:
    """Read the hint: an ID token that was issued here to the client that the request names."""
    data, text = end_session_request.data, end_session_request.data.get(HINT)
    if text is None:
        return
    hint = read_id_token_hint(end_session_request.request, text)
    if hint is not None and data.get("client_id", hint.client_id) == hint.client_id:
        end_session_request.hint = hint


def find_login_session(end_session_request: EndSessionRequest) -> None:
    """Find the login session of the hint among those of this browser."""
    hint = end_session_request.hint
    if hint is not None and hint.proven:
        sessions = end_session_request.request.oidc.accounts.all()
        end_session_request.login_session = next(
            (it for it in sessions if sid_of(hint.client_id, it.id) == hint.sid), None
        )


def find_client(end_session_request: EndSessionRequest) -> None:
    """Find the client that the request names, by ``client_id`` or in the hint."""
    request, data = end_session_request.request, end_session_request.data
    hint = end_session_request.hint
    if hint is None and "client_id" not in data:
        end_session_request.client = hinted_client(request, data.get(HINT, ""))
    else:
        client_id = hint.client_id if hint is not None else data["client_id"]
        end_session_request.client = request.oidc.server.query_client(client_id, renew=False)


def continue_by_get(end_session_request: EndSessionRequest) -> Response | None:
    """Redirect a form that came without our cookies to a GET, with which they come.

    Browsers do not send the cookies with a form of another site. The ID token may be too long for a
    URL, so its claims go there, sealed.
    """
    request, data = end_session_request.request, end_session_request.data
    if request.method != "POST" or request.oidc.accounts.all():
        return None
    query = {name: data[name] for name in PARAMETERS if name in data}
    if HINT in data:
        client, hint = end_session_request.client, end_session_request.hint
        if client is not None:
            query["client_id"] = client.client_id
        query[HINT] = seal_hint(request, hint) if hint is not None else UNVERIFIED
    return see_other(request.oidc.url("oidc.end_session_endpoint", _query=query))


def find_target(end_session_request: EndSessionRequest) -> None:
    """Find where the user goes on; record the parts of the request that are ignored."""
    request, client = end_session_request.request, end_session_request.client
    data, ignored = end_session_request.data, " ".join(_problems(end_session_request))
    reference = ""
    if ignored:
        uri = data.get("post_logout_redirect_uri")
        rejection = invalid_request(ignored, RULE, post_logout_redirect_uri=uri)
        reference = record_rejection(request, rejection, client.client_id if client else None)
    end_session_request.after = after_logout_of(client, data, ignored, reference)


def ask_user(end_session_request: EndSessionRequest) -> Response | None:
    """Ask the user on a page, unless the hint is of a login session of this browser."""
    request, after = end_session_request.request, end_session_request.after
    if end_session_request.hint is None:
        intended = False
    elif request.oidc.accounts.all():
        # With a hint of another session the request is suspect (section 2).
        intended = end_session_request.login_session is not None
    else:
        # An ID token of somebody else can have sent this browser here (RFC 9700 section 4.11.2).
        intended = after.is_vouched_for
    if intended:
        return None
    response: Response = request.oidc.ask_to_log_out(after)
    return response


def prepare_sign_out(end_session_request: EndSessionRequest) -> None:
    """Let the commit sign out."""
    end_session_request.outcome.first(_sign_out, end_session_request)


def _sign_out(end_session_request: EndSessionRequest) -> None:
    """End the login session and its tokens, and write the response.

    The other accounts of the browser stay signed in.
    """
    session = end_session_request.login_session
    end_session_request.response = end_session_request.request.oidc.log_out(
        end_session_request.after, (session,) if session is not None else ()
    )


def _problems(end_session_request: EndSessionRequest) -> Iterator[str]:
    """Return a sentence for each part of the request that cannot be used."""
    data, client = end_session_request.data, end_session_request.client
    if HINT in data and end_session_request.hint is None:
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


def _require_page(registry: Registry) -> str | None:
    provider = registry.oidc.provider
    if "end_session" in provider.endpoints and "oidc.logout" not in provider.route_names:
        return "oauth.endpoints selects end_session, which needs the page logout in oidc.pages."
    return None


STEPS: tuple[Step[EndSessionRequest], ...] = (
    Step(read_parameters),  # OpenID Connect RP-Initiated Logout section 2
    Step(read_hint),  # section 2: an ID token of this server, expired or not
    Step(find_login_session),  # section 2: that of the hint
    Step(find_client),  # section 2: the client of client_id or of the hint
    Step(continue_by_get),  # a form of another site comes without our cookies
    Step(find_target),  # section 3: the post_logout_redirect_uri that the client registered
    Step(ask_user),  # section 2: unless the hint is of this login session
    Step(prepare_sign_out),
    Step(commit),  # the login session, its tokens, and the messages to its clients
    Step(announce),  # events of inserted steps; those of the session follow its commit
    Step(respond),
)


def includeme(config: Configurator) -> None:
    """Offer the endpoint and its flow."""
    config.add_startup_check("page of end_session", _require_page)
    config.add_oauth_flow("end_session", STEPS)
    config.add_oauth_endpoint(
        "end_session",
        "/oauth/end_session",
        end_session,
        methods=("GET", "POST"),
        transaction=False,
    )
