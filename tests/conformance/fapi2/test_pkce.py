"""PKCE with S256, of every client (RFC 7636, Security Profile section 5.3.2.2)."""

import secrets

from support.app import Browser
from support.conformance_plans import module
from support.fapi_relying_party import FAPIRelyingParty


@module("par-ensure-pkce-required")
def test_par_ensure_pkce_required(rp: FAPIRelyingParty) -> None:
    refused = rp.push_refusal(code_challenge=None, code_challenge_method=None)
    assert refused == "invalid_request"


@module("par-plain-pkce-rejected")
def test_par_plain_pkce_rejected(rp: FAPIRelyingParty) -> None:
    """Also where it is meant, because no method is named (RFC 7636 section 4.3)."""
    verifier = secrets.token_urlsafe(48)
    for method in ("plain", None):
        refused = rp.push_refusal(code_challenge=verifier, code_challenge_method=method)
        assert refused == "invalid_request"


@module("ensure-pkce-code-verifier-required")
def test_ensure_pkce_code_verifier_required(rp: FAPIRelyingParty, person: Browser) -> None:
    form = rp.grant_form(person)
    del form["code_verifier"]
    assert rp.token_refusal(rp.token_request(form)) == "invalid_grant"


@module("incorrect-pkce-code-verifier-rejected")
def test_incorrect_pkce_code_verifier_rejected(rp: FAPIRelyingParty, person: Browser) -> None:
    form = {**rp.grant_form(person), "code_verifier": secrets.token_urlsafe(48)}
    assert rp.token_refusal(rp.token_request(form)) == "invalid_grant"
