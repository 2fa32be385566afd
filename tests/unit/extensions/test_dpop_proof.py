"""DPoP proofs, right ones and every wrong one (RFC 9449 section 4.3)."""

from base64 import urlsafe_b64encode
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, RSAKey
from support.assertions import encode
from support.dpop import ALGORITHMS, ProofKey, hash_of

from oidcserver import clock
from oidcserver.extensions.dpop.proof import InvalidProof, Proof, ProofRules, verify_proof

URI = "https://login.example/oauth/token"
RULES = ProofRules(("ES256", "PS256", "Ed25519", "EdDSA", "RS256"), lifetime=60, skew=10)
NOW = clock.now()
KEY = ProofKey()


def verify(text: str, **changes: Any) -> Proof:
    options = {"method": "POST", "uris": (URI,), "now": NOW, **changes}
    return verify_proof(text, options.pop("rules", RULES), **options)


def claims(**changes: Any) -> dict[str, Any]:
    return KEY.claims("POST", URI, **{"iat": NOW, **changes})


def reason(text: str, **options: Any) -> str:
    with pytest.raises(InvalidProof) as problem:
        verify(text, **options)
    sentence = str(problem.value)
    assert sentence.isascii()
    assert sentence.endswith(".")
    assert '"' not in sentence
    assert "\\" not in sentence
    return sentence


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_proof_names_its_key_by_the_thumbprint(alg: str) -> None:
    key = ProofKey(alg)
    proof = verify(key.sign(claims(jti="one")))
    assert proof == Proof(key.thumbprint, "one", None, NOW + RULES.lifetime)


def test_further_claims_and_members_do_not_matter() -> None:
    text = KEY.sign(claims(nbf=NOW, exp=NOW + 300, unknown=[1]), kid="a name", unknown={"x": 1})
    assert verify(text).thumbprint == KEY.thumbprint
    assert verify(KEY.sign(claims(exp=NOW - 300, nbf="tomorrow")))


def test_a_kid_in_the_key_the_header_or_both_does_not_matter() -> None:
    named = {**KEY.jwk, "kid": "one"}
    for header in ({"jwk": named}, {"kid": "two"}, {"jwk": named, "kid": "two"}):
        assert verify(KEY.sign(claims(), **header)).thumbprint == KEY.thumbprint


@pytest.mark.parametrize("typ", [..., "JWT", "at+jwt", "DPOP+JWT", "application/dpop+jwt", 7, None])
def test_the_typ_is_that_of_a_proof(typ: Any) -> None:
    reason(KEY.sign(claims(), typ=typ))


@pytest.mark.parametrize(
    "jwk",
    [
        ..., None, "x", [], {}, {"kty": "EC"}, {"kty": ["EC"]}, {"kty": "oct", "k": "AAAA"},
        {**KEY.jwk, "crv": "P-384"}, {**KEY.jwk, "x": 7}, {**KEY.jwk, "x": "\u00e9"},
        {**KEY.jwk, "y": urlsafe_b64encode(b"\1" * 32).decode().rstrip("=")},  # off the curve
        {**KEY.jwk, "use": "enc"}, {**KEY.jwk, "alg": "ES384"}, {**KEY.jwk, "use": 5},
        {"kty": "OKP", "crv": "X25519", "x": "A" * 43}, {"kty": "AKP", "alg": "ML-DSA-44"},
        {"x5c": ["MIIB"]}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x5c": ["MIIB"]},
    ],
)  # fmt: skip
def test_the_header_has_a_public_key_that_can_be_used(jwk: Any) -> None:
    reason(KEY.sign(claims(), jwk=jwk))


