"""Clients authenticate by assertions with the issuer as audience, or by certificates."""

from typing import Any

import pytest
from joserfc.jwk import RSAKey
from support.app import Browser
from support.assertions import Signer
from support.conformance_plans import module
from support.fapi_relying_party import FAPIRelyingParty, RegisterFAPI

from oidcserver import clock


def refused_at_token(rp: FAPIRelyingParty, person: Browser, credentials: dict[str, str]) -> str:
    """Return the error of a token request with these credentials; the right ones still serve."""
    form = rp.grant_form(person)
    error = rp.token_refusal(rp.token_request(form, credentials=credentials), 401)
    rp.read_tokens(rp.token_request(form))
    return error


def refused_at_par(rp: FAPIRelyingParty, **claims: Any) -> str:
    """Return the error of a pushed request with an assertion of these claims."""
    answer = rp.push(rp.parameters(), credentials=rp.credentials(**claims))
    return rp.token_refusal(answer, 401)


@module("ensure-client-id-in-token-endpoint")
def test_ensure_client_id_in_token_endpoint(
    rp: FAPIRelyingParty, register: RegisterFAPI, person: Browser
) -> None:
    """The client_id of another client beside the credentials of this one, or in its assertion."""
    other = register(name="second").client_id
    beside = {**rp.credentials(), "client_id": other}
    assert refused_at_token(rp, person, beside) == "invalid_client"
    if rp.variant.client_auth == "private_key_jwt":
        inside = {**rp.credentials(iss=other, sub=other), "client_id": other}
        assert refused_at_token(rp, person, inside) == "invalid_client"


@module("ensure-signed-client-assertion-with-RS256-fails")
def test_ensure_signed_client_assertion_with_rs256_fails(
    register: RegisterFAPI, person: Browser
) -> None:
    """The key is registered for every algorithm; PS256 is accepted with it."""
    rp = register(name="rsa", alg="PS256")
    assert isinstance(rp.key, RSAKey)
    weak = Signer(rp.client_id, "RS256", rp.key, rp.provider.issuer)
    assert refused_at_token(rp, person, weak.form()) == "invalid_client"


@module("ensure-client-assertion-in-token-endpoint")
def test_ensure_client_assertion_in_token_endpoint(rp: FAPIRelyingParty, person: Browser) -> None:
    assert refused_at_token(rp, person, {"client_id": rp.client_id}) == "invalid_client"


@module("ensure-client-assertion-with-exp-is-5-minutes-in-past-fails")
def test_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    expired = rp.credentials(exp=clock.now() - 300)
    assert refused_at_token(rp, person, expired) == "invalid_client"


@module("ensure-client-assertion-with-wrong-aud-fails")
def test_ensure_client_assertion_with_wrong_aud_fails(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    for audience in ("https://elsewhere.example", f"{rp.provider.issuer}/", ""):
        assert refused_at_token(rp, person, rp.credentials(aud=audience)) == "invalid_client"


@module("ensure-client-assertion-with-no-sub-fails")
def test_ensure_client_assertion_with_no_sub_fails(rp: FAPIRelyingParty, person: Browser) -> None:
    assert refused_at_token(rp, person, rp.credentials(sub=...)) == "invalid_client"


@module("par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted")
def test_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(
    rp: FAPIRelyingParty,
) -> None:
    """A client's clock may be ten seconds ahead (Security Profile section 5.3.2.1)."""
    ahead = clock.now() + 8
    rp.pushed(rp.push(rp.parameters(), credentials=rp.credentials(iat=ahead, nbf=ahead)))


@module("par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails")
def test_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails(
    rp: FAPIRelyingParty,
) -> None:
    ahead = clock.now() + 61
    assert refused_at_par(rp, iat=ahead, nbf=ahead, exp=ahead + 60) == "invalid_client"


@module("par-test-array-as-audience-fails")
def test_par_test_array_as_audience_fails(
    rp: FAPIRelyingParty,
) -> None:
    issuer = rp.provider.issuer
    for audience in ([issuer], [issuer, rp.metadata["token_endpoint"]]):
        assert refused_at_par(rp, aud=audience) == "invalid_client"


@pytest.mark.parametrize("place", ["its own", "on the mTLS host"])
@module("par-test-par-endpoint-url-as-audience-fails")
def test_par_test_par_endpoint_url_as_audience_fails(rp: FAPIRelyingParty, place: str) -> None:
    urls = rp.metadata if place == "its own" else rp.metadata["mtls_endpoint_aliases"]
    url = urls["pushed_authorization_request_endpoint"]
    assert refused_at_par(rp, aud=url) == "invalid_client"


@module("par-test-token-endpoint-url-as-audience-fails")
def test_par_test_token_endpoint_url_as_audience_fails(
    rp: FAPIRelyingParty,
) -> None:
    assert refused_at_par(rp, aud=rp.metadata["token_endpoint"]) == "invalid_client"
