"""Assertions of trusted issuers as grants (RFC 7523 section 2.1), and ID-JAG on the same grant."""

import hmac
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, Key, RSAKey
from sqlalchemy import func, select
from support import published_client
from support.app import Provider, RelyingParty
from support.assertions import Signer, encode
from support.client_web import ClientWeb
from support.request_signing import public, unsigned

from oidcserver import clock as oidcserver_clock
from oidcserver.models import Authorization, Client, RefreshToken, User
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ISSUER = "https://idp.example"
ISSUER_OF_JWTS = "https://jobs.example"
JWKS_URI = "https://idp.example/jwks.json"
API = "https://api.example/mcp"
OWN_ISSUER = "http://localhost:6543"
ID_JAG = "oauth-id-jag+jwt"
KEY = ECKey.generate_key("P-256", {"kid": "one"})


def settings(jwks: str) -> dict[str, str]:
    return {
        "oauth__grants": "authorization_code refresh_token client_credentials jwt_bearer",
        "oauth__trusted_issuers": f"""
            {ISSUER} {jwks}
            {ISSUER_OF_JWTS} {jwks} accepts=jwt algs=ES256 realm={ISSUER}
        """,
    }


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    path = tmp_path / "idp.json"
    path.write_text(json.dumps(public(KEY)))
    return path


@pytest.fixture
def provider(make_provider: Any, jwks: Path) -> Provider:
    made: Provider = make_provider(**settings(str(jwks)))
    with made.database() as dbsession:
        dbsession.add(User("ada", realm=ISSUER, external_id="u-1",
                           claims={"email": "ada@example.com"}))  # fmt: skip
    return made


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return register(provider)


def register(provider: Provider, **metadata: Any) -> RelyingParty:
    values = {
        "grant_types": [JWT_BEARER, "refresh_token"],
        "response_types": [],
        "redirect_uris": [],
        **metadata,
    }
    return provider.register(**values)


