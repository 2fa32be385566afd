"""Client assertions: what client_secret_jwt and private_key_jwt accept, and what they reject."""

import json
import time
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, Key, OctKey
from sqlalchemy import func, select
from support.assertions import encode

from oidcserver.models import Client, UsedIdentifier
from oidcserver.oauth.client_authentication import prove_client
from oidcserver.oauth.errors import Rejection
from oidcserver.types import FetchCause

ALGORITHMS = ["RS256", "PS256", "ES256", "Ed25519", "EdDSA", "HS256", "HS384", "HS512"]
ISSUER = "https://login.example/auth"
TOKEN_ENDPOINT = f"{ISSUER}/oauth/token"


def used(server: Any) -> int:
    """How many identifiers are used up."""
    count: int = server.dbsession.scalar(select(func.count()).select_from(UsedIdentifier))
    return count


# -- what is accepted -----------------------------------------------------------------------


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_an_assertion_authenticates_by_every_algorithm(make_client: Any, alg: str) -> None:
    client = make_client(alg)
    assert client.accepted()
    assert client.accepted({"typ": "JWT", "kid": client.key.kid} if client.key.kid else {})


@pytest.mark.parametrize("typ", ["JWT", "jwt", "client-authentication+jwt", "application/jwt"])
def test_the_type_of_an_assertion_is_accepted(client: Any, typ: str) -> None:
    assert client.accepted({"typ": typ})


@pytest.mark.parametrize(
    "aud", [ISSUER, TOKEN_ENDPOINT, [ISSUER], [TOKEN_ENDPOINT], ["https://other.example", ISSUER]]
)
def test_the_audience_is_the_issuer_or_the_token_endpoint(client: Any, aud: Any) -> None:
    assert client.accepted(aud=aud)


def test_the_audience_may_be_the_endpoint_that_is_asked(client: Any) -> None:
    form = client.form(client.assertion(aud=f"{ISSUER}/oauth/par"))
    client.server.rejection(form)
    assert client.server.authenticate(form, path="/oauth/par") == client.client_id


def test_a_client_id_beside_the_assertion_has_to_be_the_same(client: Any, make_client: Any) -> None:
    form = client.form(client_id=client.client_id)
    assert client.server.authenticate(form) == client.client_id
    reason = client.server.reason(client.form(client_id=make_client().client_id))
    assert reason == "The client_id of the body is not that of the assertion."


def test_a_client_with_several_keys_may_use_any(make_client: Any, private_keys: Any) -> None:
    keys = [ECKey.generate_key("P-256"), private_keys["ES256"], private_keys["RS256"]]
    jwks = {"keys": [key.as_dict(private=False) for key in keys]}
    client = make_client("ES256", jwks=jwks)
    assert client.accepted()
    client.alg, client.key = "PS256", keys[2]
    assert client.accepted()


def test_the_secret_before_a_rotation_holds_as_long_as_it_holds_elsewhere(
    make_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client("HS256")
    monkeypatch.setattr(
        "oidcserver.client_auth.client_secret_jwt.read_client_secrets",
        lambda provider, row: ["cs_the-new-one", row.secret_sealed],
    )
    assert client.accepted()
    client.key = OctKey.import_key("cs_the-new-one")
    assert client.accepted()
    client.key = OctKey.import_key("cs_neither-of-both")
    client.reason()


# -- what it says ---------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["iss", "sub", "aud", "exp", "jti"])
def test_a_missing_claim_is_rejected(client: Any, missing: str) -> None:
    client.reason(**{missing: ...})


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp", "jti", "nbf", "iat"])
@pytest.mark.parametrize("value", [None, True, 7, -7.5, "x", "", [], {}, [None], 10**400, "\ud800"])
def test_a_claim_of_another_shape_is_rejected(client: Any, claim: str, value: Any) -> None:
    # A time in the past is fine, however long ago, and a short text identifies too.
    past = claim in {"nbf", "iat"} and value in (7, -7.5)
    if past or (claim, value) == ("jti", "x"):
        assert client.accepted(**{claim: value})
    else:
        client.reason(**{claim: value})


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 5000])
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_a_time_that_is_no_number_of_seconds_is_rejected(
    client: Any, claim: str, number: str
) -> None:
    text = json.dumps(client.claims(**{claim: "HERE"})).replace('"HERE"', number)
    client.server.reason(client.form(client.sign(text)))


