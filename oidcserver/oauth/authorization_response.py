"""The answer of the authorization endpoint: a page for the person, or parameters for the client."""

import json
from typing import Any

from authlib.oauth2 import OAuth2Error
from pyramid.response import Response

from oidcserver.models.authorization import store_authorization
from oidcserver.models.authorization_code import find_authorization_code
from oidcserver.models.consent import find_consent
from oidcserver.models.suspended_request import ANY_BROWSER, use_suspended_request
from oidcserver.oauth.authorization_request import AuthorizationRequest, resume
from oidcserver.oauth.errors import Rejection, as_rejection
from oidcserver.oauth.issuing import new_authorization
from oidcserver.oauth.rejections import record_rejection
from oidcserver.oauth.requests import Payload
from oidcserver.oauth.responses import Onward, destination, error_page, own_url, see_other

ROUTE = "oidc.authorization_endpoint"
#: Servers and proxies take a request line of 8,000 bytes (RFC 9110 section 4.1).
MAX_URL = 8000
#: What the sealed answer to an authorization request is sealed for.
ANSWER = "authorization response"


def leaves_unasked(authorization_request: AuthorizationRequest) -> bool:
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
    client, http_request = authorization_request.client, authorization_request.request
    if client is None or not client.self_registered:
        return True
    session = http_request.oidc.login_session
    database = http_request.oidc.database
    if session is not None and find_consent(database, session.user_id, client.client_id):
        return True
    silent = authorization_request.data.get("prompt", "").split() == ["none"]
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

    def _interact(self, authorization_request: AuthorizationRequest) -> Response | None:
        """Send the person to the first page that is due, or refuse where prompt=none forbids it."""
        for interaction in self.provider.interactions:
            error = interaction.needed(authorization_request)
            if error is None:
                continue
            if "none" in authorization_request.prompt:
                raise Rejection(
                    error,
                    "End-User interaction is required, but prompt=none was requested.",
                    rule="OpenID Connect Core section 3.1.2.6",
                )
            reference = authorization_request.request_uri or authorization_request.suspend()
            return see_other(
                self._page_url(authorization_request, interaction.route_name, reference)
            )
        return None

    def _url_of_get(self, http_request: Any, payload: Payload) -> str | None:
        """Return where a form that brought none of the browser's cookies goes on by a GET.

        From a form of the client's own site the browser keeps our cookies, since they are SameSite,
        but not from the GET that it leads to. Without them nobody seems to be signed in, and to set
        new ones would replace what the browser has.
        """
        if http_request.method != "POST" or http_request.oidc.browser_is_known:
            return None
        url: str = http_request.oidc.url(ROUTE, _query=payload.datalist)
        return url

    def _page_url(
        self, authorization_request: AuthorizationRequest, route_name: str, reference: str
    ) -> str:
        query = {"client_id": authorization_request.data["client_id"], "request_uri": reference}
        url: str = authorization_request.request.oidc.url(route_name, _query=query)
        return url

    def _answer(self, authorization_request: AuthorizationRequest) -> Response:
        """Grant what was asked and send the response."""
        suspended = authorization_request.suspended
        http_request = authorization_request.request
        if suspended is not None and not use_suspended_request(
            http_request.oidc.dbsession, suspended
        ):
            return self._answer_again(authorization_request)
        return self._grant(authorization_request)

    def _grant(self, authorization_request: AuthorizationRequest) -> Response:
        suspended = authorization_request.suspended
        http_request = authorization_request.request
        session = http_request.oidc.login_session
        assert authorization_request.client is not None
        oauth_request = authorization_request.oauth_request
        oauth_request.unwritten_authorization = new_authorization(
            http_request,
            authorization_request.client,
            session.user,
            session_id=session.id,
            scope=authorization_request.scope,
            claims_request=authorization_request.claims_request,
            nonce=authorization_request.data.get("nonce"),
            auth_time=session.auth_time,
            acr=session.acr,
            amr=session.amr,
        )
        authorization_request.authorization = oauth_request.authorization = (
            oauth_request.unwritten_authorization.record()
        )
        grant = self.server.get_authorization_grant(oauth_request)
        if not getattr(grant, "WRITES_AUTHORIZATION", False):
            row = oauth_request.take_unwritten_authorization()
            store_authorization(http_request.oidc.database, row)
        _, parameters, _ = grant.create_authorization_response(
            authorization_request.redirect_uri, session.user
        )
        self.server.send_signal(
            "authorization_granted",
            client_id=authorization_request.client.client_id,
            user_id=session.user_id,
            scope=authorization_request.scope,
        )
        parameters = self._complete(authorization_request, parameters)
        if suspended is not None:
            answer = json.dumps([session.user_id, parameters]).encode()
            suspended.response_sealed = self.provider.sealer(ANSWER).seal(answer)
        return self._send(authorization_request, parameters)

    def _answer_again(self, authorization_request: AuthorizationRequest) -> Response:
        """Repeat the answer to a double click; later, take the request up anew.

        A code that the client has redeemed is not sent again, since redeeming it once more would
        end its tokens (RFC 9700 section 4.5): the decision still stands, so it gets another one.
        """
        http_request = authorization_request.request
        suspended = authorization_request.suspended
        assert suspended is not None
        http_request.oidc.dbsession.refresh(suspended)
        window = self.provider.settings["oidc.repeat_window"]
        if suspended.response_sealed and (suspended.used_at or 0) > http_request.oidc.now - window:
            answer = self.provider.sealer(ANSWER).unseal(suspended.response_sealed)
            user_id, parameters = json.loads(answer or b"[null, {}]")
            if user_id == http_request.oidc.login_session.user_id:
                spent = self._is_redeemed(parameters.get("code"))
                return (
                    self._grant(authorization_request)
                    if spent
                    else self._send(authorization_request, parameters)
                )
        authorization_request.suspended = None
        return self._interact(authorization_request) or self._answer(authorization_request)

    def _is_redeemed(self, code: str | None) -> bool:
        found = find_authorization_code(self.server.request.oidc.database, code or "")
        return found is not None and found.code.used_at is not None

    def _refuse(
        self, authorization_request: AuthorizationRequest | None, rejection: Rejection
    ) -> Response:
        client = authorization_request.client if authorization_request else None
        reference = record_rejection(
            self.server.request, rejection, client.client_id if client else None
        )
        http_request = self.server.request
        here_only = rejection.status_code in {403, 429}
        if authorization_request is None or authorization_request.redirect_uri is None or here_only:
            back = own_url(http_request) if rejection.status_code == 429 else None
            return error_page(http_request, rejection, reference, back)
        authorization_request.authorization = None
        authorization_request.response_mode = (
            authorization_request.response_mode or authorization_request.mode_for_error
        )
        parameters = {"error": rejection.error, "error_description": rejection.description}
        parameters = self._complete(authorization_request, parameters)
        if leaves_unasked(authorization_request):
            return self._send(authorization_request, parameters)
        return self._ask_to_leave(authorization_request, rejection, reference, parameters)

    def _ask_to_leave(
        self,
        authorization_request: AuthorizationRequest,
        rejection: Rejection,
        reference: str,
        parameters: dict[str, Any],
    ) -> Response:
        """Show the error with a link to the client, instead of a redirect."""
        http_request, redirect_uri = self.server.request, authorization_request.redirect_uri
        assert redirect_uri is not None
        if authorization_request.response_mode == "form_post":
            http_request.oidc.content_security_policy.let_forms_leave()
            url, fields = redirect_uri, parameters
        else:
            url, fields = self._send(authorization_request, parameters).location, {}
        # A response mode that answers with a page has no URL to link to.
        onward = Onward(destination(redirect_uri), url, fields) if url else None
        return error_page(http_request, rejection, reference, onward=onward)

    def _complete(
        self, authorization_request: AuthorizationRequest, parameters: dict[str, Any]
    ) -> dict[str, Any]:
        """Add what every response carries: the stages' parameters and the state."""
        self.server.run_stages("authorization_response", authorization_request, parameters)
        states = authorization_request.payload.datalist.get("state", [])
        if len(states) == 1:
            parameters["state"] = states[0]
        return {name: str(value) for name, value in parameters.items()}

    def _send(
        self, authorization_request: AuthorizationRequest, parameters: dict[str, Any]
    ) -> Response:
        encode = self.provider.response_modes[authorization_request.response_mode]
        response: Response = encode(
            self.server.request, authorization_request.redirect_uri, parameters
        )
        return response