class Issuer(Signer):
    """An issuer that makes assertions about its users, and ID-JAGs for a client."""

    def __init__(self, issuer: str = ISSUER, key: Key = KEY, alg: str = "ES256") -> None:
        super().__init__(issuer, alg, key, OWN_ISSUER)

    def plain(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        claims = self.claims(**{"sub": "u-1", **changes})
        return self.sign(claims, **{"kid": "one", **(header or {})})

    def id_jag(self, client: RelyingParty, header: Any = None, **changes: Any) -> str:
        said = {"sub": "u-1", "client_id": client.client_id, **changes}
        return self.sign(self.claims(**said), **{"kid": "one", "typ": ID_JAG, **(header or {})})


IDP = Issuer()
JOBS = Issuer(ISSUER_OF_JWTS)


def send(
    client: RelyingParty, assertion: str | None, status: int = 200, **form: Any
) -> dict[str, Any]:
    answer: dict[str, Any] = client.token(
        grant_type=JWT_BEARER, assertion=assertion, status=status, **form
    ).json
    return answer


def count(provider: Provider, model: Any) -> int:
    with provider.database() as dbsession:
        return dbsession.scalars(select(func.count()).select_from(model)).one()


# -- what is issued ----------------------------------------------------------------------------


def test_an_assertion_gets_a_token_for_its_user(provider: Provider, client: RelyingParty) -> None:
    for assertion in (IDP.plain(), JOBS.plain(), IDP.plain({"typ": "authorization-grant+jwt"})):
        tokens = send(client, assertion, scope="profile")
        assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope"}
        assert client.introspect(tokens["access_token"])["username"] == "ada"


def test_an_id_jag_gets_a_token_for_its_resource(provider: Provider, client: RelyingParty) -> None:
    assertion = IDP.id_jag(client, resource=API, scope="profile email")
    tokens = send(client, assertion)
    assert (tokens["scope"], tokens["expires_in"]) == ("profile email", 600)
    assert "refresh_token" not in tokens
    said = client.introspect(tokens["access_token"])
    assert (said["aud"], said["username"]) == (API, "ada")
    assert count(provider, RefreshToken) == 0


def test_a_public_client_may_send_an_id_jag_that_names_it(provider: Provider) -> None:
    client = register(provider, token_endpoint_auth_method="none")
    assert send(client, IDP.id_jag(client))["access_token"]
    assert send(client, IDP.plain(), 400)["error"] == "unauthorized_client"


def test_a_client_that_registered_itself_may_send_an_id_jag_that_names_it(
    provider: Provider, client: RelyingParty
) -> None:
    """Anybody can register, so an assertion that names no client would be anybody's."""
    with provider.database() as dbsession:
        dbsession.merge(client.client).self_registered = True
    assert send(client, IDP.plain(), 400)["error"] == "unauthorized_client"
    assert send(client, IDP.id_jag(client))["access_token"]


def test_a_client_that_registered_itself_gets_only_what_the_id_jag_names(
    make_provider: Any, jwks: Path
) -> None:
    """It chose its scopes itself, and no user is asked."""
    provider = make_provider(
        **settings(str(jwks)),
        oauth__resources=f"{API}: notes:read | Notes",
        oidc__scope_claims="notes:read: | Read your notes",
    )
    with provider.database() as dbsession:
        dbsession.add(User("ada", realm=ISSUER, external_id="u-1"))
    client = register(provider, scope="profile email notes:read")
    assert send(client, IDP.id_jag(client), resource=API)["scope"] == "profile email notes:read"
    with provider.database() as dbsession:
        dbsession.merge(client.client).self_registered = True
    for form, error in (
        ({"scope": "profile"}, "invalid_scope"),
        ({"resource": API}, "invalid_target"),
    ):
        assert send(client, IDP.id_jag(client), 400, **form)["error"] == error
    for form in ({}, {"resource": provider.issuer}):
        bare = send(client, IDP.id_jag(client), **form)
        assert not bare.get("scope")
        assert client.introspect(bare["access_token"])["aud"] == provider.issuer
    named = send(client, IDP.id_jag(client, scope="profile notes:read", resource=API))
    assert named["scope"] == "profile notes:read"
    assert client.introspect(named["access_token"])["aud"] == API


def test_neither_an_id_token_nor_offline_access_is_given(client: RelyingParty) -> None:
    tokens = send(client, IDP.plain(), scope="openid profile offline_access")
    assert tokens["scope"] == "profile"
    assert "id_token" not in tokens
    assert send(client, IDP.plain(), 400, scope="openid")["error"] == "invalid_scope"


def test_the_token_ends_when_the_user_is_disabled(provider: Provider, client: RelyingParty) -> None:
    token = send(client, IDP.plain())["access_token"]
    with provider.database() as dbsession:
        dbsession.scalars(select(User)).one().disabled_at = oidcserver_clock.now()
    assert not client.introspect(token)["active"]
    assert send(client, IDP.plain(), 400)["error"] == "invalid_grant"


def test_the_user_has_to_be_in_a_group_of_the_client(
    provider: Provider, client: RelyingParty
) -> None:
    with provider.database() as dbsession:
        dbsession.get_one(Client, client.client_id).allowed_groups = ["staff"]
    assert send(client, IDP.plain(), 400)["error"] == "invalid_grant"
    with provider.database() as dbsession:
        dbsession.scalars(select(User)).one().claims = {"groups": ["staff"]}
    assert send(client, IDP.id_jag(client))["access_token"]


# -- whom it is about --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "u-2"},
        {"sub": "ada", "email": "ada@example.com", "email_verified": True},
        {"sub": "ada@example.com"},
        {"sub": ""},
        {"sub": ...},
        {"sub": 1},
        {"sub": ["u-1"]},
    ],
)
def test_nobody_is_found_by_anything_but_the_subject(
    provider: Provider, client: RelyingParty, claims: dict[str, Any]
) -> None:
    for assertion in (IDP.plain(**claims), IDP.id_jag(client, **claims)):
        assert send(client, assertion, 400)["error"] == "invalid_grant"
    assert count(provider, User) == 1, "no account appears"
    assert count(provider, Authorization) == 0


def test_a_user_of_another_realm_with_the_same_identifier_is_another(
    make_provider: Any, jwks: Path
) -> None:
    provider = make_provider(**settings(str(jwks)))
    with provider.database() as dbsession:
        dbsession.add(User("eve", realm="https://elsewhere.example", external_id="u-1"))
    client = register(provider)
    assert send(client, IDP.plain(), 400)["error"] == "invalid_grant"


# -- signatures --------------------------------------------------------------------------------


def forge(public_key: bytes) -> str:
    """Return an assertion whose HMAC has a public key as its secret (RFC 8725 section 2.1)."""
    header = {"alg": "HS256", "kid": "one"}
    signed = f"{encode(header)}.{encode(IDP.claims(sub='u-1'))}"
    return f"{signed}.{encode(hmac.digest(public_key, signed.encode(), 'sha256'))}"


