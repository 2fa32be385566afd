"""How clients authenticate at the endpoints, by each method, and how they do not."""

import json
import logging
import os
import re
import subprocess
import sys
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import webtest
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from sqlalchemy import func, select
from support.app import Provider, RelyingParty
from support.assertions import Signer
from support.client_host import JWKSHost
from support.processes import ServerProcess, free_port, write_ini

from oidcserver.clients.registration import rotate_client_secret
from oidcserver.models import RecordedRejection, UsedIdentifier
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

ROBOT = {
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "response_types": [],
    "scope": "email",
}
CREDENTIALS = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def private_keys() -> dict[str, Key]:
    rsa = RSAKey.generate_key(2048)
    ec, okp = ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")
    return {"RS256": rsa, "PS256": rsa, "ES256": ec, "Ed25519": okp, "EdDSA": okp}


def public(key: Key, **members: Any) -> dict[str, Any]:
    return {"keys": [{**key.as_dict(private=False), **members}]}


def register_signer(
    provider: Provider, private_keys: dict[str, Key], alg: str = "ES256", **metadata: Any
) -> tuple[RelyingParty, Signer]:
    """Register a robot that signs by ``alg``; return it and what makes its assertions."""
    if alg in private_keys:
        key = private_keys[alg]
        metadata = {
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": public(key),
            **metadata,
        }
        client = provider.register(**{**ROBOT, **metadata})
    else:
        metadata = {"token_endpoint_auth_method": "client_secret_jwt", **metadata}
        client = provider.register(**{**ROBOT, **metadata})
        key = OctKey.import_key(client.secret)
    return client, Signer(client.client_id, alg, key, provider.issuer)


# -- each method ----------------------------------------------------------------------------


def test_client_secret_basic(provider: Provider) -> None:
    client = provider.register(**ROBOT)
    for scheme in ("Basic", "basic", "BASIC"):
        headers = {"Authorization": client.basic()["Authorization"].replace("Basic", scheme)}
        assert "access_token" in client.post("/oauth/token", headers=headers, **CREDENTIALS).json


def test_client_secret_post(provider: Provider) -> None:
    client = provider.register(**ROBOT, token_endpoint_auth_method="client_secret_post")
    assert "access_token" in client.token(**CREDENTIALS).json


@pytest.mark.parametrize("registered", ["client_secret_basic", "client_secret_post"])
def test_a_secret_is_accepted_in_the_header_and_in_the_body_at_every_endpoint(
    make_provider: Any, registered: str
) -> None:
    for setting, other in (("either", 200), ("registered", 401)):
        provider = make_provider(oauth__client_secret_methods=setting)
        client = provider.register(**ROBOT, token_endpoint_auth_method=registered)
        body = {"client_id": client.client_id, "client_secret": client.secret}
        for form, headers in ((body, {}), ({}, client.basic())):
            own = (registered == "client_secret_basic") == bool(headers)
            for path in ("token", "introspect", "revoke"):
                client.http.post(
                    f"/oauth/{path}",
                    {**CREDENTIALS, "token": "x", **form},
                    headers=headers,
                    status=200 if own else other,
                )


def test_none_is_for_clients_that_keep_no_secret(provider: Provider) -> None:
    client = provider.register(
        **{**ROBOT, "grant_types": ["password"]}, token_endpoint_auth_method="none"
    )
    form = {"grant_type": "password", "username": "alice", "password": "valid"}
    assert "access_token" in client.token(**form).json
    client.http.post("/oauth/token", form, status=401)


def test_a_header_with_an_empty_secret_names_a_public_client(provider: Provider) -> None:
    client = provider.register(token_endpoint_auth_method="none")
    headers = {"Authorization": "Basic " + b64encode(f"{client.client_id}:".encode()).decode()}
    form = {
        "grant_type": "authorization_code",
        "code": client.login(provider.browser())["code"],
        "redirect_uri": client.client.redirect_uris[0],
        "code_verifier": client.verifier,
    }
    assert "access_token" in client.http.post("/oauth/token", form, headers=headers).json


