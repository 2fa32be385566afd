"""The answer of the authorization endpoint: a page for the person, or parameters for the client."""

import json
from typing import Any

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.models.authorization_code import find_authorization_code
from oidcserver.models.consent import find_consent
from oidcserver.models.suspended_request import ANY_BROWSER, use_suspended_request
from oidcserver.oauth.authorization_request import AuthorizationRequest, resume
from oidcserver.oauth.errors import Rejection, as_rejection
from oidcserver.oauth.issuing import new_authorization
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.requests import Payload
from oidcserver.oauth.responses import Onward, destination, error_page, own_url, see_other

ROUTE = "authorization_endpoint"
#: Servers and proxies take a request line of 8,000 bytes (RFC 9110 section 4.1).
MAX_URL = 8000
#: What the sealed answer to an authorization request is sealed for.
ANSWER = "authorization response"


def leaves_unasked(request: AuthorizationRequest) -> bool:
    """Whether an error may take the user to the client without a question.

    RFC 9700 section 4.11.2 forbids to redirect automatically where the redirect URI may be an
    attacker's, who would use this server's name to send users to another page. The client is
    trusted if the operator registered it, or if it had an initial access token or a software
    statement, or if this user has allowed it access. Any other client may have registered itself
    for this purpose.

    ``prompt=none`` is the silent case of that section, in which OpenID Connect Core section 3.1.2.1
    allows no page: its errors go to the client, unless the browser says that it opens a page of
    its own (``Sec-Fetch-Dest: document``), which a silent request from a frame never is.
    """
    client, http_request = request.client, request.http_request
    if client is None or not client.self_registered:
        return True
    session = http_request.login_session
    reader = http_request.registry.reader
    if session is not None and find_consent(reader, session.user_id, client.client_id) is not None:
        return True
    silent = request.data.get("prompt", "").split() == ["none"]
    return silent and http_request.headers.get("Sec-Fetch-Dest") != "document"