@pytest.mark.parametrize(
    "assertion",
    [
        lambda: forge(KEY.as_pem(private=False)),
        lambda: forge(json.dumps(public(KEY)).encode()),
        lambda: unsigned(IDP.claims(sub="u-1")),
        lambda: Issuer(key=ECKey.generate_key("P-256")).plain(),
        lambda: Issuer(key=RSAKey.generate_key(2048), alg="RS256").plain(),
        lambda: IDP.plain({"kid": "two"}),
        lambda: Issuer(key=(other := ECKey.generate_key("P-256"))).plain(
            {"kid": "x", "jwk": other.as_dict(private=False)}
        ),
        lambda: IDP.plain({"crit": ["x"], "x": 1}),
        lambda: IDP.plain()[:-4] + "AAAA",
        lambda: "x",
        lambda: "a.b.c",
        lambda: "x" * 20_000,
    ],
    ids=["HS256 with the PEM", "HS256 with the JWKS", "none", "another key", "another kind of key",
         "unknown kid", "key in the header", "crit", "changed", "no JWT", "garbage", "too long"],
)  # fmt: skip
def test_a_wrong_signature_is_rejected(
    provider: Provider, client: RelyingParty, assertion: Any
) -> None:
    assert send(client, assertion(), 400)["error"] == "invalid_grant"
    assert count(provider, Authorization) == 0


def test_an_algorithm_that_the_ini_does_not_name_is_rejected(
    make_provider: Any, tmp_path: Path
) -> None:
    key = RSAKey.generate_key(2048, {"kid": "one"})
    (tmp_path / "rsa.json").write_text(json.dumps(public(key)))
    line = f"{ISSUER} {tmp_path / 'rsa.json'} algs=PS256"
    provider = make_provider(oauth__grants="jwt_bearer", oauth__trusted_issuers=line)
    with provider.database() as dbsession:
        dbsession.add(User("ada", realm=ISSUER, external_id="u-1"))
    client = register(provider, grant_types=[JWT_BEARER])
    assert send(client, Issuer(key=key, alg="RS256").plain(), 400)["error"] == "invalid_grant"
    assert send(client, Issuer(key=key, alg="PS256").plain())["access_token"]


# -- claims ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://as.example.evil"},
        {"aud": f"{OWN_ISSUER}.evil"},
        {"aud": ...},
        {"aud": 7},
        {"exp": ...},
        {"exp": "soon"},
        {"exp": 1},
        {"exp": 10**12},
        {"exp": 1e300},
        {"nbf": 10**11},
        {"iat": "now"},
        {"jti": ...},
        {"jti": 7},
        {"iss": "https://elsewhere.example"},
        {"iss": ...},
        {"iss": ["https://idp.example"]},
    ],
)
def test_a_claim_that_does_not_hold_rejects_both_kinds(
    client: RelyingParty, claims: dict[str, Any]
) -> None:
    assert send(client, IDP.plain(**claims), 400)["error"] == "invalid_grant"
    assert send(client, IDP.id_jag(client, **claims), 400)["error"] == "invalid_grant"


def test_only_an_id_jag_names_the_issuer_alone(client: RelyingParty) -> None:
    for audience in ([OWN_ISSUER], f"{OWN_ISSUER}/oauth/token"):
        assert send(client, IDP.plain(aud=audience))["access_token"]
        assert send(client, IDP.id_jag(client, aud=audience), 400)["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "claims",
    [
        {"client_id": "another"},
        {"client_id": ...},
        {"client_id": None},
        {"iat": ...},
        {"resource": 7},
        {"resource": [API, 7]},
        {"scope": ["profile"]},
    ],
)
def test_an_id_jag_that_breaks_its_own_rules_is_rejected(
    client: RelyingParty, claims: dict[str, Any]
) -> None:
    assert send(client, IDP.id_jag(client, **claims), 400)["error"] == "invalid_grant"


def test_an_id_jag_of_another_client_is_rejected(provider: Provider, client: RelyingParty) -> None:
    other = register(provider)
    assert send(other, IDP.id_jag(client), 400)["error"] == "invalid_grant"
    assert send(client, IDP.id_jag(client))["access_token"]


