"""The claims of each scope (OpenID Connect Core section 5.4): all standard claims, with right
types, in UserInfo or, where there is no access token, in the ID token.
"""

from support.app import Browser
from support.conformance import CLAIMS
from support.conformance_checks import SCOPES
from support.conformance_plans import module
from support.strict_relying_party import StrictRelyingParty


def expect(rp: StrictRelyingParty, person: Browser, *scopes: str) -> None:
    """Log in with scopes and find what the person is known to have."""
    outcome = rp.log_in(person, scope=" ".join(["openid", *scopes]))
    claims = outcome.userinfo or outcome.claims
    for scope in scopes:
        for name in SCOPES[scope]:
            assert claims[name] == CLAIMS.get(name, claims[name])


@module("oidcc-scope-profile")
def test_oidcc_scope_profile(rp: StrictRelyingParty, person: Browser) -> None:
    expect(rp, person, "profile")


@module("oidcc-scope-email")
def test_oidcc_scope_email(rp: StrictRelyingParty, person: Browser) -> None:
    expect(rp, person, "email")


@module("oidcc-scope-address")
def test_oidcc_scope_address(rp: StrictRelyingParty, person: Browser) -> None:
    expect(rp, person, "address")


@module("oidcc-scope-phone")
def test_oidcc_scope_phone(rp: StrictRelyingParty, person: Browser) -> None:
    expect(rp, person, "phone")


@module("oidcc-scope-all")
def test_oidcc_scope_all(rp: StrictRelyingParty, person: Browser) -> None:
    expect(rp, person, "profile", "email", "address", "phone")
