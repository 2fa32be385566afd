"""Login that a third party starts (OpenID Connect Core section 4): the client says where."""

from support.conformance_plans import module
from support.strict_relying_party import Register, StrictRelyingParty


@module("oidcc-3rd_party-init-login")
def test_oidcc_3rd_party_init_login(register: Register) -> None:
    rp = register(initiate_login_uri="https://rp.example/login")
    assert rp.read_registration()["initiate_login_uri"] == "https://rp.example/login"


@module("oidcc-3rd_party-init-login-nohttps")
def test_oidcc_3rd_party_init_login_nohttps(rp: StrictRelyingParty) -> None:
    metadata = {**rp.registered, "initiate_login_uri": "http://rp.example/login"}
    assert rp.registration_refusal(metadata) == "invalid_client_metadata"
