"""ID tokens and UserInfo that only the client can read (OpenID Connect Core section 10.2)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from sqlalchemy import select
from support.app import Provider, RelyingParty, decode_id_token
from support.client_host import JWKSHost

from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.models import AuthorizationCode, RecordedRejection
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

ALGORITHMS = ("RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW")
ENCODINGS = ("A128CBC-HS256", "A256CBC-HS512", "A128GCM", "A256GCM")
REGISTRY = jwe.JWERegistry(algorithms=[*ALGORITHMS, "RSA-OAEP", *ENCODINGS])
HYBRID = {
    "grant_types": ["authorization_code", "refresh_token", "implicit"],
    "response_types": ["code", "id_token", "code id_token"],
}


@pytest.fixture(scope="module")
def keys() -> dict[str, Key]:
    """The client's keys by what each is for."""
    return {
        "RSA": RSAKey.generate_key(2048, {"kid": "rsa", "use": "enc"}),
        "EC": ECKey.generate_key("P-256", {"kid": "ec", "use": "enc"}),
        "signing": ECKey.generate_key("P-256", {"kid": "signing", "use": "sig"}),
    }


def jwks(keys: dict[str, Key], *names: str) -> dict[str, Any]:
    return {"keys": [keys[name].as_dict(private=False) for name in names or keys]}


def opened(token: str, key: Key) -> tuple[dict[str, Any], str]:
    """Decrypt as the client does."""
    result = jwe.decrypt_compact(token, key, registry=REGISTRY)
    return result.protected, (result.plaintext or b"").decode()


def tokens_of(client: RelyingParty, provider: Provider) -> dict[str, Any]:
    return client.exchange(client.login(provider.browser())["code"])


# The registered algorithms are used


@pytest.mark.parametrize("enc", ENCODINGS)
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_an_id_token_is_signed_and_then_encrypted_to_the_clients_key(
    provider: Provider, keys: dict[str, Key], alg: str, enc: str
) -> None:
    client = provider.register(
        id_token_encrypted_response_alg=alg, id_token_encrypted_response_enc=enc, jwks=jwks(keys)
    )
    name = "RSA" if alg.startswith("RSA") else "EC"
    header, id_token = opened(tokens_of(client, provider)["id_token"], keys[name])
    assert header["alg"] == alg
    assert (header["enc"], header["cty"]) == (enc, "JWT")
    assert header["kid"] == keys[name].kid
    assert decode_id_token(provider, id_token)["aud"] == client.client_id


def test_enc_is_a128cbc_hs256_where_none_is_registered(
    provider: Provider, keys: dict[str, Key]
) -> None:
    client = provider.register(id_token_encrypted_response_alg="ECDH-ES", jwks=jwks(keys))
    header, _ = opened(tokens_of(client, provider)["id_token"], keys["EC"])
    assert header["enc"] == "A128CBC-HS256"


def test_the_front_channel_and_a_refresh_encrypt_too(
    provider: Provider, keys: dict[str, Key]
) -> None:
    client = provider.register(
        id_token_encrypted_response_alg="ECDH-ES+A256KW", jwks=jwks(keys), **HYBRID
    )
    browser = provider.browser()
    for response_type in ("id_token", "code id_token"):
        answer = client.login(browser, response_type=response_type)
        _, id_token = opened(answer["id_token"], keys["EC"])
        assert decode_id_token(provider, id_token)["nonce"] == "the-nonce"
    answer = client.login(browser, scope="openid offline_access", prompt="consent")
    first = client.exchange(answer["code"])
    _, again = opened(client.refresh(first["refresh_token"])["id_token"], keys["EC"])
    assert decode_id_token(provider, again)["sub"]


def test_the_clients_curve_is_used(provider: Provider) -> None:
    for key in (ECKey.generate_key("P-521"), OKPKey.generate_key("X25519")):
        client = provider.register(
            id_token_encrypted_response_alg="ECDH-ES", jwks={"keys": [key.as_dict(private=False)]}
        )
        header, id_token = opened(tokens_of(client, provider)["id_token"], key)
        assert header["epk"]["crv"] == key.curve_name
        assert decode_id_token(provider, id_token)


def test_the_decrypted_id_token_is_a_hint(provider: Provider, keys: dict[str, Key]) -> None:
    client = provider.register(id_token_encrypted_response_alg="ECDH-ES", jwks=jwks(keys))
    browser = provider.browser()
    tokens = client.exchange(client.login(browser)["code"])
    _, hint = opened(tokens["id_token"], keys["EC"])
    assert "code" in client.answer(client.complete(client.authorize(browser, id_token_hint=hint)))
    refused = client.answer(client.authorize(browser, id_token_hint=tokens["id_token"]))
    assert refused["error"] == "invalid_request"