def test_an_id_jag_lives_for_five_minutes_at_most(client: RelyingParty) -> None:
    now = oidcserver_clock.now()
    old = IDP.id_jag(client, iat=now - 260, exp=now + 50)
    assert send(client, old, 400)["error"] == "invalid_grant"
    assert send(client, IDP.id_jag(client, iat=now - 240, exp=now + 50))["access_token"]


def test_the_scope_is_that_of_the_id_jag_at_most(client: RelyingParty) -> None:
    refused = send(client, IDP.id_jag(client, scope="profile"), 400, scope="profile email")
    assert refused["error"] == "invalid_scope"
    assert send(client, IDP.id_jag(client, scope="profile phone"))["scope"] == "profile"
    assert send(client, IDP.id_jag(client), 400, scope="phone")["error"] == "invalid_scope"
    assert (
        send(client, IDP.id_jag(client, scope="email profile"), scope="email")["scope"] == "email"
    )


def test_the_resource_is_one_of_the_id_jag(client: RelyingParty) -> None:
    other = "https://api.example/other"
    refused = send(client, IDP.id_jag(client, resource=API), 400, resource=other)
    assert refused["error"] == "invalid_target"
    narrowed = send(client, IDP.id_jag(client, resource=[API, other]), resource=other)
    assert client.introspect(narrowed["access_token"])["aud"] == other


def test_the_resource_is_one_that_is_declared_and_open_to_the_client(
    make_provider: Any, jwks: Path
) -> None:
    other = "https://api.example/other"
    provider = make_provider(
        **settings(str(jwks)), oauth__resources=f"{API}\n{other}: | Other | clients=somebody"
    )
    with provider.database() as dbsession:
        dbsession.add(User("ada", realm=ISSUER, external_id="u-1"))
    client = register(provider)
    tokens = send(client, IDP.id_jag(client, resource="https://API.example:443/mcp"))
    assert client.introspect(tokens["access_token"])["aud"] == API
    for resource in (other, "https://api.example/unknown", [API, other]):
        refused = send(client, IDP.id_jag(client, resource=resource), 400)
        assert refused["error"] == "invalid_target"


# -- once --------------------------------------------------------------------------------------


def test_an_assertion_is_used_once(provider: Provider, client: RelyingParty) -> None:
    for assertion in (IDP.plain(), IDP.id_jag(client)):
        send(client, assertion)
        assert send(client, assertion, 400)["error"] == "invalid_grant"
    same = IDP.plain(jti="the-same")
    send(client, same)
    assert send(client, IDP.id_jag(client, jti="the-same"), 400)["error"] == "invalid_grant"
    assert send(client, JOBS.plain(jti="the-same"))["access_token"], "of another issuer"


def test_a_rejected_request_leaves_the_assertion_usable(client: RelyingParty) -> None:
    assertion = IDP.plain()
    assert send(client, assertion, 400, scope="phone")["error"] == "invalid_scope"
    assert send(client, assertion)["access_token"]


def test_of_several_at_once_with_one_assertion_one_wins(
    provider: Provider, client: RelyingParty
) -> None:
    assertion = IDP.id_jag(client)

    def attempt(_: int) -> int:
        party = RelyingParty(provider, client.client, client.secret)
        form = {"grant_type": JWT_BEARER, "assertion": assertion}
        return int(party.token(**form, status="*").status_int)

    with ThreadPoolExecutor(12) as threads:
        assert Counter(threads.map(attempt, range(12))) == {200: 1, 400: 11}
    assert count(provider, Authorization) == 1


# -- kinds -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typ", ["at+jwt", "logout+jwt", "dpop+jwt", "client-authentication+jwt", "secevent+jwt", "x"]
)
def test_another_jwt_of_the_issuer_is_no_grant(client: RelyingParty, typ: str) -> None:
    assert send(client, IDP.plain({"typ": typ}), 400)["error"] == "invalid_grant"


def test_an_issuer_is_trusted_for_the_kinds_that_the_ini_names(client: RelyingParty) -> None:
    assert send(client, JOBS.id_jag(client), 400)["error"] == "invalid_grant"


def test_an_id_jag_is_no_plain_assertion_and_the_reverse(client: RelyingParty) -> None:
    """What the ``typ`` says decides, not what the claims hold."""
    as_plain = IDP.id_jag(client, {"typ": "JWT"}, aud=[OWN_ISSUER])
    assert send(client, as_plain)["access_token"]
    as_id_jag = IDP.plain({"typ": ID_JAG})
    assert send(client, as_id_jag, 400)["error"] == "invalid_grant"