def test_a_private_key_in_the_header_is_rejected() -> None:
    assert "private" in reason(KEY.sign(claims(), jwk=KEY.key.as_dict(private=True)))
    rsa = ProofKey("PS256")
    assert "private" in reason(rsa.sign(claims(), jwk=rsa.key.as_dict(private=True)))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_short_rsa_key_is_rejected() -> None:
    assert "bits" in reason(ProofKey("PS256", RSAKey.generate_key(1024)).sign(claims()))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_symmetric_or_missing_signature_is_rejected() -> None:
    secret = OctKey.generate_key(256)
    reason(ProofKey("HS256", secret).sign(claims(), jwk=secret.as_dict()))
    # The public key as a secret, which everybody knows.
    known = OctKey.import_key(KEY.jwk["x"])
    reason(ProofKey("HS256", known).sign(claims(), jwk=KEY.jwk))
    unsigned = f"{encode({'typ': 'dpop+jwt', 'alg': 'none', 'jwk': KEY.jwk})}.{encode(claims())}."
    reason(unsigned)
    reason(unsigned + "AAAA")


def test_an_algorithm_that_is_not_selected_is_rejected() -> None:
    rules = ProofRules(("ES256",), 60, 10)
    rsa = ProofKey("RS256")
    assert "algorithm" in reason(rsa.sign(claims()), rules=rules)
    reason(KEY.sign(claims(), alg=...), rules=rules)
    # The algorithm of another kind of key.
    reason(KEY.sign(claims(), alg="PS256"))


def test_a_signature_of_another_key_or_of_other_claims_is_rejected() -> None:
    other = ProofKey()
    assert "signature" in reason(other.sign(claims(), jwk=KEY.jwk))
    head, _, signature = KEY.sign(claims()).split(".")
    assert "signature" in reason(f"{head}.{encode(claims())}.{signature}")


@pytest.mark.parametrize("jti", [..., None, "", 5, ["x"], True])
def test_the_jti_is_a_text(jti: Any) -> None:
    assert "jti" in reason(KEY.sign(claims(jti=jti)))


@pytest.mark.parametrize("htm", [..., None, "GET", "post", "Post", "POST ", 5, ["POST"]])
def test_the_method_is_that_of_the_request_letter_by_letter(htm: Any) -> None:
    assert "htm" in reason(KEY.sign(claims(htm=htm)))


@pytest.mark.parametrize(
    "htu",
    [..., None, "", 7, [URI], "/oauth/token", "https://evil.example/oauth/token", f"{URI}/",
     "https://login.example/oauth/Token", "https://login.example/oauth", "\u00e9"],
)  # fmt: skip
def test_the_uri_is_that_of_the_request(htu: Any) -> None:
    assert "htu" in reason(KEY.sign(claims(htu=htu)))


def test_the_operator_sees_both_uris() -> None:
    with pytest.raises(InvalidProof) as problem:
        verify(KEY.sign(claims(htu="http://127.0.0.1:6543/oauth/token")))
    assert problem.value.received == {
        "htu": "http://127.0.0.1:6543/oauth/token", "expected": [URI],
    }  # fmt: skip


@pytest.mark.parametrize(
    "htu",
    [f"{URI}?grant=1", f"{URI}#top", "https://LOGIN.example:443/oauth/token",
     "https://login.example/oauth/%74oken"],
)  # fmt: skip
def test_the_uri_may_be_written_in_another_way(htu: str) -> None:
    assert verify(KEY.sign(claims(htu=htu)))


def test_a_request_may_have_several_uris() -> None:
    uris = ("https://mtls.example/oauth/token", URI)
    assert verify(KEY.sign(claims()), uris=uris)
    assert verify(KEY.sign(claims(htu=uris[0])), uris=uris)


@pytest.mark.parametrize("age", [60, 59.5, 0, -8, -10])
def test_a_recent_proof_is_accepted(age: float) -> None:
    assert verify(KEY.sign(claims(iat=NOW - age)))


@pytest.mark.parametrize("age", [61, 3600, -11, -3600, 10**9])
def test_a_proof_of_another_time_is_rejected(age: int) -> None:
    assert "recent" in reason(KEY.sign(claims(iat=NOW - age)))


