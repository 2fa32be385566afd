"""Claims that are asked for one by one (OpenID Connect Core section 5.5)."""

import json

from support.app import Browser
from support.conformance import CLAIMS
from support.conformance_plans import module
from support.strict_relying_party import StrictRelyingParty


@module("oidcc-claims-essential")
def test_oidcc_claims_essential(rp: StrictRelyingParty, person: Browser) -> None:
    """A claim that is requested of UserInfo is there, and not in the ID token. A flow without
    an access token requests it of the ID token.
    """
    assert rp.metadata["claims_parameter_supported"] is True
    place = "id_token" if rp.kinds == {"id_token"} else "userinfo"
    claims = json.dumps({place: {"name": {"essential": True}}})
    outcome = rp.log_in(person, claims=claims)
    given = outcome.claims if place == "id_token" else outcome.userinfo
    assert given["name"] == CLAIMS["name"]
    assert given is outcome.claims or "name" not in outcome.claims
