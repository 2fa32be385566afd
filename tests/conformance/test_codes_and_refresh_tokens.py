"""Codes work once, refresh tokens for their client (RFC 6749 sections 4.1.2 and 6, RFC 7636,
OpenID Connect Core section 12).
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from typing import Any

from support.app import Browser
from support.conformance import path_of
from support.conformance_plans import module
from support.strict_relying_party import Outcome, Register, StrictRelyingParty


def reuse(rp: StrictRelyingParty, outcome: Outcome) -> None:
    """Present a code again: it is refused, and what it gave ends."""
    again = rp.token_request(rp.code_form(outcome.response["code"]))
    assert rp.token_refusal(again) == "invalid_grant"
    headers = {"Authorization": f"Bearer {outcome.tokens['access_token']}"}
    rp.http.get(path_of(rp.metadata["userinfo_endpoint"]), headers=headers, status=401)


@module("oidcc-codereuse")
def test_oidcc_codereuse(rp: StrictRelyingParty, person: Browser) -> None:
    reuse(rp, rp.log_in(person))


@module("oidcc-codereuse-30seconds")
def test_oidcc_codereuse_30seconds(rp: StrictRelyingParty, person: Browser, clock: Any) -> None:
    outcome = rp.log_in(person)
    clock.advance(30)
    reuse(rp, outcome)


@module("oidcc-ensure-request-with-valid-pkce-succeeds")
def test_oidcc_ensure_request_with_valid_pkce_succeeds(
    rp: StrictRelyingParty, person: Browser
) -> None:
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
    page = rp.authorize(person, code_challenge=challenge, code_challenge_method="S256")
    rp.finish(rp.complete(page), code_verifier=verifier)


@module("oidcc-refresh-token")
def test_oidcc_refresh_token(
    rp: StrictRelyingParty, register: Register, person: Browser, clock: Any
) -> None:
    assert "refresh_token" in rp.metadata["grant_types_supported"]
    outcome = rp.log_in(person, scope="openid offline_access", prompt="consent")
    clock.advance(2)
    form = {"grant_type": "refresh_token", "refresh_token": outcome.tokens["refresh_token"]}
    stranger = register()
    assert stranger.token_refusal(stranger.token_request(form)) == "invalid_grant"
    fresh = rp.refresh(outcome)
    assert fresh.tokens["access_token"] != outcome.tokens["access_token"]
    rp.ask_userinfo(fresh)