@pytest.mark.parametrize(
    "iat", [..., None, True, "now", [], {}, -(2**60), 2**53, -1.5e300, "1700000000"]
)
def test_the_iat_is_a_number_of_seconds(iat: Any) -> None:
    assert "iat" in reason(KEY.sign(claims(iat=iat)))


@pytest.mark.parametrize("number", ["1e400", "NaN", "Infinity", "-Infinity", "9" * 400, "9" * 6000])
def test_a_number_that_no_json_parser_agrees_on_is_rejected(number: str) -> None:
    members = f'{{"jti":"x","htm":"POST","htu":"{URI}","iat":{number}}}'
    reason(KEY.sign(members))


def test_a_proof_is_remembered_until_it_would_not_be_accepted_any_more() -> None:
    assert verify(KEY.sign(claims(iat=NOW + 9.5))).expires_at == NOW + 10 + RULES.lifetime


def test_the_hash_of_the_access_token_is_required_where_there_is_one() -> None:
    token = "at_token"
    assert verify(KEY.sign(claims(ath=hash_of(token))), access_token=token)
    for ath in (..., None, 5, "", hash_of("other"), hash_of(token) + "=", token, "\u00e9"):
        assert "ath" in reason(KEY.sign(claims(ath=ath)), access_token=token)
    assert verify(KEY.sign(claims(ath="of no matter"))), "there is no token"


@pytest.mark.parametrize("nonce", [5, ["x"], True, {}])
def test_a_nonce_is_a_text(nonce: Any) -> None:
    assert "nonce" in reason(KEY.sign(claims(nonce=nonce)))
    assert verify(KEY.sign(claims(nonce="the nonce"))).nonce == "the nonce"


@pytest.mark.parametrize(
    "text",
    ["", " ", "x", "a.b.c", "a.b.c.d", "..", "e30.e30.e30", "\u00e9.e30.e30", "=.=.=", "x" * 60000,
     encode({"typ": "dpop+jwt"}) + ".e30.e30"],
)  # fmt: skip
def test_what_is_no_jwt_is_rejected(text: str) -> None:
    reason(text)


def test_a_proof_of_sixty_kilobytes_is_rejected() -> None:
    assert "too long" in reason(KEY.sign(claims(padding="x" * 60000)))
    assert "too long" in reason(KEY.sign(claims(), padding="x" * 6000))


def test_two_headers_are_rejected_although_each_is_a_proof() -> None:
    one, other = KEY.sign(claims()), KEY.sign(claims())
    for joined in (f"{one}, {other}", f"{one},{one}", f"{one},", f",{one}"):
        assert "more than one" in reason(joined)


@pytest.mark.parametrize(
    "payload", ["[]", "7", '"x"', "null", "{", b"\xff", '{"jti":"a","jti":"b"}']
)
def test_claims_that_are_no_object_are_rejected(payload: Any) -> None:
    reason(KEY.sign(payload))


@pytest.mark.parametrize("name", ["crit", "zip", "b64"])
def test_an_extension_in_the_header_is_rejected(name: str) -> None:
    reason(KEY.sign(claims(), **{name: ["x"]}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3)
    ),
    max_leaves=8,
)
SIGNER = ProofKey("ES256", ECKey.generate_key("P-256"))


@given(JSON)
def test_any_claims_are_accepted_or_rejected(payload: Any) -> None:
    reason(SIGNER.sign(payload))


@given(st.sampled_from(["jti", "htm", "htu", "iat", "ath", "nonce"]), JSON)
def test_any_value_of_a_claim_is_accepted_or_rejected(name: str, value: Any) -> None:
    with suppress(InvalidProof):
        verify(SIGNER.sign(claims(**{name: value})), access_token="at_token")


@given(st.sampled_from(["typ", "alg", "jwk", "kid"]), JSON)
def test_any_value_of_a_header_member_is_accepted_or_rejected(name: str, value: Any) -> None:
    with suppress(InvalidProof):
        verify(SIGNER.sign(claims(), **{name: value}))


@given(st.text(max_size=200))
def test_any_header_is_rejected(text: str) -> None:
    reason(text)
