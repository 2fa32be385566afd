"""Authorization requests that lack something, ask for too much or do not use what was pushed."""

from support.app import Browser
from support.conformance_plans import module
from support.error_pages import is_error_page
from support.fapi_relying_party import FAPIRelyingParty
from support.registered_client import REDIRECT_URI


@module("ensure-different-nonce-inside-and-outside-request-object")
def test_ensure_different_nonce_inside_and_outside_request_object(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    """The one that was pushed comes back (RFC 9101 section 6.3)."""
    request_uri = rp.pushed(rp.push(rp.parameters()))
    rp.finish(rp.complete(rp.open(person, request_uri, nonce="outside")))


@module("ensure-different-state-inside-and-outside-request-object")
def test_ensure_different_state_inside_and_outside_request_object(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    request_uri = rp.pushed(rp.push(rp.parameters()))
    rp.finish(rp.complete(rp.open(person, request_uri, state="outside")))


@module("state-only-outside-request-object-not-used")
def test_state_only_outside_request_object_not_used(rp: FAPIRelyingParty, person: Browser) -> None:
    request_uri = rp.pushed(rp.push(rp.parameters(state=None)))
    outcome = rp.finish(rp.complete(rp.open(person, request_uri, state="outside")))
    assert "state" not in outcome.response


@module("ensure-request-object-without-redirect-uri-fails")
def test_ensure_request_object_without_redirect_uri_fails(
    rp: FAPIRelyingParty,
) -> None:
    """It has to be inside the request object, also if it stands beside it."""
    asked = rp.parameters(redirect_uri=None)
    form = {"request": rp.request_object(asked)} if rp.variant.signed else asked
    beside = {"redirect_uri": REDIRECT_URI} if rp.variant.signed else {}
    assert rp.token_refusal(rp.push_form({**form, **beside})) == "invalid_request"


@module("ensure-redirect-uri-in-authorization-request")
def test_ensure_redirect_uri_in_authorization_request(
    rp: FAPIRelyingParty,
) -> None:
    """Security Profile section 5.3.2.2."""
    assert rp.push_refusal(redirect_uri=None) == "invalid_request"


@module("plain-fapi-tolerate-unregistered-redirect-uri")
def test_plain_fapi_tolerate_unregistered_redirect_uri(
    rp: FAPIRelyingParty,
) -> None:
    """It might be allowed to clients that authenticate (RFC 9126 section 2.4), and is not."""
    assert rp.push_refusal(redirect_uri=f"{REDIRECT_URI}/other") == "invalid_request"


@module("ensure-unsigned-authorization-request-without-using-par-fails")
def test_ensure_unsigned_authorization_request_without_using_par_fails(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    assert is_error_page(rp.visit(person, rp.parameters()))


@module("ensure-response-type-code-idtoken-fails")
def test_ensure_response_type_code_idtoken_fails(
    rp: FAPIRelyingParty,
) -> None:
    refused = {"unsupported_response_type", "unauthorized_client", "invalid_request"}
    assert rp.push_refusal(response_type="code id_token") in refused


@module("ensure-response-type-token-fails")
def test_ensure_response_type_token_fails(
    rp: FAPIRelyingParty,
) -> None:
    refused = {"unsupported_response_type", "unauthorized_client", "invalid_request"}
    assert rp.push_refusal(response_type="token") in refused