def test_issuer_and_subject_are_both_the_client(client: Any, make_client: Any) -> None:
    other = make_client("RS256").client_id
    assert client.reason(iss=other) == "iss and sub are not both the client_id."
    client.reason(sub=other)
    client.reason(iss=other, sub=other)
    client.reason(iss=client.client_id.upper() + "x")


@pytest.mark.parametrize(
    "aud",
    [
        "https://login.example",
        ISSUER + "/",
        ISSUER.upper(),
        TOKEN_ENDPOINT + "?x=1",
        f"{ISSUER}/oauth/revoke",
        "https://other.example",
        [],
        ["https://other.example"],
        [[ISSUER]],
        {ISSUER: 1},
    ],
)
def test_another_audience_is_rejected(client: Any, aud: Any) -> None:
    assert client.reason(aud=aud).startswith("aud is not exactly this provider")


def test_the_mtls_host_has_the_endpoint_too(client: Any) -> None:
    alias = "https://mtls.example/oauth/token"
    client.reason(aud=alias)
    client.server.set(assertion_audience="issuer_or_endpoint", mtls_base_url="https://mtls.example")
    assert client.accepted(aud=alias)
    client.reason(aud="https://mtls.example")


@pytest.mark.parametrize("aud", [TOKEN_ENDPOINT, [ISSUER], [ISSUER, TOKEN_ENDPOINT]])
def test_a_strict_profile_accepts_the_issuer_as_a_string_only(client: Any, aud: Any) -> None:
    client.server.set(assertion_audience="issuer")
    assert client.accepted(aud=ISSUER)
    client.reason(aud=aud)


@pytest.mark.parametrize(
    ("ahead", "accepted"),
    [(-3600, False), (-11, False), (-8, True), (299, True), (320, False), (3600, False)],
)
def test_an_assertion_expires_within_five_minutes(client: Any, ahead: int, accepted: bool) -> None:
    exp = int(time.time()) + ahead
    if accepted:
        assert client.accepted(exp=exp)
    else:
        client.reason(exp=exp)


def test_the_log_says_by_how_much_the_expiry_is_off(client: Any) -> None:
    now = int(time.time())
    assert "s ahead, and oauth.assertion_max_lifetime is 300 s." in client.reason(exp=now + 3600)
    assert client.reason(exp=now - 100).startswith("exp is 10")
    client.server.set(assertion_max_lifetime=3600)
    assert client.accepted(exp=now + 3600)


@pytest.mark.parametrize("claim", ["nbf", "iat"])
@pytest.mark.parametrize(("ahead", "accepted"), [(-86400, True), (8, True), (61, False)])
def test_a_clock_may_be_a_little_ahead(client: Any, claim: str, ahead: int, accepted: bool) -> None:
    times = {claim: time.time() + ahead, "exp": int(time.time()) + 200}
    if accepted:
        assert client.accepted(**times)
    else:
        assert client.reason(**times).startswith(f"{claim} is ")


# -- one use --------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["ES256", "HS256"])
def test_an_assertion_is_accepted_once(make_client: Any, alg: str) -> None:
    client = make_client(alg)
    form = client.form()
    assert client.server.authenticate(form) == client.client_id
    assert client.server.reason(form) == "The assertion was used before."
    assert client.accepted(), "the next one is another"


def test_a_new_assertion_with_a_used_jti_is_rejected(client: Any) -> None:
    assert client.accepted(jti="the-one")
    assert client.reason(jti="the-one", exp=int(time.time()) + 200) == (
        "The assertion was used before."
    )


def test_clients_do_not_use_up_each_others_identifiers(make_client: Any) -> None:
    first, second = make_client(), make_client()
    assert first.accepted(jti="the-one")
    assert second.accepted(jti="the-one")


def test_an_identifier_is_remembered_as_long_as_its_assertion_could_be_accepted(
    client: Any,
) -> None:
    exp = time.time() + 60.5
    assert client.accepted(exp=exp)
    remembered = client.server.dbsession.scalar(select(UsedIdentifier.expires_at))
    assert exp + 10 <= remembered <= exp + 12


