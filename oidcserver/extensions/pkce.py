"""Proof Key for Code Exchange (RFC 7636): S256, demanded unless a client is excepted."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from typing import Any

from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import invalid_grant, invalid_request
from oidcserver.settings import boolean

#: The SHA-256 of a verifier in base64url (RFC 7636 section 4.2).
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
#: RFC 7636 section 4.1.
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


def check_challenge(request: AuthorizationRequest) -> None:
    """Demand a challenge wherever a code is issued (RFC 9700 section 2.1.1)."""
    challenge = request.data.get("code_challenge")
    method = request.data.get("code_challenge_method")
    if challenge is None:
        required = request.provider.settings["oauth.pkce_required"]
        assert request.client is not None
        if method is not None:
            raise invalid_request(
                "There is a code_challenge_method and no code_challenge.", "RFC 7636 section 4.3"
            )
        if (
            required
            and "code" in request.response_type.split()
            and not request.client.pkce_optional
        ):
            raise invalid_request("The request has no code_challenge.", "RFC 9700 section 2.1.1")
        return
    if method != "S256":
        raise invalid_request(
            "The code_challenge_method has to be S256.", "RFC 9700 section 2.1.1", method=method
        )
    if not _CHALLENGE.fullmatch(challenge):
        raise invalid_request(
            "The code_challenge is not a SHA-256 in base64url.",
            "RFC 7636 section 4.2",
            length=len(challenge),
        )


def check_verifier(oauth_request: Any) -> None:
    """Compare the verifier with the code's challenge (RFC 7636 section 4.6)."""
    code = oauth_request.authorization_code
    if code is None:
        return
    verifier = oauth_request.form.get("code_verifier")
    if code.code_challenge is None:
        if verifier is not None:
            raise invalid_grant(
                "There is a code_verifier, and the code was issued without a challenge.",
                "RFC 9700 section 4.8",
            )
        return
    if verifier is None:
        raise invalid_grant("The request has no code_verifier.", "RFC 7636 section 4.6")
    if not _VERIFIER.fullmatch(verifier):
        raise invalid_request("The code_verifier is malformed.", "RFC 7636 section 4.1")
    computed = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    if not hmac.compare_digest(computed, code.code_challenge.encode()):
        raise invalid_grant("The code_verifier does not fit.", "RFC 7636 section 4.6")


def includeme(config: Any) -> None:
    """Register the two stages and what they promise."""
    config.add_oauth_setting(
        "oauth.pkce_required", boolean, True, "Whether a code is only issued with a challenge."
    )
    config.add_oauth_stage("authorization", "pkce", check_challenge, after="response_mode")
    config.add_oauth_stage("token_grant", "pkce", check_verifier)
    config.add_server_metadata("code_challenge_methods_supported", ["S256"])
