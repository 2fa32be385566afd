"""The UserInfo endpoint (OpenID Connect Core section 5.3)."""

from dataclasses import dataclass, field
from typing import Any

from pyramid.response import Response

from oidcserver.clients.client_jwt import (
    encryption_algorithms,
    encryption_encodings,
    make_client_jwt,
    signing_algorithms,
)
from oidcserver.extensions.dpop.proof import Proof
from oidcserver.extensions.dpop.token_request import public_uris
from oidcserver.extensions.key_confirmation import key_confirmation
from oidcserver.extensions.sender_constraints import selects
from oidcserver.http.cors import allow_registered_origin
from oidcserver.interfaces import Step
from oidcserver.models.access_token import Bearer
from oidcserver.oauth.bearer import PresentedToken, insufficient_scope, invalid_token
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.flow import run
from oidcserver.oauth.outcome import Outcome
from oidcserver.oauth.rejections import USUAL, record_rejection
from oidcserver.oauth.responses import error_response, json_response, jwt_response
from oidcserver.oauth.steps import respond
from oidcserver.oauth.tokens import AccessToken, find_access_token
from oidcserver.oidc.claims import userinfo_claims
from oidcserver.types import Configurator, Request


@dataclass(slots=True)
class UserInfoRequest:
    """A request to UserInfo, and what the steps of its flow found out about it."""

    request: Request
    outcome: Outcome = field(default_factory=Outcome)
    #: The access token as it was presented, and the proof of its key.
    presented: PresentedToken | None = None
    proof: Proof | None = None
    #: The access token, once it was found to be live.
    token: AccessToken | None = None
    #: The claims about the user, by name.
    claims: dict[str, Any] = field(default_factory=dict)
    response: Response | None = None

    @property
    def live_token(self) -> AccessToken:
        """The access token, for the steps after ``find_token``."""
        assert self.token is not None
        return self.token

    @property
    def bearer(self) -> Bearer:
        """The client, the authorization and the user behind the access token."""
        assert self.token is not None
        assert self.token.bearer is not None
        return self.token.bearer


def userinfo(request: Request) -> Response:
    """Return the claims that the access token's scopes stand for."""
    return run("userinfo", UserInfoRequest(request), reject)


def reject(userinfo_request: UserInfoRequest, rejection: Rejection) -> Response:
    """Return a challenge (RFC 6750 section 3); record it if the token is live.

    Expired tokens are part of the normal use of an API, and nobody looks up why one was rejected.
    """
    request, token, reference = userinfo_request.request, userinfo_request.token, None
    if token is not None and rejection.error not in USUAL:
        reference = record_rejection(request, rejection, token.client_id)
    confirmation = key_confirmation(request)
    return error_response(confirmation.name_schemes(request, rejection), reference)


def read_token(userinfo_request: UserInfoRequest) -> None:
    """Read the access token of the header or the form."""
    request = userinfo_request.request
    userinfo_request.presented = key_confirmation(request).read_token(request)


def find_token(userinfo_request: UserInfoRequest) -> None:
    """Find the client, authorization and user of the access token, by one statement."""
    assert userinfo_request.presented is not None
    text = userinfo_request.presented.text
    userinfo_request.token = find_access_token(userinfo_request.request, text)
    if userinfo_request.token is None:
        raise invalid_token("The access token is not valid, has expired or was revoked.")


def check_audience(userinfo_request: UserInfoRequest) -> None:
    """Reject a token for other resources: they could use it to read about the user."""
    issuer = userinfo_request.request.oidc.provider.issuer
    if issuer not in userinfo_request.live_token.audience:
        raise invalid_token("The access token is for another resource.")


def require_openid(userinfo_request: UserInfoRequest) -> None:
    """Require the scope ``openid`` and a user; a client's own token has none."""
    no_user = userinfo_request.bearer.authorization is None
    if no_user or "openid" not in userinfo_request.live_token.scopes:
        raise insufficient_scope("openid")


def check_confirmation(userinfo_request: UserInfoRequest) -> None:
    """Require the key that the token is bound to, if it is."""
    request, token = userinfo_request.request, userinfo_request.live_token
    assert userinfo_request.presented is not None
    userinfo_request.proof = key_confirmation(request).check(
        request, userinfo_request.presented, token, public_uris
    )


def spend_proof(userinfo_request: UserInfoRequest) -> None:
    """Use the proof up."""
    request = userinfo_request.request
    key_confirmation(request).spend(request, userinfo_request.proof)


def collect_claims(userinfo_request: UserInfoRequest) -> None:
    """Collect the claims of the scopes and of the ``claims`` parameter."""
    token, bearer = userinfo_request.live_token, userinfo_request.bearer
    assert bearer.authorization is not None
    assert bearer.user is not None
    claims = userinfo_claims(
        userinfo_request.request, bearer.authorization, bearer.user, token.scopes
    )
    userinfo_request.claims = {**claims, "sub": token.subject}


def write_response(userinfo_request: UserInfoRequest) -> None:
    """Write the claims as JSON, or signed or encrypted as the client registered.

    Pages at the client's redirect URIs may read them (Fetch standard, CORS protocol).
    """
    request, client = userinfo_request.request, userinfo_request.bearer.client
    claims = userinfo_request.claims
    signed = client.member("userinfo_signed_response_alg") is not None
    if not signed and client.member("userinfo_encrypted_response_alg") is None:
        response = json_response(200, claims)
    else:
        if signed:
            claims = {**claims, "iss": request.oidc.provider.issuer, "aud": client.client_id}
        response = jwt_response(make_client_jwt(request, client, "userinfo", claims))
    userinfo_request.response = allow_registered_origin(request, response, client.redirect_uris)


#: It writes nothing but the use of a proof, so there is no commit.
STEPS: tuple[Step[UserInfoRequest], ...] = (
    Step(read_token),  # RFC 6750 section 2: of the header or the form, never of the URL
    Step(find_token),  # section 3.1: authentic, unexpired and not revoked
    Step(check_audience),  # RFC 8707 section 3
    Step(check_confirmation),  # RFC 7800 section 3
    Step(spend_proof, when=selects("dpop")),  # RFC 9449 section 11.1
    Step(require_openid),  # OpenID Connect Core section 5.3
    Step(collect_claims),  # OpenID Connect Core sections 5.4 and 5.5
    Step(write_response),  # section 5.3.2
    Step(respond),
)


def includeme(config: Configurator) -> None:
    """Offer the endpoint and its flow."""
    config.add_oauth_flow("userinfo", STEPS)
    config.add_oauth_endpoint(
        "userinfo",
        "/oauth/userinfo",
        userinfo,
        methods=("GET", "POST"),
        cors=True,
        transaction=False,
        metadata={
            "userinfo_signing_alg_values_supported": signing_algorithms,
            "userinfo_encryption_alg_values_supported": encryption_algorithms,
            "userinfo_encryption_enc_values_supported": encryption_encodings,
        },
    )