def test_a_client_assertion_is_no_grant_and_an_id_jag_authenticates_nobody(
    provider: Provider,
) -> None:
    key = ECKey.generate_key("P-256")
    client = register(provider, jwks=public(key), token_endpoint_auth_method="private_key_jwt")
    signer = Signer(client.client_id, "ES256", key, provider.issuer)
    grant = {"grant_type": JWT_BEARER}
    as_grant = {**signer.form(), **grant, "assertion": signer.assertion()}
    refused = client.http.post("/oauth/token", as_grant, status=400)
    assert refused.json["error"] == "invalid_grant"
    as_credential = signer.sign(signer.claims(client_id=client.client_id), typ=ID_JAG)
    form = {**signer.form(as_credential), **grant, "assertion": IDP.id_jag(client)}
    assert client.http.post("/oauth/token", form, status=401).json["error"] == "invalid_client"
    right = {**signer.form(), **grant, "assertion": IDP.id_jag(client)}
    assert client.http.post("/oauth/token", right, status=200).json["access_token"]


def test_the_client_is_authenticated_and_registered_the_grant(
    provider: Provider, client: RelyingParty
) -> None:
    form = {"grant_type": JWT_BEARER, "assertion": IDP.plain()}
    assert client.http.post("/oauth/token", form, status=401).json["error"] == "invalid_client"
    other = provider.register()
    assert send(other, IDP.plain(), 400)["error"] == "unauthorized_client"
    assert send(client, None, 400)["error"] == "invalid_request"


# -- keys at a URL -----------------------------------------------------------------------------


@pytest.fixture
def web(make_provider: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Provider, ClientWeb]:
    """A provider that fetches the keys of the issuer."""
    provider = make_provider(**settings(JWKS_URI))
    with provider.database() as dbsession:
        dbsession.add(User("ada", realm=ISSUER, external_id="u-1"))
    web = ClientWeb()
    web.stand_in(provider, monkeypatch)
    return provider, web


def publish(web: ClientWeb, *keys: Key) -> None:
    document = json.dumps(public(*keys)).encode()
    web.documents[JWKS_URI] = ("application/jwk-set+json", document)


def test_the_keys_of_an_issuer_are_fetched_and_a_removed_one_ends(
    web: tuple[Provider, ClientWeb], clock: Any
) -> None:
    provider, host = web
    client, successor = register(provider), ECKey.generate_key("P-256", {"kid": "two"})
    publish(host, KEY)
    assert send(client, IDP.plain())["access_token"]
    publish(host, successor)
    clock.advance(301)
    assert send(client, IDP.plain(), 400)["error"] == "invalid_grant"
    assert send(client, Issuer(key=successor).plain({"kid": "two"}))["access_token"]


def test_nothing_is_fetched_for_an_issuer_that_is_not_trusted(
    web: tuple[Provider, ClientWeb],
) -> None:
    provider, host = web
    client = register(provider)
    for stranger in ("https://evil.example", "https://idp.example/", "https://IDP.example"):
        refused = send(client, IDP.plain(iss=stranger, jku="https://evil.example/k"), 400)
        assert refused["error"] == "invalid_grant"
    assert host.fetched == []


def test_a_client_that_publishes_its_metadata_sends_what_names_it(
    web: tuple[Provider, ClientWeb],
) -> None:
    provider, host = web
    publish(host, KEY)
    client = published_client.publish(
        host, provider, grant_types=["authorization_code", JWT_BEARER],
        token_endpoint_auth_method="private_key_jwt", jwks=published_client.KEYS,
    )  # fmt: skip
    for assertion, status in ((IDP.id_jag(client), 200), (IDP.plain(), 400)):
        credentials = {"client_id": client.client_id, **published_client.signer(provider).form()}
        answer = send(client, assertion, status, **credentials)
        assert answer.get("error") == (None if status == 200 else "unauthorized_client")


def test_a_document_that_does_not_exist_is_no_client(web: tuple[Provider, ClientWeb]) -> None:
    provider, host = web
    publish(host, KEY)
    client = published_client.publish(host, provider, token_endpoint_auth_method="private_key_jwt")
    host.documents.clear()
    publish(host, KEY)
    credentials = {"client_id": client.client_id, **published_client.signer(provider).form()}
    answer = send(client, IDP.id_jag(client), 401, **credentials)
    assert answer["error"] == "invalid_client"


