"""Parameters that ask for a courtesy, and one that means nothing: the login goes on with each
(OpenID Connect Core section 3.1.2.1, RFC 6749 section 3.1).
"""

from support.app import Browser
from support.conformance import USERNAME
from support.conformance_plans import module
from support.strict_relying_party import StrictRelyingParty


@module("oidcc-display-page")
def test_oidcc_display_page(rp: StrictRelyingParty, person: Browser) -> None:
    rp.log_in(person, display="page")


@module("oidcc-display-popup")
def test_oidcc_display_popup(rp: StrictRelyingParty, person: Browser) -> None:
    rp.log_in(person, display="popup")


@module("oidcc-login-hint")
def test_oidcc_login_hint(rp: StrictRelyingParty, person: Browser) -> None:
    page = rp.authorize(person, login_hint=USERNAME)
    assert page.forms["login"]["username"].value == USERNAME
    rp.finish(rp.complete(page))


@module("oidcc-ui-locales")
def test_oidcc_ui_locales(rp: StrictRelyingParty, person: Browser) -> None:
    rp.log_in(person, ui_locales="se fr-CA en")


@module("oidcc-claims-locales")
def test_oidcc_claims_locales(rp: StrictRelyingParty, person: Browser) -> None:
    rp.log_in(person, claims_locales="se")


@module("oidcc-ensure-request-with-unknown-parameter-succeeds")
def test_oidcc_ensure_request_with_unknown_parameter_succeeds(
    rp: StrictRelyingParty, person: Browser
) -> None:
    rp.log_in(person, unheard_of="by any specification")


@module("oidcc-ensure-request-with-acr-values-succeeds")
def test_oidcc_ensure_request_with_acr_values_succeeds(
    rp: StrictRelyingParty, person: Browser
) -> None:
    asked = rp.metadata["acr_values_supported"]
    outcome = rp.log_in(person, acr_values=" ".join(asked))
    assert outcome.claims["acr"] in asked
