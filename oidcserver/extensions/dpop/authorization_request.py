"""The key that an authorization code is bound to (RFC 9449 section 10)."""

import re

from oidcserver.extensions.dpop.token_request import read_proof, spend_proof
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import invalid_request

PARAMETER = "dpop_jkt"
RULE = "RFC 9449 section 10"
#: A SHA-256 in base64url (RFC 7638 section 3).
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def check_dpop_jkt(authorization_request: AuthorizationRequest) -> None:
    """Bind the code to the key that ``dpop_jkt`` names, if the request has the parameter."""
    thumbprint = authorization_request.data.get(PARAMETER)
    if thumbprint is None:
        return
    if not _THUMBPRINT.fullmatch(thumbprint):
        raise invalid_request("dpop_jkt is not a JWK thumbprint by SHA-256.", RULE)
    authorization_request.confirmation = {"jkt": thumbprint}


def check_proof_of_pushed_request(authorization_request: AuthorizationRequest) -> None:
    """Let the proof of a pushed request stand for ``dpop_jkt`` (section 10.1).

    The parameter is stored with the request, so that the code is bound when the request is used.
    The step comes after the parameters of a request object were read.
    """
    proof = read_proof(authorization_request.oauth_request)
    if proof is None:
        return
    if authorization_request.data.get(PARAMETER, proof.thumbprint) != proof.thumbprint:
        raise invalid_request("dpop_jkt is not the key of the DPoP proof.", "RFC 9449 section 10.1")
    authorization_request.payload.replace(PARAMETER, proof.thumbprint)


def spend_proof_of_pushed_request(authorization_request: AuthorizationRequest) -> None:
    """Use the proof of a pushed request up."""
    spend_proof(authorization_request.oauth_request)
