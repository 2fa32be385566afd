"""OpenID Connect Front-Channel Logout 1.0: the page that ends a login tells clients by frames."""

from urllib.parse import parse_qs, urlsplit

from support.app import Browser, follow_to_answer
from support.conformance import path_of
from support.conformance_plans import module
from support.strict_relying_party import Register, StrictRelyingParty

AFTER = "https://rp.example/after"
LOGOUT = "https://rp.example/frontchannel_logout"


@module("oidcc-frontchannel-logout-discovery-endpoint-verification")
def test_oidcc_frontchannel_logout_discovery_endpoint_verification(rp: StrictRelyingParty) -> None:
    assert rp.metadata["frontchannel_logout_supported"] is True
    assert rp.metadata["frontchannel_logout_session_supported"] is True
    assert rp.metadata["end_session_endpoint"].startswith("https://")


@module("oidcc-frontchannel-rp-initiated-logout")
def test_oidcc_frontchannel_rp_initiated_logout(register: Register, person: Browser) -> None:
    rp = register(
        post_logout_redirect_uris=[AFTER],
        frontchannel_logout_uri=LOGOUT,
        frontchannel_logout_session_required=True,
    )
    outcome = rp.log_in(person)
    parameters = {
        "id_token_hint": outcome.raw_id_token,
        "post_logout_redirect_uri": AFTER,
        "state": "the-state",
    }
    page = follow_to_answer(person.get(path_of(rp.metadata["end_session_endpoint"]), parameters))
    assert page.status_int == 200
    (frame,) = page.html.find_all("iframe")
    parts = urlsplit(frame["src"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == LOGOUT
    sid = outcome.claims["sid"]
    assert parse_qs(parts.query) == {"iss": [rp.provider.issuer], "sid": [sid]}
    assert "frame-src https:" in page.headers["Content-Security-Policy"]
    assert f"{AFTER}?state=the-state" in page
    assert rp.refusal(rp.authorize(person, prompt="none")) == "login_required"