def test_nothing_is_fetched_for_a_client_that_no_trusted_issuer_names(
    web: tuple[Provider, ClientWeb], caplog: pytest.LogCaptureFixture
) -> None:
    provider, host = web
    publish(host, KEY)
    client = published_client.publish(host, provider, token_endpoint_auth_method="private_key_jwt")
    other = published_client.URL.replace("client.json", "other.json")
    for client_id, assertion in (
        (client.client_id, "a.b.c"),
        (client.client_id, IDP.plain()),
        (other, IDP.id_jag(client)),
        (f"{other}\nforged line", IDP.id_jag(client)),
    ):
        credentials = {**published_client.signer(provider).form(), "client_id": client_id}
        send(client, assertion, 401, **credentials)
    assert not [url for url in host.fetched if url.startswith("https://client.example/oauth/")]
    assert "\nforged line" not in caplog.text


def test_no_other_grant_fetches_a_document(web: tuple[Provider, ClientWeb]) -> None:
    provider, host = web
    client = published_client.publish(host, provider)
    answer = client.token(status=401, grant_type="authorization_code", code="x").json
    assert answer["error"] == "invalid_client"
    assert host.fetched == []


def test_keys_that_cannot_be_fetched_are_an_invalid_grant(web: tuple[Provider, ClientWeb]) -> None:
    provider, _ = web
    assert send(register(provider), IDP.plain(), 400)["error"] == "invalid_grant"


# -- selection ---------------------------------------------------------------------------------


def test_the_metadata_name_the_grant_and_its_profile(
    provider: Provider, make_provider: Any, jwks: Path
) -> None:
    document = provider.browser().get("/.well-known/oauth-authorization-server").json
    assert JWT_BEARER in document["grant_types_supported"]
    profile = ["urn:ietf:params:oauth:grant-profile:id-jag"]
    assert document["authorization_grant_profiles_supported"] == profile
    plain = make_provider(
        oauth__grants="jwt_bearer", oauth__trusted_issuers=f"{ISSUER} {jwks} accepts=jwt"
    )
    document = plain.browser().get("/.well-known/oauth-authorization-server").json
    assert "authorization_grant_profiles_supported" not in document


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "trusted_issuers is empty"),
        ("https://idp.example", "cannot be read"),
        ("https://idp.example http://idp.example/jwks", "a URL begins with https://"),
        ("https://idp.example https://idp.example/jwks algs=HS256", "cannot be read"),
        ("https://idp.example https://idp.example/jwks algs=none", "cannot be read"),
        ("https://idp.example https://idp.example/jwks accepts=everything", "cannot be read"),
        ("https://idp.example https://idp.example/jwks relm=x", "cannot be read"),
        ("https://idp.example https://idp.example/jwks realm=", "cannot be read"),
        (f"{OWN_ISSUER} https://a.example/jwks", "is this provider itself"),
        ("https://a.example https://a.example/j\n https://a.example https://a.example/k", "once"),
    ],
)
def test_a_mistake_stops_the_start(make_provider: Any, line: str, sentence: str) -> None:
    with pytest.raises(ConfigurationProblem, match=sentence):
        make_provider(oauth__grants="jwt_bearer", oauth__trusted_issuers=line)


def test_a_file_that_cannot_be_read_is_the_first_that_is_said(make_provider: Any) -> None:
    with pytest.raises(ConfigurationProblem) as problem:
        make_provider(oauth__grants="jwt_bearer", oauth__trusted_issuers=f"{ISSUER} /missing.json")
    assert str(problem.value) == (
        "oauth.trusted_issuers: the file /missing.json cannot be read (No such file or directory)."
    )


def test_issuers_without_the_grant_stop_the_start(make_provider: Any, jwks: Path) -> None:
    with pytest.raises(ConfigurationProblem, match="does not select jwt_bearer"):
        make_provider(oauth__trusted_issuers=f"{ISSUER} {jwks}")


def test_a_file_with_a_private_key_stops_the_start(make_provider: Any, tmp_path: Path) -> None:
    path = tmp_path / "private.json"
    path.write_text(json.dumps({"keys": [KEY.as_dict(private=True)]}))
    with pytest.raises(ConfigurationProblem, match="holds a private"):
        make_provider(oauth__grants="jwt_bearer", oauth__trusted_issuers=f"{ISSUER} {path}")
