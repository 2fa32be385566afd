"""OpenID Connect RP-Initiated Logout 1.0, section by section of its request and its errors."""

import json
from base64 import urlsafe_b64encode

import pytest
from support.app import Browser, follow_to_answer
from support.conformance import path_of
from support.conformance_plans import module
from support.strict_relying_party import Outcome, Register, StrictRelyingParty
from webtest import TestResponse

AFTER = "https://rp.example/after"
STATE = "a state & more"


@pytest.fixture
def rp(register: Register) -> StrictRelyingParty:
    """A client that may send people to an address of its own when they are signed out."""
    return register(post_logout_redirect_uris=[AFTER])


@pytest.fixture
def outcome(rp: StrictRelyingParty, person: Browser) -> Outcome:
    """The tokens that the client has of the signed-in user."""
    return rp.log_in(person)


def log_out(rp: StrictRelyingParty, person: Browser, **parameters: str) -> TestResponse:
    """Send the person to the end_session_endpoint; return the page or the redirect."""
    path = path_of(rp.metadata["end_session_endpoint"])
    return follow_to_answer(person.get(path, parameters, expect_errors=True))


def is_signed_out(rp: StrictRelyingParty, person: Browser) -> bool:
    """Whether nobody is signed in at the provider."""
    response = rp.authorize(person, prompt="none")
    return "error" in rp.answer(response) and rp.refusal(response) == "login_required"


def stays(response: TestResponse) -> bool:
    """Whether the person reads a page of the provider."""
    return response.status_int in {200, 400} and response.content_type == "text/html"


@module("oidcc-rp-initiated-logout-discovery-endpoint-verification")
def test_oidcc_rp_initiated_logout_discovery_endpoint_verification(rp: StrictRelyingParty) -> None:
    assert rp.metadata["end_session_endpoint"].startswith("https://")


@module("oidcc-rp-initiated-logout")
def test_oidcc_rp_initiated_logout(
    rp: StrictRelyingParty, person: Browser, outcome: Outcome
) -> None:
    assert not is_signed_out(rp, person)
    response = log_out(
        rp,
        person,
        id_token_hint=outcome.raw_id_token,
        post_logout_redirect_uri=AFTER,
        state=STATE,
    )
    assert response.location == f"{AFTER}?state=a%20state%20%26%20more"
    assert is_signed_out(rp, person)


@module("oidcc-rp-initiated-logout-no-state")
def test_oidcc_rp_initiated_logout_no_state(
    rp: StrictRelyingParty, person: Browser, outcome: Outcome
) -> None:
    hint = outcome.raw_id_token
    response = log_out(rp, person, id_token_hint=hint, post_logout_redirect_uri=AFTER)
    assert response.location == AFTER
    assert is_signed_out(rp, person)


@module("oidcc-rp-initiated-logout-bad-post-logout-redirect-uri")
def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(
    rp: StrictRelyingParty, person: Browser, outcome: Outcome
) -> None:
    hint = outcome.raw_id_token
    bad = "https://rp.example/elsewhere"
    assert stays(log_out(rp, person, id_token_hint=hint, post_logout_redirect_uri=bad))


@module("oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri")
def test_oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri(
    rp: StrictRelyingParty, person: Browser, outcome: Outcome
) -> None:
    hint = outcome.raw_id_token
    added = f"{AFTER}?added=1"
    assert stays(log_out(rp, person, id_token_hint=hint, post_logout_redirect_uri=added))


@module("oidcc-rp-initiated-logout-modified-id-token-hint")
def test_oidcc_rp_initiated_logout_modified_id_token_hint(
    rp: StrictRelyingParty, person: Browser, outcome: Outcome
) -> None:
    unsigned = urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    hint = f"{unsigned}.{outcome.raw_id_token.split('.')[1]}."
    confirm(rp, person, log_out(rp, person, id_token_hint=hint, post_logout_redirect_uri=AFTER))


@module("oidcc-rp-initiated-logout-bad-id-token-hint")
def test_oidcc_rp_initiated_logout_bad_id_token_hint(
    rp: StrictRelyingParty, person: Browser, outcome: Outcome
) -> None:
    header, payload, signature = outcome.raw_id_token.split(".")
    turned = ("A" if signature[0] != "A" else "B") + signature[1:]
    hint = f"{header}.{payload}.{turned}"
    confirm(rp, person, log_out(rp, person, id_token_hint=hint, post_logout_redirect_uri=AFTER))


@module("oidcc-rp-initiated-logout-no-id-token-hint")
def test_oidcc_rp_initiated_logout_no_id_token_hint(
    rp: StrictRelyingParty, person: Browser, outcome: Outcome
) -> None:
    confirm(rp, person, log_out(rp, person, post_logout_redirect_uri=AFTER, state=STATE))


@module("oidcc-rp-initiated-logout-no-params")
def test_oidcc_rp_initiated_logout_no_params(
    rp: StrictRelyingParty, person: Browser, outcome: Outcome
) -> None:
    confirm(rp, person, log_out(rp, person))


@module("oidcc-rp-initiated-logout-only-state")
def test_oidcc_rp_initiated_logout_only_state(
    rp: StrictRelyingParty, person: Browser, outcome: Outcome
) -> None:
    confirm(rp, person, log_out(rp, person, state=STATE))


@module("oidcc-rp-initiated-logout-no-post-logout-redirect-uri")
def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(
    rp: StrictRelyingParty, person: Browser, outcome: Outcome
) -> None:
    page = log_out(rp, person, id_token_hint=outcome.raw_id_token, state=STATE)
    assert "You are signed out" in page
    assert is_signed_out(rp, person)


def confirm(rp: StrictRelyingParty, person: Browser, page: TestResponse) -> None:
    """A user without a hint is asked, and then told that they are signed out."""
    assert not is_signed_out(rp, person)
    page = follow_to_answer(page.forms["logout"].submit())
    assert "You are signed out" in page
    assert is_signed_out(rp, person)
