"""Proofs of possession that are sent to resources and to the token endpoint (RFC 9449)."""

from functools import cache
from typing import Any
from urllib.parse import urlsplit

from support.app import Browser
from support.assertions import encode
from support.conformance_plans import module
from support.dpop import ProofKey, hash_of
from support.fapi_relying_party import FAPIRelyingParty

from oidcserver import clock

HOUR = 3600


@module("access-token-type-header-case-sensitivity")
def test_access_token_type_header_case_sensitivity(rp: FAPIRelyingParty, person: Browser) -> None:
    """The scheme may be in any case (RFC 9110 section 11.1)."""
    token = rp.obtain(person)
    for scheme in ("dPOP", "dpop", "DPOP") if rp.dpop else ("bEARER", "bearer", "BEARER"):
        assert rp.call(token, scheme=scheme).status_int == 200


def proven(rp: FAPIRelyingParty, person: Browser, **claims: Any) -> None:
    """Use proofs with these claims at each endpoint."""
    tokens = rp.token_request(rp.grant_form(person), headers=rp.proof(**claims))
    token = rp.read_tokens(tokens)["access_token"]
    assert rp.call(token, headers=rp.possession(token, **claims)).status_int == 200


@module("check-dpop-proof-nbf-exp")
def test_check_dpop_proof_nbf_exp(rp: FAPIRelyingParty, person: Browser) -> None:
    now = clock.now()
    proven(rp, person, nbf=now, exp=now + 300)


@module("ensure-dpopproof-with-iat-10seconds-before-succeeds")
def test_ensure_dpopproof_with_iat_10seconds_before_succeeds(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    """At the endpoint for pushed requests too, where there is one."""
    proven(rp, person, iat=clock.now() - 10)
    if rp.variant.grant == "authorization_code":
        rp.pushed(rp.push(rp.parameters(), headers=rp.proof_at_par(iat=clock.now() - 10)))


@module("ensure-dpopproof-with-iat-10seconds-after-succeeds")
def test_ensure_dpopproof_with_iat_10seconds_after_succeeds(
    rp: FAPIRelyingParty, person: Browser
) -> None:
    """The suite sends 8 seconds; a client's clock may be 10 ahead (Security Profile 5.3.2.1)."""
    proven(rp, person, iat=clock.now() + 10)
    if rp.variant.grant == "authorization_code":
        rp.pushed(rp.push(rp.parameters(), headers=rp.proof_at_par(iat=clock.now() + 10)))


@cache
def rsa_proof_key() -> ProofKey:
    """Return a key that could sign with RS256, too."""
    return ProofKey("PS256")


@module("dpop-negative-tests")
def test_dpop_negative_tests(rp: FAPIRelyingParty, person: Browser) -> None:
    """The checks of RFC 9449 section 4.3, at a resource."""
    key = rp.proof_key = rsa_proof_key()
    token, url = rp.obtain(person), rp.resource_url

    def proof(**changes: Any) -> dict[str, Any]:
        return key.claims("GET", url, token=token, **changes)

    def status(proof: str, **options: Any) -> int:
        return rp.call(token, headers={"DPoP": proof}, **options).status_int

    good, other = key.sign(proof()), key.sign(proof())
    unsigned = encode({"typ": "dpop+jwt", "alg": "none", "jwk": key.jwk})
    stranger = ProofKey()
    bad = {
        "two proofs": f"{key.sign(proof())}, {key.sign(proof())}",
        "no JWT": "proof",
        "a part too many": f"{good}.{good}",
        "the signature of another proof": f"{good.rpartition('.')[0]}.{other.rpartition('.')[2]}",
        "alg none": f"{unsigned}.{encode(proof())}.",
        "RS256": ProofKey("RS256", key.key).sign(proof()),
        "the private key": key.sign(proof(), jwk=key.key.as_dict(private=True)),
        "another key": stranger.sign(proof()),
        "the key of another": stranger.sign(proof(), jwk=key.jwk),
        "another type": key.sign(proof(), typ="JWT"),
        "another method": key.sign(proof(htm="PUT")),
        "another address": key.sign(proof(htu=f"{url}/other")),
        "another host": key.sign(proof(htu=url.replace("op.example", "rp.example"))),
        "another token": key.sign(proof(ath=hash_of("another"))),
        "an hour old": key.sign(proof(iat=clock.now() - HOUR)),
        "an hour ahead": key.sign(proof(iat=clock.now() + HOUR)),
    }
    for name in ("typ", "alg", "jwk"):
        bad[f"no {name}"] = key.sign(proof(), **{name: ...})
    for name in ("jti", "htm", "htu", "iat", "ath"):
        bad[f"no {name}"] = key.sign(proof(**{name: ...}))
    assert {name: status(value) for name, value in bad.items()} == dict.fromkeys(bad, 401)

    host = urlsplit(url).netloc
    upper = url.replace("https", "HTTPS").replace(host, host.upper())
    for uri in (f"{url}?a=b#c", upper, url.replace(host, f"{host}:443")):
        assert status(key.sign(proof(htu=uri))) == 200
    assert status(key.sign(proof()), url=f"{url}?a=b") == 200
    assert status(key.sign(proof(more="x"), more="x")) == 200
    once = key.sign(proof())
    assert [status(once), status(once)] == [200, 401]
    assert rp.call(token, headers={}).status_int == 401
    assert rp.call(token, headers={}, scheme="Bearer").status_int == 401
    assert status(key.sign(proof()), scheme="Bearer") == 401
    assert status(key.sign(proof())) == 200
