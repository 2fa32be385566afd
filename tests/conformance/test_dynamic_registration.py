"""The provider keeps to the metadata that a client registers (OpenID Registration section 2)."""

import json

from support.app import Browser
from support.client_web import ClientWeb
from support.conformance_checks import read_signed
from support.conformance_plans import module
from support.pictures import PNG
from support.registered_client import REDIRECT_URI
from support.strict_relying_party import Register, StrictRelyingParty
from webtest import TestResponse

SECTOR = "https://rp.example/sector.json"


@module("oidcc-idtoken-rs256")
def test_oidcc_idtoken_rs256(register: Register, person: Browser) -> None:
    rp = register(id_token_signed_response_alg="RS256")
    assert read_signed(rp.log_in(person).raw_id_token, rp.jwks, "RS256")


@module("oidcc-idtoken-unsigned")
def test_oidcc_idtoken_unsigned(register: Register, person: Browser) -> None:
    rp = register(id_token_signed_response_alg="none")
    assert "none" in rp.metadata["id_token_signing_alg_values_supported"]
    assert read_signed(rp.log_in(person).raw_id_token, rp.jwks, "none")


@module("oidcc-userinfo-rs256")
def test_oidcc_userinfo_rs256(register: Register, person: Browser) -> None:
    rp = register(userinfo_signed_response_alg="RS256")
    claims = rp.log_in(person, scope="openid email").userinfo
    assert (claims["iss"], claims["aud"]) == (rp.provider.issuer, rp.client_id)


def consent_page(rp: StrictRelyingParty, person: Browser) -> TestResponse:
    """Return the consent page of a client, and see the login through."""
    page = rp.sign_in(rp.authorize(person))
    rp.finish(rp.complete(page))
    return page


@module("oidcc-registration-logo-uri")
def test_oidcc_registration_logo_uri(register: Register, person: Browser, web: ClientWeb) -> None:
    logo = "https://rp.example/logo.png"
    web.documents[logo] = ("image/png", PNG)
    consent = consent_page(register(logo_uri=logo), person)
    shown = person.get(consent.html.find("img", class_="logo")["src"])
    assert (shown.content_type, shown.body) == ("image/png", PNG)


@module("oidcc-registration-policy-uri")
def test_oidcc_registration_policy_uri(register: Register, person: Browser) -> None:
    policy = "https://rp.example/policy"
    consent = consent_page(register(policy_uri=policy), person)
    assert consent.html.find("a", href=policy)


@module("oidcc-registration-tos-uri")
def test_oidcc_registration_tos_uri(register: Register, person: Browser) -> None:
    terms = "https://rp.example/terms"
    consent = consent_page(register(tos_uri=terms), person)
    assert consent.html.find("a", href=terms)


@module("oidcc-registration-sector-uri")
def test_oidcc_registration_sector_uri(register: Register, person: Browser, web: ClientWeb) -> None:
    document = json.dumps([REDIRECT_URI, "https://other.example/cb"]).encode()
    web.documents[SECTOR] = ("application/json", document)
    rp = register(sector_identifier_uri=SECTOR)
    assert web.fetched == [SECTOR]
    rp.log_in(person)


@module("oidcc-registration-sector-bad")
def test_oidcc_registration_sector_bad(rp: StrictRelyingParty, web: ClientWeb) -> None:
    web.documents[SECTOR] = ("application/json", b'["https://other.example/cb"]')
    metadata = {**rp.registered, "sector_identifier_uri": SECTOR}
    assert rp.registration_refusal(metadata) == "invalid_client_metadata"
    assert web.fetched == [SECTOR]
