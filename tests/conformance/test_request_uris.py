"""Requests as a JWT, by reference (OpenID Connect Core section 6.2)."""

from support.app import Browser
from support.client_web import ClientWeb
from support.conformance_plans import module
from support.request_objects import outside, signed, unsigned
from support.strict_relying_party import Register, StrictRelyingParty

REQUEST_URI = "https://rp.example/request#version-2"


def by_reference(web: ClientWeb, request_object: str) -> None:
    """Serve a request object."""
    body = request_object.encode()
    web.documents[REQUEST_URI.partition("#")[0]] = ("application/oauth-authz-req+jwt", body)


@module("oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported")
def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(
    register: Register, person: Browser, web: ClientWeb
) -> None:
    fetch_unsigned(register(request_uris=[REQUEST_URI]), person, web)


@module("oidcc-request-uri-unsigned")
def test_oidcc_request_uri_unsigned(register: Register, person: Browser, web: ClientWeb) -> None:
    rp = register(request_uris=[REQUEST_URI], request_object_signing_alg="none")
    fetch_unsigned(rp, person, web)


def fetch_unsigned(rp: StrictRelyingParty, person: Browser, web: ClientWeb) -> None:
    """Have an unsecured request object fetched."""
    assert rp.metadata["request_uri_parameter_supported"] is True
    asked = rp.parameters()
    by_reference(web, unsigned(asked, rp))
    page = rp.visit(person, outside(asked, request_uri=REQUEST_URI))
    rp.finish(rp.complete(page))
    assert web.fetched.count(REQUEST_URI.partition("#")[0]) == 1


@module("oidcc-request-uri-signed-rs256")
def test_oidcc_request_uri_signed_rs256(
    register: Register, person: Browser, web: ClientWeb
) -> None:
    rp = register(request_uris=[REQUEST_URI], request_object_signing_alg="RS256")
    asked = rp.parameters()
    by_reference(web, signed(asked, rp))
    page = rp.visit(person, outside(asked, request_uri=REQUEST_URI))
    rp.finish(rp.complete(page))
