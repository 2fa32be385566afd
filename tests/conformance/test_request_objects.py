"""Requests as a JWT, by value (OpenID Connect Core section 6.1)."""

from support.app import Browser
from support.conformance_plans import module
from support.registered_client import REDIRECT_URI
from support.request_objects import outside, unsigned
from support.strict_relying_party import StrictRelyingParty


@module("oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported")
def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(
    rp: StrictRelyingParty, person: Browser
) -> None:
    """It is supported: the state and the nonce, which are inside alone, come back."""
    assert rp.metadata["request_parameter_supported"] is True
    assert "none" in rp.metadata["request_object_signing_alg_values_supported"]
    asked = rp.parameters()
    page = rp.visit(person, outside(asked, request=unsigned(asked, rp)))
    rp.finish(rp.complete(page))


@module("oidcc-ensure-request-object-with-redirect-uri")
def test_oidcc_ensure_request_object_with_redirect_uri(
    rp: StrictRelyingParty, person: Browser
) -> None:
    """The address inside counts, and not the one beside it, which nobody registered."""
    asked = rp.parameters()
    assert asked["redirect_uri"] == REDIRECT_URI
    sent = outside(asked, request=unsigned(asked, rp), redirect_uri="https://evil.example/cb")
    rp.finish(rp.complete(rp.visit(person, sent)))
