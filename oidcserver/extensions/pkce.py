"""Proof Key for Code Exchange (RFC 7636) with S256.

RFC 9700 section 2.1.1 requires it of public clients. It recommends it to confidential clients,
which may use the nonce of OpenID Connect instead.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode

from oidcserver.clients.stored import Findings, has_flag, warn_at_start
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import invalid_grant, invalid_request
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.settings import boolean, text
from oidcserver.types import Configurator, Provider

#: The SHA-256 of a verifier in base64url (RFC 7636 section 4.2).
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
#: RFC 7636 section 4.1.
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


def check_code_challenge(authorization_request: AuthorizationRequest) -> None:
    """Check the challenge; require one if a code is issued without another protection."""
    challenge = authorization_request.data.get("code_challenge")
    method = authorization_request.data.get("code_challenge_method")
    if challenge is None:
        if method is not None:
            raise invalid_request(
                "There is a code_challenge_method and no code_challenge.", "RFC 7636 section 4.3"
            )
        if "code" in authorization_request.response_type.split():
            _require_challenge(authorization_request)
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


def _require_challenge(authorization_request: AuthorizationRequest) -> None:
    """Reject a request without a challenge, unless the client is exempt.

    The error and the log line name the setting or member that requires it.
    """
    settings, client = authorization_request.provider.settings, authorization_request.client
    assert client is not None
    own, rule = client.member("require_pkce"), settings["oauth.pkce_required"]
    exemptions = settings["oauth.pkce_exemptions"]
    openid = (
        "openid" in authorization_request.scope.split() and "nonce" in authorization_request.data
    )
    if client.is_public:
        decided = "token_endpoint_auth_method = none"
        sentence = "A public client has to use PKCE"
    elif own:
        decided, sentence = "require_pkce = true", "The client registered require_pkce"
    elif (own is False and exemptions) or rule == "public" or (rule == "without_nonce" and openid):
        return
    else:
        origin = settings.origins["oauth.pkce_required"]
        decided = f"oauth.pkce_required = {rule} ({origin})"
        sentence = f"PKCE is required here by oauth.pkce_required = {rule} ({origin})"
        if exemptions:
            sentence += ", unless the client has require_pkce = false"
    raise invalid_request(
        f"{sentence}. The request has no code_challenge.",
        "RFC 9700 section 2.1.1",
        decided_by=decided,
    )


def check_code_verifier(token_request: OAuthRequest) -> None:
    """Compare the verifier with the code's challenge (RFC 7636 section 4.6)."""
    code = token_request.authorization_code
    if code is None:
        return
    verifier = token_request.form.get("code_verifier")
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


def find_exempt_clients(provider: Provider) -> Findings:
    """Find the stored clients with an exemption that the configuration does not allow.

    The exemption has no effect: they have to use PKCE.
    """
    if not provider.settings["oauth.pkce_exemptions"]:
        yield (
            has_flag("require_pkce", False),
            "oauth.pkce_exemptions = false: these clients have to use PKCE, although they have "
            "require_pkce = false",
        )


def includeme(config: Configurator) -> None:
    """Add the settings and the metadata."""
    config.add_oauth_setting(
        "oauth.pkce_required",
        text,
        "public",
        "Which clients have to use PKCE: public clients (public); also confidential clients whose "
        "request has no OpenID Connect nonce (without_nonce); or every client (all). A client's "
        "require_pkce decides for that client.",
        allowed=("public", "without_nonce", "all"),
    )
    config.add_oauth_setting(
        "oauth.pkce_exemptions",
        boolean,
        True,
        "Whether require_pkce = false exempts a confidential client from oauth.pkce_required.",
    )
    config.add_server_metadata("code_challenge_methods_supported", ["S256"])
    warn_at_start(config, "exempt clients", find_exempt_clients)
