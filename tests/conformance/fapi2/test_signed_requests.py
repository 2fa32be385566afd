"""Signed request objects, which are pushed (RFC 9101, Message Signing section 5.3)."""

from typing import Any

import pytest
from joserfc.jwk import RSAKey
from support.app import Browser
from support.assertions import Signer
from support.conformance_plans import module
from support.fapi_client import new_key
from support.fapi_relying_party import FAPIRelyingParty, RegisterFAPI
from support.request_signing import unsigned

from oidcserver import clock

MINUTE = 60


def accepted(rp: FAPIRelyingParty, person: Browser, **changes: Any) -> None:
    """Go through a flow with a request object that has these changes of its claims."""
    request_object = rp.request_object(rp.parameters(), **changes)
    request_uri = rp.pushed(rp.push_form({"request": request_object}))
    rp.finish(rp.complete(rp.open(person, request_uri)))


def refused(rp: FAPIRelyingParty, request_object: str) -> str:
    """Push a request object; return the error."""
    return rp.token_refusal(rp.push_form({"request": request_object}))


def refused_with(rp: FAPIRelyingParty, **changes: Any) -> str:
    """Push a request object that has these changes of its claims; return the error."""
    return refused(rp, rp.request_object(rp.parameters(), **changes))


@module("ensure-request-object-with-multiple-aud-succeeds")
def test_ensure_request_object_with_multiple_aud_succeeds(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    accepted(rp, person, aud=["https://elsewhere.example", rp.provider.issuer])


@module("ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted")
def test_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    accepted(rp, person, nbf=clock.now() + 8)


@module("ensure-request-object-without-exp-fails")
def test_ensure_request_object_without_exp_fails(rp: FAPIRelyingParty) -> None:
    assert refused_with(rp, exp=...) == "invalid_request_object"


@module("ensure-request-object-without-nbf-fails")
def test_ensure_request_object_without_nbf_fails(rp: FAPIRelyingParty) -> None:
    assert refused_with(rp, nbf=...) == "invalid_request_object"


@module("ensure-expired-request-object-fails")
def test_ensure_expired_request_object_fails(rp: FAPIRelyingParty) -> None:
    now = clock.now()
    expired = refused_with(rp, nbf=now - 10 * MINUTE, exp=now - 5 * MINUTE)
    assert expired == "invalid_request_object"


@module("ensure-request-object-with-bad-aud-fails")
def test_ensure_request_object_with_bad_aud_fails(rp: FAPIRelyingParty) -> None:
    for audience in (f"{rp.provider.issuer}/", rp.metadata["token_endpoint"], ...):
        assert refused_with(rp, aud=audience) == "invalid_request_object"


@module("ensure-request-object-with-exp-over-60-fails")
def test_ensure_request_object_with_exp_over_60_fails(rp: FAPIRelyingParty) -> None:
    """It would be valid for more than an hour."""
    assert refused_with(rp, exp=clock.now() + 70 * MINUTE) == "invalid_request_object"


@module("ensure-request-object-with-nbf-over-60-fails")
def test_ensure_request_object_with_nbf_over_60_fails(rp: FAPIRelyingParty) -> None:
    """It has been valid for more than an hour."""
    assert refused_with(rp, nbf=clock.now() - 70 * MINUTE) == "invalid_request_object"


@module("ensure-signed-request-object-with-RS256-fails")
def test_ensure_signed_request_object_with_rs256_fails(register: RegisterFAPI) -> None:
    """The key is registered for PS256, and accepted with it."""
    rp = register(name="rsa", alg="PS256")
    assert isinstance(rp.key, RSAKey)
    weak = Signer(rp.client_id, "RS256", rp.key, rp.provider.issuer)
    claims = rp.request_claims(rp.parameters())
    assert refused(rp, weak.sign(claims)) == "invalid_request_object"
    rp.pushed(rp.push_form({"request": rp.signer.sign(claims)}))


@module("ensure-request-object-signature-algorithm-is-not-none")
def test_ensure_request_object_signature_algorithm_is_not_none(rp: FAPIRelyingParty) -> None:
    claims = rp.request_claims(rp.parameters())
    assert refused(rp, unsigned(claims)) == "invalid_request_object"


@module("ensure-request-object-with-invalid-signature-fails")
def test_ensure_request_object_with_invalid_signature_fails(rp: FAPIRelyingParty) -> None:
    """The signature of another object, and a signature whose last bits are others."""
    one, other = (rp.request_object(rp.parameters()) for _ in range(2))
    head, signature = one.rpartition(".")[0], other.rpartition(".")[2]
    assert refused(rp, f"{head}.{signature}") == "invalid_request_object"
    assert refused(rp, f"{one[:-8]}AAAAAAAA") == "invalid_request_object"


@module("ensure-matching-key-in-authorization-request")
def test_ensure_matching_key_in_authorization_request(
    rp: FAPIRelyingParty, register: RegisterFAPI
) -> None:
    """The object is signed with the key of another client."""
    register(name="second")
    signer = Signer(rp.client_id, "ES256", new_key("ES256", "second"), rp.provider.issuer)
    claims = rp.request_claims(rp.parameters())
    for header in ({}, {"kid": "first"}, {"kid": "second"}):
        assert refused(rp, signer.sign(claims, **header)) == "invalid_request_object"


@module("ensure-unsigned-request-at-par-endpoint-fails")
def test_ensure_unsigned_request_at_par_endpoint_fails(rp: FAPIRelyingParty) -> None:
    assert rp.token_refusal(rp.push_form(rp.parameters())) == "invalid_request"


@pytest.mark.parametrize("member", ["request_uri", "request"])
@module("par-authorization-request-containing-request_uri")
def test_par_authorization_request_containing_request_uri(
    rp: FAPIRelyingParty, member: str
) -> None:
    """A request object refers to no other (RFC 9101 section 4)."""
    assert refused_with(rp, **{member: "urn:example:request"}) == "invalid_request_object"
