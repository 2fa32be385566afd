"""OpenID Connect Back-Channel Logout 1.0: the provider tells the client by a logout token."""

import json

from joserfc.jws import extract_compact
from support.app import Browser
from support.client_web import ClientWeb
from support.conformance import path_of
from support.conformance_checks import read_signed
from support.conformance_plans import module
from support.strict_relying_party import Register, StrictRelyingParty

AFTER = "https://rp.example/after"
LOGOUT = "https://rp.example/backchannel_logout"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@module("oidcc-backchannel-logout-discovery-endpoint-verification")
def test_oidcc_backchannel_logout_discovery_endpoint_verification(rp: StrictRelyingParty) -> None:
    assert rp.metadata["backchannel_logout_supported"] is True
    assert rp.metadata["backchannel_logout_session_supported"] is True
    assert rp.metadata["end_session_endpoint"].startswith("https://")


@module("oidcc-backchannel-rp-initiated-logout")
def test_oidcc_backchannel_rp_initiated_logout(
    register: Register, person: Browser, web: ClientWeb
) -> None:
    rp = register(
        post_logout_redirect_uris=[AFTER],
        backchannel_logout_uri=LOGOUT,
        backchannel_logout_session_required=True,
    )
    outcome = rp.log_in(person)
    parameters = {"id_token_hint": outcome.raw_id_token, "post_logout_redirect_uri": AFTER}
    response = person.get(path_of(rp.metadata["end_session_endpoint"]), parameters)
    assert response.location == AFTER
    # How the outbox is emptied here depends on the room that delivers.
    ((url, form),) = web.posted
    assert url == LOGOUT
    assert form.keys() == {"logout_token"}
    token = form["logout_token"]
    claims = json.loads(read_signed(token, rp.jwks, "RS256"))
    assert extract_compact(token.encode()).headers()["typ"] == "logout+jwt"
    assert claims["iss"] == rp.provider.issuer
    assert claims["aud"] in (rp.client_id, [rp.client_id])
    assert claims["events"] == {EVENT: {}}
    assert claims["jti"]
    assert claims["exp"] - claims["iat"] <= 120
    assert all(claims[name] == outcome.claims[name] for name in ("sub", "sid"))
    assert "nonce" not in claims
