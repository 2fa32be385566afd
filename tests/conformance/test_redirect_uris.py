"""Redirect URIs are compared as text (OpenID Connect Core 3.1.2.1, RFC 9700 section 4.1)."""

from support.app import Browser
from support.conformance_plans import module
from support.error_pages import is_error_page
from support.registered_client import REDIRECT_URI
from support.strict_relying_party import Register, StrictRelyingParty

WITH_QUERY = f"{REDIRECT_URI}?foo=bar"


@module("oidcc-ensure-redirect-uri-in-authorization-request")
def test_oidcc_ensure_redirect_uri_in_authorization_request(
    register: Register, person: Browser
) -> None:
    rp = register(redirect_uris=[REDIRECT_URI, f"{REDIRECT_URI}/second"])
    assert is_error_page(rp.authorize(person, redirect_uri=None))


@module("oidcc-redirect-uri-query-OK")
def test_oidcc_redirect_uri_query_ok(register: Register, person: Browser) -> None:
    rp = register(redirect_uris=[WITH_QUERY])
    rp.log_in(person)
    assert rp.asked["redirect_uri"] == WITH_QUERY


@module("oidcc-redirect-uri-query-mismatch")
def test_oidcc_redirect_uri_query_mismatch(register: Register, person: Browser) -> None:
    rp = register(redirect_uris=[WITH_QUERY])
    for other in (f"{REDIRECT_URI}?foo=baz", REDIRECT_URI):
        assert is_error_page(rp.authorize(person, redirect_uri=other))


@module("oidcc-redirect-uri-query-added")
def test_oidcc_redirect_uri_query_added(rp: StrictRelyingParty, person: Browser) -> None:
    assert is_error_page(rp.authorize(person, redirect_uri=WITH_QUERY))


@module("oidcc-redirect-uri-regfrag")
def test_oidcc_redirect_uri_regfrag(rp: StrictRelyingParty) -> None:
    metadata = {**rp.registered, "redirect_uris": [f"{REDIRECT_URI}#fragment"]}
    assert rp.registration_refusal(metadata) in {"invalid_redirect_uri", "invalid_client_metadata"}