def test_userinfo_is_signed_and_encrypted_or_encrypted_alone(
    provider: Provider, keys: dict[str, Key]
) -> None:
    encrypted = {"userinfo_encrypted_response_alg": "RSA-OAEP-256", "jwks": jwks(keys)}
    client = provider.register(**encrypted, userinfo_signed_response_alg="ES256")
    response = client.userinfo(tokens_of(client, provider)["access_token"])
    header, signed = opened(response.text, keys["RSA"])
    assert (response.content_type, header["cty"]) == ("application/jwt", "JWT")
    assert decode_id_token(provider, signed, "ES256")["aud"] == client.client_id
    client = provider.register(**encrypted)
    response = client.userinfo(tokens_of(client, provider)["access_token"])
    header, claims = opened(response.text, keys["RSA"])
    assert response.content_type == "application/jwt"
    assert "cty" not in header, "what is inside is no JWT"
    assert json.loads(claims)["preferred_username"] == "alice"
    assert "aud" not in json.loads(claims)


# Keys behind a jwks_uri


@pytest.fixture
def host() -> Iterator[JWKSHost]:
    host = JWKSHost()
    yield host
    host.close()


def register_remote(provider: Provider, uri: str, **metadata: Any) -> RelyingParty:
    """Register a client with a jwks_uri; one on this machine is not to be had by registering."""
    client = provider.register(jwks_uri="https://client.example/jwks", **metadata)
    with provider.database() as dbsession:
        row = dbsession.merge(client.client)
        row.client_metadata = {**row.client_metadata, "jwks_uri": uri}
    return client


@pytest.fixture
def remote(make_provider: Any) -> Provider:
    """A provider that fetches from this machine, over each database."""
    provider: Provider = make_provider(oauth__outbound_allow_loopback="true")
    return provider


def test_published_keys_are_fetched_in_every_flow_and_a_new_one_is_taken_up(
    remote: Provider, keys: dict[str, Key], host: JWKSHost, clock: Any
) -> None:
    host.document = jwks(keys)
    client = register_remote(
        remote, host.uri, id_token_encrypted_response_alg="ECDH-ES",
        userinfo_encrypted_response_alg="ECDH-ES", **HYBRID,
    )  # fmt: skip
    browser = remote.browser()
    answer = client.login(browser, response_type="code id_token",
                          scope="openid profile offline_access")  # fmt: skip
    tokens = client.exchange(answer["code"])
    refreshed = client.refresh(tokens["refresh_token"])
    userinfo = client.userinfo(refreshed["access_token"])
    for token in (answer["id_token"], tokens["id_token"], refreshed["id_token"], userinfo.text):
        assert opened(token, keys["EC"])
    assert len(host.requests) == 1
    new = ECKey.generate_key("P-256", {"kid": "new", "use": "enc"})
    host.document = {"keys": [new.as_dict(private=False)]}
    clock.advance(301)
    header, _ = opened(client.refresh(refreshed["refresh_token"])["id_token"], new)
    assert header["kid"] == "new"


def test_keys_that_cannot_be_had_use_nothing_up(
    remote: Provider, keys: dict[str, Key], host: JWKSHost, clock: Any
) -> None:
    host.document = jwks(keys)
    client = register_remote(remote, host.uri, id_token_encrypted_response_alg="ECDH-ES", **HYBRID)
    code = client.login(remote.browser(), scope="openid offline_access")["code"]
    host.status = 500
    refused = client.exchange(code, status=400)
    assert refused["error"] == "server_error"
    assert refused["error_description"] == "The keys of the client cannot be fetched."
    with remote.database() as dbsession:
        assert dbsession.scalars(select(AuthorizationCode.used_at)).one() is None
        reason = dbsession.scalars(select(RecordedRejection.received)).one()
    assert "500" in str(reason), "those who run the server learn why"
    host.status = 200
    clock.advance(11)
    tokens = client.exchange(code)
    host.status = 500
    clock.advance(3901)  # the known keys serve for an hour beyond their age
    assert client.refresh(tokens["refresh_token"], status=400)["error"] == "server_error"
    host.status = 200
    clock.advance(11)
    assert client.refresh(tokens["refresh_token"])["id_token"]


def test_the_person_is_asked_nothing_where_the_answer_could_not_be_encrypted(
    remote: Provider, host: JWKSHost
) -> None:
    host.status = 500
    client = register_remote(remote, host.uri, id_token_encrypted_response_alg="ECDH-ES", **HYBRID)
    browser = remote.browser()
    answer = client.answer(client.authorize(browser, response_type="id_token"))
    assert (answer["error"], answer["state"]) == ("server_error", "the-state")
    assert "login" in client.authorize(browser).forms, "a code needs no key yet"


# Registrations and keys that cannot work


def test_a_client_whose_keys_are_for_signing_by_now_is_told_so(
    provider: Provider, keys: dict[str, Key]
) -> None:
    client = provider.register(
        id_token_encrypted_response_alg="ECDH-ES", userinfo_encrypted_response_alg="ECDH-ES",
        jwks=jwks(keys), **HYBRID,
    )  # fmt: skip
    browser = provider.browser()
    code = client.login(browser)["code"]
    other = client.exchange(client.login(browser)["code"])
    with provider.database() as dbsession:
        row = dbsession.merge(client.client)
        row.client_metadata = {**row.client_metadata, "jwks": jwks(keys, "signing", "RSA")}
    sentence = "The client has no key for encryption with ECDH-ES."
    for refused in (
        client.exchange(code, status=400),
        client.userinfo(other["access_token"], status=400).json,
        client.answer(client.authorize(browser, response_type="id_token")),
    ):
        assert (refused["error"], refused["error_description"]) == ("server_error", sentence)
    with provider.database() as dbsession:
        recorded = dbsession.scalars(select(RecordedRejection.endpoint)).all()
    assert sorted(recorded) == [
        "oidc.authorization_endpoint", "oidc.token_endpoint", "oidc.userinfo_endpoint",
    ], "each under a reference, for those who run the server"  # fmt: skip


