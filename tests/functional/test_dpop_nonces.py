"""Nonces of the server in DPoP proofs (RFC 9449 sections 8 and 9)."""

from typing import Any

import pytest
from dpop_client import BoundClient, get_token
from sqlalchemy import func, select
from support.app import Provider, RelyingParty
from support.dpop import ProofKey
from support.processes import free_port
from support.pushing import ENDPOINTS, post

from oidcserver.models import RecordedRejection, SuspendedRequest, UsedIdentifier

pytestmark = pytest.mark.both_databases

MakeProvider = Any


@pytest.fixture
def provider(make_provider: MakeProvider) -> Provider:
    made: Provider = make_provider(oauth__dpop_nonce="required")
    return made


@pytest.fixture
def client(provider: Provider) -> RelyingParty:
    return provider.register(token_endpoint_auth_method="none")


@pytest.fixture
def key() -> ProofKey:
    return ProofKey()


def exchange_form(client: RelyingParty, code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.client.redirect_uris[0],
        "code_verifier": client.verifier,
    }


def nonce_of(client: RelyingParty, key: ProofKey) -> str:
    """Return the nonce that the server gives with its error."""
    answer = client.token(
        grant_type="refresh_token", refresh_token="x", headers=key.for_token(client), status=400
    )
    assert answer.json["error"] == "use_dpop_nonce"
    nonce: str = answer.headers["DPoP-Nonce"]
    return nonce


def test_a_proof_without_the_nonce_is_answered_with_one_and_uses_nothing_up(
    provider: Provider, client: RelyingParty, key: ProofKey
) -> None:
    form = exchange_form(client, client.login(provider.browser())["code"])
    refused = client.token(**form, headers=key.for_token(client), status=400)
    assert refused.json["error"] == "use_dpop_nonce"
    nonce = refused.headers["DPoP-Nonce"]
    answer = client.token(**form, headers=key.for_token(client, nonce=nonce))
    assert answer.json["token_type"] == "DPoP"
    refresh = {"grant_type": "refresh_token", "refresh_token": answer.json["refresh_token"]}
    refused = client.token(**refresh, headers=key.for_token(client), status=400)
    assert refused.json["error"] == "use_dpop_nonce"
    nonce = refused.headers["DPoP-Nonce"]
    assert client.token(**refresh, headers=key.for_token(client, nonce=nonce)).json["access_token"]


def test_a_pushed_request_requires_the_nonce_too(make_provider: MakeProvider) -> None:
    provider = make_provider(oauth__dpop_nonce="required", oauth__endpoints=ENDPOINTS)
    client, key = provider.register(), ProofKey()

    def headers(**changes: Any) -> dict[str, str]:
        proof = key.proof("POST", f"{provider.issuer}/oauth/par", **changes)
        return {**client.basic(), "DPoP": proof}

    refused = post(client, headers=headers(), status=400)
    assert refused.json["error"] == "use_dpop_nonce"
    with provider.database() as dbsession:
        assert dbsession.scalar(select(func.count()).select_from(SuspendedRequest)) == 0
    answer = post(client, headers=headers(nonce=refused.headers["DPoP-Nonce"]), status=201)
    assert answer.headers["DPoP-Nonce"]


def test_a_request_that_has_to_repeat_itself_stores_nothing(
    provider: Provider, client: RelyingParty, key: ProofKey
) -> None:
    nonce_of(client, key)
    with provider.database() as dbsession:
        for model in (UsedIdentifier, RecordedRejection):
            assert dbsession.scalar(select(func.count()).select_from(model)) == 0


def test_every_answer_to_a_proof_brings_the_next_nonce(
    provider: Provider, client: RelyingParty, key: ProofKey
) -> None:
    form = exchange_form(client, client.login(provider.browser())["code"])
    headers = key.for_token(client, nonce=nonce_of(client, key))
    nonce = client.token(**form, headers=headers).headers["DPoP-Nonce"]
    # A code that was used before: the answer to an error has a nonce, too.
    refused = client.token(**form, headers=key.for_token(client, nonce=nonce), status=400)
    assert refused.json["error"] == "invalid_grant"
    assert refused.headers["DPoP-Nonce"]


@pytest.mark.parametrize("path", ["/oauth/userinfo", "/api/me"])
def test_a_resource_requires_the_nonce_with_status_401(
    provider: Provider, client: RelyingParty, key: ProofKey, path: str
) -> None:
    form = exchange_form(client, client.login(provider.browser())["code"])
    headers = key.for_token(client, nonce=nonce_of(client, key))
    token = client.token(**form, headers=headers).json["access_token"]
    uri = provider.issuer + path
    refused = client.http.get(path, headers=key.for_resource(uri, token), status=401)
    assert 'DPoP error="use_dpop_nonce"' in refused.headers["WWW-Authenticate"]
    assert refused.json["error"] == "use_dpop_nonce"
    nonce = refused.headers["DPoP-Nonce"]
    answer = client.http.get(path, headers=key.for_resource(uri, token, nonce=nonce))
    assert answer.json["sub"]
    assert answer.headers["DPoP-Nonce"]


