"""Three ways to ask UserInfo (OpenID Connect Core section 5.3.1, RFC 6750 section 2)."""

from support.app import Browser
from support.conformance import path_of
from support.conformance_plans import module
from support.strict_relying_party import StrictRelyingParty


@module("oidcc-userinfo-get")
def test_oidcc_userinfo_get(rp: StrictRelyingParty, person: Browser) -> None:
    outcome = rp.log_in(person)
    headers = {"Authorization": f"Bearer {outcome.access_token}"}
    response = rp.http.get(path_of(rp.metadata["userinfo_endpoint"]), headers=headers)
    rp.read_userinfo(response, outcome)


@module("oidcc-userinfo-post-header")
def test_oidcc_userinfo_post_header(rp: StrictRelyingParty, person: Browser) -> None:
    outcome = rp.log_in(person)
    headers = {"Authorization": f"Bearer {outcome.access_token}"}
    response = rp.http.post(path_of(rp.metadata["userinfo_endpoint"]), headers=headers)
    rp.read_userinfo(response, outcome)


@module("oidcc-userinfo-post-body")
def test_oidcc_userinfo_post_body(rp: StrictRelyingParty, person: Browser) -> None:
    outcome = rp.log_in(person)
    form = {"access_token": outcome.access_token}
    response = rp.http.post(path_of(rp.metadata["userinfo_endpoint"]), form)
    rp.read_userinfo(response, outcome)
