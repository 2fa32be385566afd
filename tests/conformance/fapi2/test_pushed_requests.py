"""Pushed requests: whose they are, and how often and how long they serve (RFC 9126)."""

from typing import Any

from support.app import Browser
from support.conformance_plans import module
from support.error_pages import is_error_page
from support.fapi_relying_party import FAPIRelyingParty, RegisterFAPI


@module("par-ensure-reused-request-uri-prior-to-auth-completion-succeeds")
def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(
    rp: FAPIRelyingParty,
) -> None:
    """A page that is opened again before the user signed in (Security Profile 5.3.2.2 note 3)."""
    stranger = rp.provider.browser()
    request_uri = rp.pushed(rp.push(rp.parameters()))
    assert "login" in rp.open(stranger, request_uri).forms
    rp.finish(rp.complete(rp.open(stranger, request_uri)))


@module("par-attempt-reuse-request_uri")
def test_par_attempt_reuse_request_uri(rp: FAPIRelyingParty, person: Browser) -> None:
    request_uri = rp.pushed(rp.push(rp.parameters()))
    rp.finish(rp.complete(rp.open(person, request_uri)))
    assert is_error_page(rp.open(person, request_uri))


@module("par-attempt-to-use-expired-request_uri")
def test_par_attempt_to_use_expired_request_uri(
    rp: FAPIRelyingParty, person: Browser, clock: Any
) -> None:
    answer = rp.push(rp.parameters())
    request_uri = rp.pushed(answer)
    clock.advance(answer.json["expires_in"] + 1)
    assert is_error_page(rp.open(person, request_uri))


@module("par-attempt-to-use-request_uri-for-different-client")
def test_par_attempt_to_use_request_uri_for_different_client(
    rp: FAPIRelyingParty, register: RegisterFAPI, person: Browser
) -> None:
    """Of no use to another client; its own may still use it."""
    request_uri = rp.pushed(rp.push(rp.parameters()))
    other = register(name="second").client_id
    assert is_error_page(rp.open(person, request_uri, client_id=other))
    rp.finish(rp.complete(rp.open(person, request_uri)))


@module("par-authorization-request-containing-request_uri-form-param")
def test_par_authorization_request_containing_request_uri_form_param(
    rp: FAPIRelyingParty,
) -> None:
    """RFC 9126 section 2.1."""
    request_uri = rp.pushed(rp.push(rp.parameters()))
    asked = rp.parameters()
    form = {"request": rp.request_object(asked)} if rp.variant.signed else asked
    for value in (request_uri, "https://rp.example/request.jwt"):
        answer = rp.push_form({**form, "request_uri": value})
        assert rp.token_refusal(answer) == "invalid_request"


@module("par-attempt-invalid-http-method")
def test_par_attempt_invalid_http_method(
    rp: FAPIRelyingParty,
) -> None:
    """RFC 9126 section 2.3: 405, with the method that is allowed."""
    url = rp.endpoint("pushed_authorization_request_endpoint")
    form = {**rp.parameters(), **rp.credentials()}
    answer = rp.http.put(url, form, headers=rp.certificate_headers(), status=405)
    assert "POST" in answer.headers["Allow"]


@module("par-without-duplicate-parameters")
def test_par_without_duplicate_parameters(rp: FAPIRelyingParty, person: Browser) -> None:
    """Beside the request_uri stands the client_id alone (RFC 9126 section 4)."""
    request_uri = rp.pushed(rp.push(rp.parameters()))
    short = {"client_id": rp.client_id, "request_uri": request_uri}
    rp.finish(rp.complete(rp.visit(person, short)))