def test_an_identifier_of_any_text_is_used_up(client: Any) -> None:
    for jti in ("é", "\n", " ", "x" * 2000):
        assert client.accepted(jti=jti)
        client.reason(jti=jti)


def test_what_is_rejected_uses_nothing_up(client: Any, make_client: Any, private_keys: Any) -> None:
    server, now = client.server, int(time.time())
    for changes in (
        {"iss": "x"}, {"aud": "x"}, {"exp": now - 60}, {"exp": now + 3600}, {"nbf": now + 90},
        {"iat": now + 90}, {"exp": ...},
    ):  # fmt: skip
        client.reason(jti="the-one", **changes)
    right = client.claims(jti="the-one")
    signed = client.sign(right)
    client.reason({"typ": "dpop+jwt"}, jti="the-one")
    server.rejection(client.form(signed, client_id="another"))
    server.rejection(client.form(signed, client_assertion_type="x"))
    server.rejection(client.form(signed[:-8] + "AAAAAAAA"))
    client.key, key = ECKey.generate_key("P-256"), client.key
    client.reason(jti="the-one")
    assert used(server) == 0
    client.key = key
    assert server.authenticate(client.form(signed)) == client.client_id
    assert used(server) == 1


# -- signatures, algorithms and headers -----------------------------------------------------


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_changed_assertion_is_rejected(make_client: Any, alg: str) -> None:
    client = make_client(alg)
    header, claims, signature = client.assertion().split(".")
    for forged in (
        f"{header}.{encode(client.claims())}.{signature}",
        f"{encode({'alg': alg, 'kid': 'x'})}.{claims}.{signature}",
        f"{header}.{claims}.",
        f"{header}.{claims}",
        f"{header}.{claims}.{signature}.",
        f"{header}.{claims}.{signature} ",
        f"{header}.{claims}.{encode(bytes(64))}",
    ):
        client.server.rejection(client.form(forged))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", None, 7, ["ES256"], "XY256", "ES256K"])
def test_an_unsigned_assertion_or_another_algorithm_is_rejected(client: Any, alg: Any) -> None:
    claims = encode(client.claims())
    for signature in ("", encode(bytes(64))):
        client.server.rejection(client.form(f"{encode({'alg': alg})}.{claims}.{signature}"))
    client.server.rejection(client.form(f"{encode({})}.{claims}."))


@pytest.mark.parametrize("alg", ["RS256", "ES256", "Ed25519", "EdDSA"])
def test_a_public_key_does_not_serve_as_a_secret(make_client: Any, alg: str) -> None:
    client = make_client(alg)
    public = client.key.as_pem(private=False)
    jwk = json.dumps(client.key.as_dict(private=False)).encode()
    for secret in (public, public.strip(), jwk):
        client.alg, client.key = "HS256", OctKey.import_key(encode(secret))
        assert client.reason() == "The client registered private_key_jwt."


def test_a_client_with_a_secret_does_not_sign_by_a_key_and_the_other_way_round(
    make_client: Any, private_keys: dict[str, Key]
) -> None:
    client = make_client("HS256")
    client.alg, client.key = "ES256", private_keys["ES256"]
    assert client.reason() == "The client registered client_secret_jwt."


def test_the_registered_algorithm_is_the_only_one(make_client: Any, private_keys: Any) -> None:
    client = make_client("RS256", token_endpoint_auth_signing_alg="PS256")
    assert "algorithm" in client.reason()
    client.alg = "PS256"
    assert client.accepted()
    secret = make_client("HS256", token_endpoint_auth_signing_alg="HS512")
    assert "algorithm" in secret.reason()


def test_an_algorithm_that_the_configuration_leaves_out_is_rejected(make_client: Any) -> None:
    client = make_client("RS256")
    assert client.accepted()
    client.server.set(token_endpoint_auth_signing_algs=("PS256", "ES256"))
    assert "algorithm" in client.reason()
    client.alg = "PS256"
    assert client.accepted()


def test_a_key_for_encryption_or_of_another_kid_is_not_used(make_client: Any) -> None:
    client = make_client()
    jwk = client.key.as_dict(private=False)
    encryption = make_client(jwks={"keys": [{**jwk, "use": "enc"}]})
    encryption.reason()
    named = make_client(jwks={"keys": [{**jwk, "kid": "mine"}]})
    assert named.accepted({"kid": "mine"})
    assert named.accepted()
    assert "no registered key fits" in named.reason({"kid": "another"})
    named.reason({"kid": 7})
    named.reason({"kid": ["mine"]})


