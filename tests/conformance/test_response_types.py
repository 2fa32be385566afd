"""The authorization request and its answer (OpenID Connect Core sections 3.1, 3.2 and 3.3)."""

import pytest
from support.app import Browser, follow_to_answer
from support.authorization_answers import go_on
from support.conformance import path_of
from support.conformance_checks import check_error, read_signed
from support.conformance_plans import module
from support.error_pages import is_error_page
from support.strict_relying_party import StrictRelyingParty


@module("oidcc-server")
def test_oidcc_server(rp: StrictRelyingParty, person: Browser) -> None:
    outcome = rp.log_in(person)
    assert ("code" in outcome.response) == ("code" in rp.kinds)


@module("oidcc-response-type-missing")
def test_oidcc_response_type_missing(rp: StrictRelyingParty, person: Browser) -> None:
    response = go_on(rp.authorize(person, response_type=None))
    # No response type, so no fragment that would be its default.
    error = check_error(rp.answer(response, in_query=True))
    assert error in {"invalid_request", "unsupported_response_type"}


@module("oidcc-idtoken-signature")
def test_oidcc_idtoken_signature(rp: StrictRelyingParty, person: Browser) -> None:
    raw = rp.log_in(person).raw_id_token
    assert read_signed(raw, rp.provider.jwks, "RS256")


@module("oidcc-alternate-happy-flow")
def test_oidcc_alternate_happy_flow(rp: StrictRelyingParty, person: Browser) -> None:
    state = "".join(chr(code) for code in range(0x20, 0x7F)).ljust(128, "~")
    parameters = rp.parameters(scope="email openid", state=state)
    reordered = dict(reversed(parameters.items()))
    rp.finish(rp.complete(rp.visit(person, reordered)))


@module("oidcc-ensure-request-without-nonce-succeeds-for-code-flow")
def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(
    rp: StrictRelyingParty, person: Browser
) -> None:
    outcome = rp.log_in(person, nonce=None)
    assert "nonce" not in outcome.claims


@module("oidcc-ensure-request-without-nonce-fails")
def test_oidcc_ensure_request_without_nonce_fails(rp: StrictRelyingParty, person: Browser) -> None:
    assert rp.refusal(go_on(rp.authorize(person, nonce=None))) == "invalid_request"


@module("oidcc-ensure-post-request-succeeds")
def test_oidcc_ensure_post_request_succeeds(rp: StrictRelyingParty, person: Browser) -> None:
    path = path_of(rp.metadata["authorization_endpoint"])
    page = follow_to_answer(person.post(path, rp.parameters()))
    assert "login" in page.forms
    rp.finish(rp.complete(page))


@module("oidcc-ensure-registered-redirect-uri")
@pytest.mark.parametrize("redirect_uri", ["https://rp.example/cb/other", "https://evil.example/"])
def test_oidcc_ensure_registered_redirect_uri(
    rp: StrictRelyingParty, person: Browser, redirect_uri: str
) -> None:
    response = rp.authorize(person, redirect_uri=redirect_uri)
    assert is_error_page(response)


@module("oidcc-server-client-secret-post")
def test_oidcc_server_client_secret_post(rp: StrictRelyingParty, person: Browser) -> None:
    assert rp.registered["token_endpoint_auth_method"] == "client_secret_post"
    rp.log_in(person)