def test_a_weak_key_in_a_jwk_set_is_passed_over(
    provider: Provider, private_keys: dict[str, Key]
) -> None:
    weak = {"kty": "RSA", "e": "AQAB", "n": urlsafe_b64encode(b"\xff" * 128).decode().rstrip("=")}
    keys = {
        "keys": [weak, {"kty": "AKP", "alg": "ML-DSA-44"}, *public(private_keys["ES256"])["keys"]]
    }
    client, signer = register_signer(provider, private_keys, "ES256", jwks=keys)
    assert "access_token" in client.http.post("/oauth/token", CREDENTIALS | signer.form()).json


@pytest.mark.parametrize(
    "alg", ["RS256", "PS256", "ES256", "Ed25519", "EdDSA", "HS256", "HS384", "HS512"]
)
def test_assertions_by_every_algorithm(
    provider: Provider, private_keys: dict[str, Key], alg: str
) -> None:
    client, signer = register_signer(
        provider, private_keys, alg, token_endpoint_auth_signing_alg=alg
    )
    for audience in (provider.issuer, [f"{provider.issuer}/oauth/token"]):
        form = signer.form(signer.assertion(aud=audience))
        assert "access_token" in client.token(**CREDENTIALS, **form).json


def test_one_registration_holds_at_every_endpoint(
    provider: Provider, private_keys: dict[str, Key]
) -> None:
    client, signer = register_signer(provider, private_keys)
    token = client.token(**CREDENTIALS, **signer.form()).json["access_token"]
    seen = client.post("/oauth/introspect", token=token, **signer.form(), status=200).json
    assert seen["client_id"] == client.client_id
    own = signer.form(signer.assertion(aud=f"{provider.issuer}/oauth/revoke"))
    client.post("/oauth/revoke", token=token, **own, status=200)
    seen = client.post("/oauth/introspect", token=token, **signer.form(), status=200).json
    assert seen == {"active": False}
    client.post("/oauth/introspect", token=token, status=401)


def test_a_public_client_does_not_introspect(provider: Provider) -> None:
    client = provider.register(token_endpoint_auth_method="none")
    response = client.post("/oauth/introspect", token="x", status=401)
    assert response.json["error"] == "invalid_client"


def test_both_secrets_hold_for_a_while_after_a_rotation(provider: Provider, clock: Any) -> None:
    client, old = register_signer(provider, {}, "HS256")
    with provider.database() as dbsession:
        row = dbsession.merge(client.client)
        secret = rotate_client_secret(provider.registry.oidc.provider, dbsession, row)
    new = Signer(client.client_id, "HS256", OctKey.import_key(secret), provider.issuer)
    for signer in (old, new):
        assert "access_token" in client.token(**CREDENTIALS, **signer.form()).json
    clock.advance(provider.registry.oidc.provider.settings["oauth.client_secret_overlap"] + 1)
    client.token(**CREDENTIALS, **old.form(), status=401)
    assert "access_token" in client.token(**CREDENTIALS, **new.form()).json


# -- what is rejected ------------------------------------------------------------------------


def test_several_methods_at_once_are_an_invalid_request(
    provider: Provider, private_keys: dict[str, Key]
) -> None:
    client = provider.register(**ROBOT)
    secret = {"client_id": client.client_id, "client_secret": client.secret}
    _, signer = register_signer(provider, private_keys)
    for form, headers in (
        (secret, client.basic()),
        (signer.form(), client.basic()),
        (secret | signer.form(), {}),
    ):
        response = client.http.post("/oauth/token", CREDENTIALS | form, headers=headers, status=400)
        assert response.json["error"] == "invalid_request"