#: A point of low order, and a modulus that is no product of two primes.
IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "ECDH-ES": {"kty": "OKP", "crv": "X25519", "x": "A" * 43},
    "RSA-OAEP-256": {"kty": "RSA", "e": "AQAB", "n": "g" + "A" * 341},
}


@pytest.mark.parametrize("alg", IMPOSSIBLE)
def test_keys_to_which_nothing_can_be_encrypted_are_not_registered(
    provider: Provider, alg: str
) -> None:
    with pytest.raises(InvalidClientMetadata, match="no key that can be used"):
        provider.register(id_token_encrypted_response_alg=alg, jwks={"keys": [IMPOSSIBLE[alg]]})


@pytest.mark.parametrize("alg", IMPOSSIBLE)
def test_such_keys_at_a_jwks_uri_are_passed_over(
    remote: Provider, keys: dict[str, Key], host: JWKSHost, alg: str
) -> None:
    host.document = {"keys": [IMPOSSIBLE[alg], *jwks(keys, "EC", "RSA")["keys"]]}
    client = register_remote(remote, host.uri, id_token_encrypted_response_alg=alg)
    key = keys["RSA" if alg.startswith("RSA") else "EC"]
    assert opened(tokens_of(client, remote)["id_token"], key)[0]["kid"] == key.kid


def test_a_key_that_fails_all_the_same_is_told_to_the_client(
    provider: Provider, keys: dict[str, Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> str:
        raise ValueError("The key cannot be used.")

    client = provider.register(id_token_encrypted_response_alg="ECDH-ES", jwks=jwks(keys))
    code = client.login(provider.browser())["code"]
    monkeypatch.setattr("oidcserver.clients.client_jwt.encrypt", fail)
    refused = client.exchange(code, status=400)
    assert refused["error"] == "server_error"
    assert refused["error_description"] == "The client's key cannot be used for ECDH-ES."


def test_rsa_oaep_with_sha_1_is_there_if_the_ini_selects_it(
    make_provider: Any, keys: dict[str, Key]
) -> None:
    provider = make_provider(oidc__encryption_algs="RSA-OAEP", oidc__encryption_encs="A256GCM")
    client = provider.register(id_token_encrypted_response_alg="RSA-OAEP", jwks=jwks(keys))
    header, _ = opened(tokens_of(client, provider)["id_token"], keys["RSA"])
    assert (header["alg"], header["enc"]) == ("RSA-OAEP", "A256GCM")


def test_discovery_promises_what_the_ini_selects(provider: Provider, make_provider: Any) -> None:
    def promised(provider: Provider) -> dict[str, Any]:
        document = provider.browser().get("/.well-known/openid-configuration").json
        return {name: value for name, value in document.items() if "encryption" in name}

    uses = ("id_token", "userinfo")
    document = promised(provider)
    for use in uses:
        assert document[f"{use}_encryption_alg_values_supported"] == list(ALGORITHMS)
        assert set(document[f"{use}_encryption_enc_values_supported"]) == set(ENCODINGS)
    assert not [name for name in promised(make_provider(oidc__encryption_algs=""))
                if name.startswith(uses)]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"oidc__encryption_algs": "RSA1_5"}, "oidc.encryption_algs takes some of"),
        ({"oidc__encryption_algs": "dir"}, "not dir"),
        ({"oidc__encryption_encs": "A128GCM none"}, "not none"),
        ({"oidc__encryption_encs": ""}, "oidc.encryption_encs is empty"),
        ({"oidc__decryption_algs": "RS256"}, "oidc.decryption_algs takes some of"),
        ({"oidc__signing_algs": "RS256 ECDH-ES"}, "oidc.signing_algs takes some of"),
    ],
)
def test_an_unknown_algorithm_stops_the_start(
    make_provider: Any, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_provider(**settings)


def test_the_keys_that_clients_encrypt_to_are_published_when_selected(
    make_provider: Any, tmp_path: Any
) -> None:
    def published(**settings: str) -> list[tuple[str, str]]:
        provider = make_provider(
            oidcserver__keys_directory=str(tmp_path / "own"), oidc__signing_algs="RS256",
            **settings,
        )  # fmt: skip
        keys = provider.browser().get("/oauth/jwks.json").json["keys"]
        return [(key["use"], key["alg"]) for key in keys]

    signing = ("sig", "RS256")
    assert published() == [signing]
    selected = published(oidc__decryption_algs="RSA-OAEP-256 ECDH-ES")
    assert set(selected) == {signing, ("enc", "RSA-OAEP-256"), ("enc", "ECDH-ES")}
    assert published() == [signing], "keys that were once made harm nobody"