@pytest.mark.parametrize("typ", ["dpop+jwt", "at+jwt", "oauth-authz-req+jwt", "logout+jwt", ""])
def test_a_jwt_of_another_purpose_is_rejected(client: Any, typ: str) -> None:
    assert client.reason({"typ": typ}) == "The typ is that of another kind of JWT."


@pytest.mark.parametrize(
    "member",
    [
        {"zip": "DEF"},
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": False},
        {"crit": ["x"]},
        {"crit": []},
        {"typ": 7},
    ],
)
def test_a_header_that_requires_an_extension_is_rejected(
    client: Any, member: dict[str, Any]
) -> None:
    client.reason(member)


def test_keys_and_certificates_in_the_header_are_ignored(client: Any) -> None:
    own = ECKey.generate_key("P-256")
    brought: list[dict[str, Any]] = [
        {"jwk": own.as_dict(private=False)},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/certificate"},
        {"x5c": ["MIIB"]},
        {"x5t": "abc", "x5t#S256": "abc"},
    ]
    for header in brought:
        assert client.accepted(header)
    client.key = own
    for header in brought:
        assert "the signature does not fit" in client.reason(header)


def test_weak_private_or_symmetric_registered_keys_are_not_used(make_client: Any) -> None:
    client = make_client()
    for jwk in (
        client.key.as_dict(private=True),
        {"kty": "oct", "k": encode("secret")},
        {"kty": "RSA", "n": encode(b"\xff" * 128), "e": "AQAB"},
        {},
    ):
        client = make_client(jwks={"keys": [jwk]})
        assert "keys cannot be had" in client.reason()
    assert "keys cannot be had" in make_client(jwks=None).reason()


# -- whose it is ----------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["ES256", "HS256"])
@pytest.mark.parametrize("client_id", ["unknown", "", "é", "\n", "x" * 2000])
def test_an_unknown_client_is_rejected(make_client: Any, alg: str, client_id: str) -> None:
    client = make_client(alg)
    assert client.reason(iss=client_id, sub=client_id) == "There is no such client."


@pytest.mark.parametrize("client_id", ["a\x00b", "\ud800"])
def test_a_client_id_that_no_database_holds_is_rejected(client: Any, client_id: str) -> None:
    reason = client.reason(iss=client_id, sub=client_id)
    assert reason == "The assertion cannot be read: it holds NUL or a lone surrogate."


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "jwt-bearer",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
        "URN:ietf:params:oauth:client-assertion-type:jwt-bearer",
    ],
)
def test_the_assertion_type_is_exact(client: Any, kind: str) -> None:
    client.server.rejection(client.form(client_assertion_type=kind))


def test_a_method_that_is_not_selected_does_not_exist(make_client: Any) -> None:
    client = make_client("HS256")
    client.server.select("private_key_jwt")
    assert "presents no method" in client.reason()


# -- keys that the client publishes ---------------------------------------------------------

JWKS_URI = "https://client.example/jwks.json"


@pytest.fixture
def publishing(make_client: Any) -> Any:
    """A client with a jwks_uri."""
    client = make_client(jwks=None, jwks_uri=JWKS_URI)
    jwk = {**client.key.as_dict(private=False), "kid": "1"}
    client.server.remote_jwks.documents[JWKS_URI] = {"keys": [jwk]}
    return client


def test_published_keys_are_asked_for_the_kid_of_the_header(publishing: Any) -> None:
    assert publishing.accepted({"kid": "1"})
    assert publishing.accepted()
    publishing.reason({"kid": 1})
    assert publishing.server.remote_jwks.asked == [
        (JWKS_URI, "1"),
        (JWKS_URI, None),
        (JWKS_URI, None),
    ]