def test_unknown_client_and_wrong_secret_get_the_same_answer_to_the_byte(
    provider: Provider, private_keys: dict[str, Key]
) -> None:
    client = provider.register(**ROBOT)
    public_client = provider.register(token_endpoint_auth_method="none")
    _, signer = register_signer(provider, private_keys)
    used = signer.form()
    client.http.post("/oauth/token", CREDENTIALS | used)

    def basic(client_id: str, secret: str) -> dict[str, str]:
        credentials = b64encode(f"{client_id}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {credentials}"}

    attempts: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, basic(client.client_id, "wrong")),
        ({}, basic("unknown", "wrong")),
        ({}, basic("\0", "\0")),
        ({}, {"Authorization": "Basic x"}),
        ({}, {"Authorization": "Bearer x"}),
        ({"client_id": client.client_id, "client_secret": "wrong"}, {}),
        ({"client_id": signer.client_id, "client_secret": "wrong"}, {}),
        ({"client_id": public_client.client_id, "client_secret": "x"}, {}),
        ({"client_id": client.client_id}, {}),
        ({"client_id": "unknown"}, {}),
        (used, {}),
        (signer.form("x"), {}),
        ({}, {}),
    ]
    answers = set()
    for form, headers in attempts:
        response = client.http.post("/oauth/token", CREDENTIALS | form, headers=headers, status=401)
        assert response.headers.pop("Error-Reference")
        answers.add((response.body, tuple(sorted(response.headerlist))))
    assert len(answers) == 1
    assert response.json["error"] == "invalid_client"
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert response.headers["Cache-Control"] == "no-store"


def test_those_who_run_the_server_learn_why(
    provider: Provider, private_keys: dict[str, Key], caplog: pytest.LogCaptureFixture
) -> None:
    client, signer = register_signer(provider, private_keys)
    with caplog.at_level(logging.INFO, logger="oidcserver"):
        form = signer.form(signer.assertion(aud="https://elsewhere.example"))
        response = client.token(**CREDENTIALS, **form, status=401)
    expected = {
        "method": "private_key_jwt",
        "reason": 'aud is not exactly this provider: "https://elsewhere.example".',
        "client_id": client.client_id,
    }
    lines = [record.getMessage() for record in caplog.records]
    logged = [json.loads(line.partition(" ")[2]) for line in lines if line.startswith("rejected ")]
    assert [line["received"] for line in logged] == [expected]
    assert logged[0]["rule"] == "RFC 7523 section 3"
    with provider.database() as dbsession:
        assert dbsession.scalars(select(RecordedRejection.received)).all() == [expected]
    assert "elsewhere" not in response.text
    assert form["client_assertion"] not in caplog.text


def test_no_bomb_takes_long_or_gets_far(provider: Provider, private_keys: dict[str, Key]) -> None:
    client, signer = register_signer(provider, private_keys)
    for assertion in ("a" * 4000, "." * 4000, "a" * 60000, signer.sign("[" * 2900)):
        response = client.token(**CREDENTIALS, **signer.form(assertion), status="*")
        assert 400 <= response.status_int < 500


# -- one use --------------------------------------------------------------------------------


def test_an_assertion_is_used_up_also_after_a_restart(
    make_provider: Any, private_keys: dict[str, Key], clock: Any
) -> None:
    client, signer = register_signer(make_provider(), private_keys)
    form = signer.form()
    client.token(**CREDENTIALS, **form)
    client.token(**CREDENTIALS, **form, status=401)
    client.http = webtest.TestApp(make_provider().wsgi)
    client.token(**CREDENTIALS, **form, status=401)
    clock.advance(60 + 11)
    client.token(**CREDENTIALS, **form, status=401)


def test_an_assertion_that_was_accepted_is_used_up_by_a_request_that_was_not(
    provider: Provider, private_keys: dict[str, Key]
) -> None:
    client, signer = register_signer(provider, private_keys)
    form = signer.form()
    refused = client.token(**CREDENTIALS, scope="unheard-of", **form, status=400)
    assert refused.json["error"] == "invalid_scope"
    client.token(**CREDENTIALS, **form, status=401)