class AuthorizationResponder:
    """Answers one authorization request (RFC 6749 section 4.1.2)."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.provider = server.provider

    def respond(self, http_request: Any) -> Response:
        """Read and check the request; ask the person what is due, or answer the client."""
        request = None
        try:
            oauth_request = self.server.create_oauth2_request(http_request)
            request = AuthorizationRequest(oauth_request)
            request = resume(http_request, oauth_request)
            url = self._url_of_get(http_request, oauth_request.payload)
            if url is not None and len(url) <= MAX_URL:
                return see_other(url)
            self.server.run_stages("authorization", request)
            if url is not None:
                return see_other(self._page_url(request, ROUTE, request.store(ANY_BROWSER)))
            return self._interact(request) or self._answer(request)
        except OAuth2Error as error:
            return self._refuse(request, as_rejection(error))

    def _interact(self, request: AuthorizationRequest) -> Response | None:
        """Send the person to the first page that is due, or refuse where prompt=none forbids it."""
        for interaction in self.provider.interactions:
            error = interaction.needed(request)
            if error is None:
                continue
            if "none" in request.prompt:
                raise Rejection(
                    error,
                    "End-User interaction is required, but prompt=none was requested.",
                    rule="OpenID Connect Core section 3.1.2.6",
                )
            reference = request.request_uri or request.suspend()
            return see_other(self._page_url(request, interaction.route_name, reference))
        return None

    def _url_of_get(self, http_request: Any, payload: Payload) -> str | None:
        """Return where a form that brought none of the browser's cookies goes on by a GET.

        From a form of the client's own site the browser keeps our cookies, since they are SameSite,
        but not from the GET that it leads to. Without them nobody seems to be signed in, and to set
        new ones would replace what the browser has.
        """
        if http_request.method != "POST" or http_request.browser_is_known:
            return None
        url: str = http_request.provider_url(ROUTE, _query=payload.datalist)
        return url

    def _page_url(self, request: AuthorizationRequest, route_name: str, reference: str) -> str:
        query = {"client_id": request.data["client_id"], "request_uri": reference}
        url: str = request.http_request.provider_url(route_name, _query=query)
        return url

    def _answer(self, request: AuthorizationRequest) -> Response:
        """Grant what was asked and send the response."""
        suspended = request.suspended
        http_request = request.http_request
        if suspended is not None and not use_suspended_request(http_request.dbsession, suspended):
            return self._answer_again(request)
        return self._grant(request)

    def _grant(self, request: AuthorizationRequest) -> Response:
        suspended = request.suspended
        http_request = request.http_request
        session = http_request.login_session
        assert request.client is not None
        oauth_request = request.oauth_request
        oauth_request.unwritten_authorization = new_authorization(
            http_request,
            request.client,
            session.user,
            session_id=session.id,
            scope=request.scope,
            claims_request=request.claims_request,
            nonce=request.data.get("nonce"),
            auth_time=session.auth_time,
            acr=session.acr,
            amr=session.amr,
        )
        request.authorization = oauth_request.authorization = (
            oauth_request.unwritten_authorization.object()
        )
        grant = self.server.get_authorization_grant(oauth_request)
        if not getattr(grant, "WRITES_AUTHORIZATION", False):
            oauth_request.take_unwritten_authorization().insert(http_request.dbsession)
        _, parameters, _ = grant.create_authorization_response(request.redirect_uri, session.user)
        self.server.send_signal(
            "authorization_granted",
            client_id=request.client.client_id,
            user_id=session.user_id,
            scope=request.scope,
        )
        parameters = self._complete(request, parameters)
        if suspended is not None:
            answer = json.dumps([session.user_id, parameters]).encode()
            suspended.response_sealed = self.provider.sealer(ANSWER).seal(answer)
        return self._send(request, parameters)

    def _answer_again(self, request: AuthorizationRequest) -> Response:
        """Repeat the answer to a double click; later, take the request up anew.

        A code that the client has redeemed is not sent again, since redeeming it once more would
        end its tokens (RFC 9700 section 4.5): the decision still stands, so it gets another one.
        """
        http_request = request.http_request
        suspended = request.suspended
        assert suspended is not None
        http_request.dbsession.refresh(suspended)
        window = self.provider.settings["oidc.repeat_window"]
        if suspended.response_sealed and (suspended.used_at or 0) > http_request.now - window:
            answer = self.provider.sealer(ANSWER).unseal(suspended.response_sealed)
            user_id, parameters = json.loads(answer or b"[null, {}]")
            if user_id == http_request.login_session.user_id:
                spent = self._is_redeemed(parameters.get("code"))
                return self._grant(request) if spent else self._send(request, parameters)
        request.suspended = None
        return self._interact(request) or self._answer(request)

    def _is_redeemed(self, code: str | None) -> bool:
        found = find_authorization_code(self.server.http_request.registry.reader, code or "")
        return found is not None and found[0].used_at is not None

    def _refuse(self, request: AuthorizationRequest | None, rejection: Rejection) -> Response:
        client = request.client if request else None
        reference = record_rejection(
            self.server.http_request, rejection, client.client_id if client else None
        )
        http_request = self.server.http_request
        here_only = rejection.status_code in {403, 429}
        if request is None or request.redirect_uri is None or here_only:
            back = own_url(http_request) if rejection.status_code == 429 else None
            return error_page(http_request, rejection, reference, back)
        request.authorization = None
        request.response_mode = request.response_mode or request.mode_for_error
        parameters = {"error": rejection.error, "error_description": rejection.description}
        parameters = self._complete(request, parameters)
        if leaves_unasked(request):
            return self._send(request, parameters)
        return self._ask_to_leave(request, rejection, reference, parameters)

    def _ask_to_leave(
        self,
        request: AuthorizationRequest,
        rejection: Rejection,
        reference: str,
        parameters: dict[str, Any],
    ) -> Response:
        """Show the error with a link to the client, instead of a redirect."""
        http_request, redirect_uri = self.server.http_request, request.redirect_uri
        assert redirect_uri is not None
        if request.response_mode == "form_post":
            http_request.content_security_policy.let_forms_leave()
            url, fields = redirect_uri, parameters
        else:
            url, fields = self._send(request, parameters).location, {}
        # A response mode that answers with a page has no URL to link to.
        onward = Onward(destination(redirect_uri), url, fields) if url else None
        return error_page(http_request, rejection, reference, onward=onward)

    def _complete(
        self, request: AuthorizationRequest, parameters: dict[str, Any]
    ) -> dict[str, Any]:
        """Add what every response carries: the stages' parameters and the state."""
        self.server.run_stages("authorization_response", request, parameters)
        states = request.payload.datalist.get("state", [])
        if len(states) == 1:
            parameters["state"] = states[0]
        return {name: str(value) for name, value in parameters.items()}

    def _send(self, request: AuthorizationRequest, parameters: dict[str, Any]) -> Response:
        encode = self.provider.response_modes[request.response_mode]
        response: Response = encode(self.server.http_request, request.redirect_uri, parameters)
        return response