def test_no_transaction_is_open_while_another_host_is_waited_for(
    publishing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, open_meanwhile = publishing.server, []
    ask = server.remote_jwks.keys

    def keys(uri: str, kid: str | None, cause: FetchCause) -> Any:
        open_meanwhile.append(server.dbsession.in_transaction())
        return ask(uri, kid, cause)

    monkeypatch.setattr(server.remote_jwks, "keys", keys)
    assert publishing.accepted()
    assert open_meanwhile == [False]
    assert used(server) == 1


def test_a_client_that_goes_while_its_host_is_waited_for_is_rejected(
    publishing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = publishing.server
    ask = server.remote_jwks.keys

    def keys(uri: str, kid: str | None, cause: FetchCause) -> Any:
        server.dbsession.delete(server.dbsession.get_one(Client, publishing.client_id))
        server.dbsession.commit()
        return ask(uri, kid, cause)

    monkeypatch.setattr(server.remote_jwks, "keys", keys)
    assert publishing.reason() == "There is no such client."
    assert used(server) == 0


def test_a_host_that_does_not_answer_is_a_rejection(publishing: Any) -> None:
    publishing.server.remote_jwks.documents.clear()
    assert "The host did not answer." in publishing.reason()


# -- bombs and noise ------------------------------------------------------------------------


def base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


NESTED = "[" * 3000 + "]" * 3000
BOMBS = {
    "size": "a" * 60000,
    "dots": "." * 60000,
    "jwe": f"{encode({'alg': 'PBES2-HS256+A128KW', 'enc': 'A128GCM', 'p2c': 10**9})}.a.a.a.a",
    "p2c": f"{encode({'alg': 'PBES2-HS256+A128KW', 'p2c': 10**9})}.{encode({})}.a",
    "nested header": f"{base64(NESTED.encode())}.{encode({})}.a",
    "nested claims": f"{encode({'alg': 'ES256'})}.{base64(NESTED.encode())}.a",
    "long number": f"{encode({'alg': 'ES256'})}.{base64(b'9' * 9000)}.a",
    "utf-32": f"{base64('{}'.encode('utf-32'))}.{base64(b'{}')}.a",
    "list": f"{encode([])}.{encode([])}.a",
    "not base64": "é.ü.ö",
    "empty parts": "..",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_rejected_before_it_costs_anything(client: Any, name: str) -> None:
    # The processor's time for this thread alone: to take one of these seriously costs a minute.
    before = time.thread_time()
    client.server.rejection(client.form(BOMBS[name]))
    assert time.thread_time() - before < 2


@pytest.mark.parametrize("alg", ["ES256", "HS256"])
def test_deeply_nested_claims_of_a_client_are_rejected(make_client: Any, alg: str) -> None:
    client = make_client(alg)
    nested: Any = "x"
    for _ in range(40):
        nested = [nested]
    assert client.accepted(extra=[[["x"]]])
    assert "nested" in client.reason(extra=nested)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
MEMBERS = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"]


@given(changes=st.dictionaries(st.sampled_from(MEMBERS), JSON, min_size=1))
def test_no_claims_are_an_error_of_ours(lasting_client: Any, changes: dict[str, Any]) -> None:
    client = lasting_client
    request = client.server.request(client.form(client.sign(client.claims(**changes))))
    rejected = None
    try:
        prove_client(request)
    except Rejection as rejection:
        rejected = rejection
    if rejected is None:
        assert set(changes) <= {"nbf", "iat", "jti"}, "only these have other right values"
    else:
        assert rejected.error == "invalid_client"
    client.server.dbsession.commit()


@given(
    header=st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "zip", "b64", "cty"]), JSON
    ),
    claims=JSON,
)
def test_no_header_and_no_claims_are_an_error_of_ours(
    lasting_client: Any, header: dict[str, Any], claims: Any
) -> None:
    client = lasting_client
    unsigned = f"{encode({'alg': 'HS256', **header})}.{encode(client.claims())}.{encode('x')}"
    for assertion in (client.sign(client.claims(), **{**header, "zip": "DEF"}), unsigned,
                      client.sign(claims)):  # fmt: skip
        client.server.rejection(client.form(assertion))


@given(assertion=st.text(min_size=1) | st.from_regex(r"[\w-]{0,20}\.[\w-]{0,20}\.[\w-]{0,20}"))
def test_no_text_is_an_error_of_ours(lasting_client: Any, assertion: str) -> None:
    lasting_client.server.rejection(lasting_client.form(assertion))