def test_of_many_threads_one_uses_an_assertion(
    make_provider: Any, private_keys: dict[str, Key]
) -> None:
    provider = make_provider()
    _, signer = register_signer(provider, private_keys)
    app = webtest.TestApp(provider.wsgi)
    threads = 4

    def present(form: dict[str, str], ready: threading.Barrier) -> int:
        ready.wait()
        status: int = app.post("/oauth/token", form, status="*").status_int
        return status

    with ThreadPoolExecutor(threads) as pool:
        for _ in range(10):
            form, ready = CREDENTIALS | signer.form(), threading.Barrier(threads)
            futures = [pool.submit(present, form, ready) for _ in range(threads)]
            statuses = sorted(future.result() for future in futures)
            assert statuses == [200, *[401] * (threads - 1)]
    with provider.database() as dbsession:
        assert dbsession.scalar(select(func.count()).select_from(UsedIdentifier)) == 10


# Reads forms from standard input, each of which it posts at once when told; prints the statuses.
PRESENT = """
import sys, urllib.error, urllib.request

def present(body):
    try:
        with urllib.request.urlopen(sys.argv[1], body.encode(), timeout=60) as response:
            return response.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code

for body in sys.stdin:
    print(present(body.strip()), flush=True)
"""


@pytest.mark.races
def test_of_several_servers_one_accepts_an_assertion(
    make_provider: Any, private_keys: dict[str, Key], provider_url: str, tmp_path: Path
) -> None:
    rounds = 1000 if os.environ.get("RACES") == "full" else 50
    ports = [free_port(), free_port()]
    issuer = f"http://127.0.0.1:{ports[0]}"
    settings = {"oidc__issuer": issuer, "oidcserver__database_url": provider_url}
    _, signer = register_signer(make_provider(**settings), private_keys)
    inis = [
        write_ini(tmp_path / f"{port}.ini", port, **settings, oauth__grants="client_credentials")
        for port in ports
    ]
    with ServerProcess(inis[0], ports[0]) as first, ServerProcess(inis[1], ports[1]) as second:
        posters = [
            subprocess.Popen(
                [sys.executable, "-c", PRESENT, f"{server.url}/oauth/token"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for server in (first, second) * 2
        ]  # fmt: skip
        for _ in range(rounds):
            body = urlencode(CREDENTIALS | signer.form())
            for poster in posters:
                poster.stdin.write(f"{body}\n")
                poster.stdin.flush()
            statuses = sorted(int(poster.stdout.readline()) for poster in posters)
            assert statuses == [200, 401, 401, 401]
        for poster in posters:
            poster.communicate(timeout=10)


# -- keys that the client publishes ---------------------------------------------------------


@pytest.fixture
def host() -> Iterator[JWKSHost]:
    host = JWKSHost()
    yield host
    host.close()


Publish = Callable[..., tuple[RelyingParty, Signer]]


@pytest.fixture
def publish(make_provider: Any, private_keys: dict[str, Key], host: JWKSHost) -> Publish:
    """Register a robot whose keys stand at its host."""

    def register(**settings: Any) -> tuple[RelyingParty, Signer]:
        provider = make_provider(oauth__outbound_allow_loopback="true", **settings)
        client, signer = register_signer(provider, private_keys)
        with provider.database() as dbsession:
            row = dbsession.merge(client.client)
            members = {k: v for k, v in row.client_metadata.items() if k != "jwks"}
            row.client_metadata = {**members, "jwks_uri": host.uri}
        host.document = public(signer.key, kid="1")
        return client, signer

    return register


def published(signer: Signer, **header: Any) -> dict[str, str]:
    return CREDENTIALS | signer.form(signer.sign(signer.claims(), **header))


def test_published_keys_are_fetched_once_and_again_after_a_rotation(
    publish: Publish, host: JWKSHost, clock: Any
) -> None:
    client, signer = publish()
    for _ in range(3):
        client.token(**published(signer, kid="1"))
    assert len(host.requests) == 1
    new = Signer(client.client_id, "ES256", ECKey.generate_key("P-256"), signer.audience)
    host.document["keys"] += public(new.key, kid="2")["keys"]
    clock.advance(11)
    client.token(**published(new, kid="2"))
    client.token(**published(signer, kid="1"))
    assert len(host.requests) == 2
    client.token(**published(new, kid="1"), status=401)


def test_a_host_with_no_keys_or_none_that_fits_is_a_refusal(
    publish: Publish, host: JWKSHost, caplog: pytest.LogCaptureFixture
) -> None:
    client, signer = publish()
    host.document = {"keys": []}
    with caplog.at_level(logging.INFO, logger="oidcserver"):
        client.token(**published(signer), status=401)
    assert re.search("The JWK Set holds no key", caplog.text)


def test_nobody_else_waits_for_a_slow_host(publish: Publish, host: JWKSHost) -> None:
    slow, signer = publish()
    quick = slow.provider.register(**ROBOT)
    host.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(slow.token, **published(signer))
        assert host.asked.wait(10)
        assert "access_token" in quick.token(**CREDENTIALS).json
        assert not waiting.done()
        host.may_answer.set()
        assert "access_token" in waiting.result(10).json


# -- what discovery says, and what stops the start ------------------------------------------


def discovery(provider: Provider) -> dict[str, Any]:
    document: dict[str, Any] = provider.browser().get("/.well-known/openid-configuration").json
    return document


def test_discovery_names_the_selected_methods_and_their_algorithms(make_provider: Any) -> None:
    document = discovery(
        make_provider(oauth__token_endpoint_auth_methods="private_key_jwt client_secret_basic none")
    )
    methods = ["private_key_jwt", "client_secret_basic", "none"]
    assert document["token_endpoint_auth_methods_supported"] == methods
    assert document["revocation_endpoint_auth_methods_supported"] == methods
    assert document["introspection_endpoint_auth_methods_supported"] == methods[:2]
    for endpoint in ("token", "revocation", "introspection"):
        algorithms = document[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
        assert algorithms == ["RS256", "PS256", "ES256", "Ed25519", "EdDSA"]


def test_discovery_names_no_algorithm_where_nobody_signs(make_provider: Any) -> None:
    document = discovery(make_provider(oauth__token_endpoint_auth_methods="client_secret_post"))
    assert not [member for member in document if "auth_signing_alg" in member]


def test_discovery_names_no_method_of_an_endpoint_that_is_not_there(make_provider: Any) -> None:
    document = discovery(make_provider(oauth__endpoints="token jwks openid_configuration"))
    named = [member for member in document if member.endswith("_endpoint_auth_methods_supported")]
    assert named == ["token_endpoint_auth_methods_supported"]


def test_the_configuration_narrows_the_algorithms(
    make_provider: Any, private_keys: dict[str, Key]
) -> None:
    provider = make_provider(
        oauth__token_endpoint_auth_methods="private_key_jwt",
        oauth__token_endpoint_auth_signing_algs="PS256 ES256 EdDSA",
    )
    document = discovery(provider)
    assert document["token_endpoint_auth_signing_alg_values_supported"] == [
        "PS256", "ES256", "EdDSA",
    ]  # fmt: skip
    client, signer = register_signer(provider, private_keys, "RS256")
    client.token(**CREDENTIALS, **signer.form(), status=401)
    signer.alg = "PS256"
    client.token(**CREDENTIALS, **signer.form())


def test_a_strict_audience_is_the_issuer_as_a_string(
    make_provider: Any, private_keys: dict[str, Key]
) -> None:
    provider = make_provider(oauth__assertion_audience="issuer")
    client, signer = register_signer(provider, private_keys)
    client.token(**CREDENTIALS, **signer.form())
    for aud in ([provider.issuer], f"{provider.issuer}/oauth/token"):
        client.token(**CREDENTIALS, **signer.form(signer.assertion(aud=aud)), status=401)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"oauth__token_endpoint_auth_signing_algs": "RS256 none HS256"}, "not none"),
        (
            {"oauth__token_endpoint_auth_signing_algs": "PS256"},
            "selects client_secret_jwt, but oauth.token_endpoint_auth_signing_algs has none",
        ),
        ({"oauth__assertion_audience": "anybody"}, "one of issuer_or_endpoint, issuer"),
        ({"oauth__token_endpoint_auth_methods": "tls"}, "names 'tls', which nobody offers"),
    ],
)
def test_a_contradiction_stops_the_start(
    make_provider: Any, settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationProblem, match=re.escape(sentence)):
        make_provider(**settings)
