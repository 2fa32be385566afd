"""No token without a key that it is bound to (Security Profile section 5.3.2.1)."""

from support.app import Browser
from support.conformance_plans import module
from support.fapi_relying_party import FAPIRelyingParty


@module("ensure-holder-of-key-required")
def test_ensure_holder_of_key_required(rp: FAPIRelyingParty, person: Browser) -> None:
    """The suite also looks at the versions and ciphers of TLS, which the proxy before the provider
    ends. The provider's part of it is that every address is https, and that no browser goes back.
    """
    urls = {**rp.metadata, **rp.metadata["mtls_endpoint_aliases"]}
    for name, url in urls.items():
        if name.endswith(("_endpoint", "_uri")):
            assert url.startswith("https://"), name
    page = rp.provider.browser().get("/login")
    assert "max-age" in page.headers["Strict-Transport-Security"]

    form = rp.grant_form(person)
    certificate, rp.certificate = rp.certificate, None
    if rp.variant.client_auth == "tls_client_auth":
        answer = rp.token_request(form)
        assert rp.token_refusal(answer, 401) == "invalid_client"
        rp.certificate = certificate
    if rp.dpop:
        assert rp.token_refusal(rp.token_request(form, headers={})) == "invalid_dpop_proof"
    elif rp.certificate is None:
        assert rp.token_refusal(rp.token_request(form)) == "invalid_request"
    rp.certificate = certificate
    rp.read_tokens(rp.token_request(form))