@pytest.mark.parametrize("status", [400, 200])
def test_scripts_of_other_origins_can_read_the_nonce(
    provider: Provider, client: RelyingParty, key: ProofKey, status: int
) -> None:
    form = exchange_form(client, client.login(provider.browser())["code"])
    nonce = nonce_of(client, key) if status == 200 else ...
    headers = {**key.for_token(client, nonce=nonce), "Origin": "https://client.example"}
    answer = client.token(**form, headers=headers, status=status)
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://client.example")
    assert "DPoP-Nonce" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["DPoP-Nonce"]


def test_a_nonce_is_accepted_by_every_process_until_it_expires(
    make_provider: MakeProvider, client: RelyingParty, key: ProofKey, clock: Any
) -> None:
    nonce = nonce_of(client, key)
    other = RelyingParty(make_provider(oauth__dpop_nonce="required"), client.client, None)
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    clock.advance(280)
    answer = other.token(**form, headers=key.for_token(client, nonce=nonce), status=400)
    assert answer.json["error"] == "invalid_grant"
    clock.advance(30)
    answer = other.token(**form, headers=key.for_token(client, nonce=nonce), status=400)
    assert answer.json["error"] == "use_dpop_nonce"


def test_a_nonce_of_a_host_whose_clock_is_ahead_is_accepted(
    client: RelyingParty, key: ProofKey, clock: Any
) -> None:
    clock.advance(50)
    nonce = nonce_of(client, key)
    clock.advance(-50)
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    answer = client.token(**form, headers=key.for_token(client, nonce=nonce), status=400)
    assert answer.json["error"] == "invalid_grant"


@pytest.mark.parametrize("nonce", ["", "x", "00000000.AAAA", "\u00e9", "a" * 3000])
def test_a_text_that_is_no_nonce_of_ours_is_answered_with_one(
    client: RelyingParty, key: ProofKey, nonce: str
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    answer = client.token(**form, headers=key.for_token(client, nonce=nonce), status=400)
    assert answer.json["error"] == "use_dpop_nonce"


def test_what_was_sealed_for_another_purpose_is_no_nonce(
    provider: Provider, client: RelyingParty, key: ProofKey
) -> None:
    sealed = provider.registry.oidc.provider.sealer("another purpose").seal(b"2000000000")
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    answer = client.token(**form, headers=key.for_token(client, nonce=sealed), status=400)
    assert answer.json["error"] == "use_dpop_nonce"


def test_a_bad_proof_is_rejected_as_such(client: RelyingParty, key: ProofKey) -> None:
    headers = key.for_token(client, nonce=nonce_of(client, key), htm="GET")
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    answer = client.token(**form, headers=headers, status=400)
    assert answer.json["error"] == "invalid_dpop_proof"


def test_clients_without_dpop_are_not_concerned(provider: Provider) -> None:
    client = provider.register()
    answer = client.token(**exchange_form(client, client.login(provider.browser())["code"]))
    assert answer.json["token_type"] == "Bearer"
    assert "DPoP-Nonce" not in answer.headers


def test_without_the_setting_no_answer_has_a_nonce(make_provider: Any, key: ProofKey) -> None:
    client = make_provider().register(token_endpoint_auth_method="none")
    form = exchange_form(client, client.login(client.provider.browser())["code"])
    headers = key.for_token(client, nonce="a client may send what it likes")
    answer = client.token(**form, headers=headers)
    assert "DPoP-Nonce" not in answer.headers


@pytest.mark.parametrize("mode", ["never", "required"])
def test_the_client_of_the_documentation_gets_a_bound_token(
    make_provider: MakeProvider, serve: Any, mode: str
) -> None:
    port = free_port()
    issuer = f"http://localhost:{port}"
    provider: Provider = make_provider(oidc__issuer=issuer, oauth__dpop_nonce=mode)
    serve(provider.wsgi, port)
    client = provider.register(
        grant_types=["client_credentials"], redirect_uris=[], response_types=[], scope="profile"
    )
    bound = BoundClient()
    answer = get_token(bound, issuer, client.client_id, str(client.secret))
    assert answer["token_type"] == "DPoP"
    thumbprint = bound.key.thumbprint()
    assert client.introspect(answer["access_token"])["cnf"] == {"jkt": thumbprint}
    # The token is valid, but it is not about a user.
    assert bound.send("GET", f"{issuer}/api/me", answer["access_token"]).status == 403
