"""OpenID Connect Session Management 1.0, as far as HTTP goes: a browser computes what the script
of the page does, by the formula of section 3.2.
"""

import hashlib
from urllib.parse import urlsplit

from support.app import Browser
from support.conformance import path_of
from support.conformance_plans import module
from support.strict_relying_party import Register, StrictRelyingParty

AFTER = "https://rp.example/after"


@module("oidcc-session-management-discovery-endpoint-verification")
def test_oidcc_session_management_discovery_endpoint_verification(rp: StrictRelyingParty) -> None:
    assert rp.metadata["check_session_iframe"].startswith("https://")
    assert rp.metadata["end_session_endpoint"].startswith("https://")


def ask(rp: StrictRelyingParty, person: Browser, session_state: str) -> str:
    """Return what the page in the relying party's frame answers."""
    page = person.get(path_of(rp.metadata["check_session_iframe"]))
    assert "X-Frame-Options" not in page.headers
    assert "frame-ancestors *" in page.headers["Content-Security-Policy"]
    state = person.cookies.get(page.html.html["data-cookie"])
    if state is None:
        return "error"
    salt = session_state.partition(".")[2]
    parts = urlsplit(rp.redirect_uri)
    text = f"{rp.client_id} {parts.scheme}://{parts.netloc} {state} {salt}"
    known = f"{hashlib.sha256(text.encode()).hexdigest()}.{salt}"
    return "unchanged" if known == session_state else "changed"


@module("oidcc-session-management-rp-initiated-logout")
def test_oidcc_session_management_rp_initiated_logout(register: Register, person: Browser) -> None:
    rp = register(post_logout_redirect_uris=[AFTER])
    outcome = rp.log_in(person)
    state = outcome.response["session_state"]
    assert ask(rp, person, state) == "unchanged"
    parameters = {"id_token_hint": outcome.raw_id_token, "post_logout_redirect_uri": AFTER}
    response = person.get(path_of(rp.metadata["end_session_endpoint"]), parameters)
    assert response.location == AFTER
    assert ask(rp, person, state) == "changed"
