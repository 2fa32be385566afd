"""Tokens that are bound to a key by DPoP (RFC 9449): from the request to the resource."""

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select
from support.app import Provider, RelyingParty
from support.dpop import ALGORITHMS, ProofKey, with_proof

from oidcserver import clock as oidcserver_clock
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.models import RefreshToken, UsedIdentifier
from oidcserver.settings import ConfigurationProblem

pytestmark = pytest.mark.both_databases

ROBOT: dict[str, Any] = {
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "response_types": [],
    "scope": "email",
}
PUBLIC = {"token_endpoint_auth_method": "none"}


@pytest.fixture
def key() -> ProofKey:
    return ProofKey()


@pytest.fixture
def robot(provider: Provider) -> RelyingParty:
    return provider.register(**ROBOT)


def get_token(client: RelyingParty, key: ProofKey, **changes: Any) -> str:
    """Return a token of the client's own."""
    headers = key.for_token(client, **changes)
    token: str = client.token(grant_type="client_credentials", headers=headers).json["access_token"]
    return token


def code_of(client: RelyingParty, **changes: Any) -> str:
    return client.login(client.provider.browser(), **changes)["code"]


def sign_in(client: RelyingParty, key: ProofKey, **changes: Any) -> dict[str, Any]:
    """Return the tokens of a new authorization."""
    return client.exchange(code_of(client, **changes), headers=key.for_token(client))


def userinfo(client: RelyingParty, *, status: int = 200, **headers: str) -> Any:
    return client.http.get("/oauth/userinfo", headers=headers, status=status)


def at_userinfo(client: RelyingParty, key: ProofKey, token: str, **changes: Any) -> dict[str, str]:
    return key.for_resource(f"{client.provider.issuer}/oauth/userinfo", token, **changes)


# -- the token endpoint ----------------------------------------------------------------------


@pytest.mark.parametrize("alg", ALGORITHMS[:3])
def test_a_token_is_bound_to_the_key_of_the_proof(provider: Provider, alg: str) -> None:
    client, key = provider.register(), ProofKey(alg)
    tokens = sign_in(client, key)
    assert tokens["token_type"] == "DPoP"
    found = client.introspect(tokens["access_token"])
    assert (found["token_type"], found["cnf"]) == ("DPoP", {"jkt": key.thumbprint})
    person = userinfo(client, **at_userinfo(client, key, tokens["access_token"]))
    assert person.json["preferred_username"] == "alice"


def test_a_signed_token_names_the_key_too(make_provider: Any, key: ProofKey) -> None:
    provider = make_provider(oauth__access_token_format="jwt")
    client = provider.register()
    token = sign_in(client, key)["access_token"]
    assert token.count(".") == 2
    assert client.introspect(token)["cnf"] == {"jkt": key.thumbprint}
    userinfo(client, **at_userinfo(client, key, token))


def test_a_request_without_a_proof_gets_a_bearer_token(robot: RelyingParty) -> None:
    answer = robot.token(grant_type="client_credentials").json
    assert answer["token_type"] == "Bearer"
    found = robot.introspect(answer["access_token"])
    assert found["token_type"] == "Bearer"
    assert "cnf" not in found


def test_every_grant_binds_its_tokens(provider: Provider, key: ProofKey) -> None:
    client = provider.register(grant_types=["password", "refresh_token"], response_types=[])
    form = {"grant_type": "password", "username": "alice", "password": "valid", "scope": "openid"}
    tokens = client.token(headers=key.for_token(client), **form).json
    assert tokens["token_type"] == "DPoP"
    assert "id_token" in tokens


def test_discovery_names_the_algorithms(make_provider: Any) -> None:
    def promised(**settings: str) -> Any:
        http = make_provider(**settings).browser()
        return http.get("/.well-known/openid-configuration").json.get(
            "dpop_signing_alg_values_supported"
        )

    assert promised() == ["ES256", "PS256", "Ed25519", "EdDSA"]
    assert promised(oauth__dpop_signing_algs="PS256") == ["PS256"]
    assert promised(oauth__sender_constraints="") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "GET"}, {"htm": "post"}, {"htu": "https://evil.example/oauth/token"}, {"htu": 5},
        {"iat": "now"}, {"iat": None}, {"iat": 1}, {"jti": ...}, {"jti": ""}, {"iat": 2**62},
    ],
)  # fmt: skip
def test_a_proof_that_does_not_fit_is_rejected(robot: RelyingParty, changes: Any) -> None:
    answer = robot.token(
        grant_type="client_credentials",
        headers=ProofKey().for_token(robot, **changes),
        status=400,
    )
    assert answer.json["error"] == "invalid_dpop_proof"
    assert "access_token" not in answer.json
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "x" * 10000, "\u00ff", "a, b", "e30.e30.AAAA"])
def test_what_is_no_proof_is_rejected(robot: RelyingParty, text: str) -> None:
    answer = robot.token(
        grant_type="client_credentials", headers=with_proof(robot, text), status=400
    )
    assert answer.json["error"] == "invalid_dpop_proof"


def test_a_header_of_sixty_kilobytes_is_too_large(robot: RelyingParty) -> None:
    headers = with_proof(robot, "x" * 60000)
    robot.token(grant_type="client_credentials", headers=headers, status=431)


def test_an_algorithm_that_is_not_selected_is_rejected(robot: RelyingParty) -> None:
    headers = ProofKey("RS256").for_token(robot)
    answer = robot.token(grant_type="client_credentials", headers=headers, status=400)
    assert answer.json["error"] == "invalid_dpop_proof"


def test_the_public_url_counts_whatever_a_stranger_sends(
    robot: RelyingParty, key: ProofKey, caplog: pytest.LogCaptureFixture
) -> None:
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Host": "evil.example",
    }
    assert get_token(robot, key)
    headers = {**key.for_token(robot), **forged}
    robot.token(grant_type="client_credentials", headers=headers)
    headers = {**key.for_token(robot, htu="https://evil.example/oauth/token"), **forged}
    with caplog.at_level(logging.INFO, "oidcserver.rejections"):
        answer = robot.token(grant_type="client_credentials", headers=headers, status=400)
    assert answer.json["error"] == "invalid_dpop_proof"
    assert "evil.example" not in answer.text
    assert "https://evil.example/oauth/token" in caplog.text
    assert f"{robot.provider.issuer}/oauth/token" in caplog.text


def test_without_dpop_selected_there_is_no_step_and_the_header_is_nothing(
    make_provider: Any, key: ProofKey
) -> None:
    provider = make_provider(oauth__sender_constraints="")
    flows = provider.registry.oidc.provider.flows
    names = {step.name for flow in flows.values() for step in flow}
    assert not {"check_proof", "spend_proof", "check_dpop_jkt", "require_constraint"} & names
    assert "require_registered_keys" in names
    client = provider.register()
    tokens = client.exchange(
        code_of(client, dpop_jkt="not looked at"), headers=with_proof(client, "x")
    )
    assert tokens["token_type"] == "Bearer"
    refused = userinfo(client, status=401, **at_userinfo(client, key, tokens["access_token"]))
    assert refused.headers["WWW-Authenticate"] == "Bearer"


# -- replay ------------------------------------------------------------------------------------


def test_a_proof_works_once_at_all_endpoints(provider: Provider, key: ProofKey) -> None:
    client = provider.register(**{**ROBOT, "scope": "openid profile"})
    headers = key.for_token(client, jti="one")
    assert client.token(grant_type="client_credentials", headers=headers).json["access_token"]
    again = client.token(grant_type="client_credentials", headers=headers, status=400).json
    assert again["error"] == "invalid_dpop_proof"
    assert "used before" in again["error_description"]
    other = key.for_token(client, jti="one", htu=f"{provider.issuer}/oauth/token?another=query")
    answer = client.token(grant_type="client_credentials", headers=other, status=400)
    assert answer.json["error"] == "invalid_dpop_proof"
    signed_in = provider.register()
    token = sign_in(signed_in, key)["access_token"]
    refused = userinfo(signed_in, status=401, **at_userinfo(signed_in, key, token, jti="one"))
    assert 'error="invalid_dpop_proof"' in refused.headers["WWW-Authenticate"]


def test_the_same_identifier_of_another_key_is_another_proof(robot: RelyingParty) -> None:
    for key in (ProofKey(), ProofKey()):
        assert get_token(robot, key, jti="one")


def test_of_several_requests_with_one_proof_one_gets_a_token(
    provider: Provider, robot: RelyingParty, key: ProofKey
) -> None:
    def attempt(headers: dict[str, str]) -> str:
        form = {"grant_type": "client_credentials"}
        answer = RelyingParty(provider, robot.client, robot.secret).token(
            headers=headers, status="*", **form
        )
        assert answer.status_int in (200, 400)
        return str(answer.json.get("error", ""))

    for _ in range(5):
        headers = key.for_token(robot)
        with ThreadPoolExecutor(4) as pool:
            errors = sorted(pool.map(attempt, [headers] * 4))
        assert errors == ["", *["invalid_dpop_proof"] * 3]


def test_a_used_proof_is_remembered_for_as_long_as_it_is_recent(
    provider: Provider, robot: RelyingParty, key: ProofKey, clock: Any
) -> None:
    headers = key.for_token(robot, iat=oidcserver_clock.now() + 5)
    robot.token(grant_type="client_credentials", headers=headers)
    clock.advance(60)
    again = robot.token(grant_type="client_credentials", headers=headers, status=400)
    assert "used before" in again.json["error_description"]
    with provider.database() as dbsession:
        expires_at = dbsession.scalar(select(UsedIdentifier.expires_at))
    assert expires_at is not None
    assert expires_at >= oidcserver_clock.now(), "prune keeps it until then"


def test_a_request_that_fails_before_leaves_nothing_behind(
    provider: Provider, key: ProofKey
) -> None:
    client = provider.register(**PUBLIC)
    for code in ("ac_unknown", "x"):
        client.exchange(code, headers=key.for_token(client), status=400)
    with provider.database() as dbsession:
        assert dbsession.scalar(select(func.count()).select_from(UsedIdentifier)) == 0


# -- authorization codes ------------------------------------------------------------------------


@pytest.mark.parametrize("metadata", [{}, PUBLIC])
def test_a_code_is_redeemed_with_the_key_that_the_request_named(
    provider: Provider, key: ProofKey, metadata: Any
) -> None:
    client = provider.register(**metadata)
    code = code_of(client, dpop_jkt=key.thumbprint)
    wrong = client.exchange(code, headers=ProofKey().for_token(client), status=400)
    assert wrong["error"] == "invalid_grant"
    assert client.exchange(code, status=400)["error"] == "invalid_grant"
    tokens = client.exchange(code, headers=key.for_token(client))
    assert tokens["token_type"] == "DPoP", "rejected attempts leave the code usable"


def test_a_malformed_thumbprint_is_rejected(provider: Provider) -> None:
    client = provider.register()
    for thumbprint in ("x", "a" * 44, "\u00e9" * 43):
        answer = client.answer(client.authorize(provider.browser(), dpop_jkt=thumbprint))
        assert answer["error"] == "invalid_request"


def test_the_key_is_kept_while_the_user_signs_in(provider: Provider, key: ProofKey) -> None:
    client, browser = provider.register(), provider.browser()
    page = client.authorize(browser, dpop_jkt=key.thumbprint)
    assert "login" in page.forms
    code = client.answer(client.complete(page))["code"]
    assert client.exchange(code, headers=ProofKey().for_token(client), status=400)
    assert client.exchange(code, headers=key.for_token(client))


# -- refresh tokens -------------------------------------------------------------------------------


def test_the_refresh_token_of_a_public_client_is_bound_to_its_key(
    provider: Provider, key: ProofKey
) -> None:
    client = provider.register(**PUBLIC)
    refresh_token = sign_in(client, key)["refresh_token"]
    other = client.refresh(refresh_token, headers=ProofKey().for_token(client), status=400)
    assert other["error"] == "invalid_grant"
    assert client.refresh(refresh_token, status=400)["error"] == "invalid_grant"
    tokens = client.refresh(refresh_token, headers=key.for_token(client))
    assert tokens["token_type"] == "DPoP"
    again = client.refresh(
        tokens["refresh_token"], headers=ProofKey().for_token(client), status=400
    )
    assert again["error"] == "invalid_grant", "the successor is bound, too"


def test_a_confidential_client_refreshes_with_a_new_key(provider: Provider, key: ProofKey) -> None:
    client, new = provider.register(), ProofKey("EdDSA")
    refresh_token = sign_in(client, key)["refresh_token"]
    tokens = client.refresh(refresh_token, headers=new.for_token(client))
    assert client.introspect(tokens["access_token"])["cnf"] == {"jkt": new.thumbprint}
    unbound = client.refresh(tokens["refresh_token"])
    assert unbound["token_type"] == "Bearer"


def test_a_retry_with_another_key_does_not_get_the_successor(
    provider: Provider, key: ProofKey
) -> None:
    client = provider.register(**PUBLIC)
    refresh_token = sign_in(client, key)["refresh_token"]
    successor = client.refresh(refresh_token, headers=key.for_token(client))["refresh_token"]
    thief = client.refresh(refresh_token, headers=ProofKey().for_token(client), status=400)
    assert thief["error"] == "invalid_grant"
    assert client.refresh(refresh_token, status=400)["error"] == "invalid_grant"
    owner = client.refresh(refresh_token, headers=key.for_token(client))
    assert owner["refresh_token"] == successor
    assert client.refresh(successor, headers=key.for_token(client)), "the family is alive"


def test_a_retry_of_a_confidential_client_has_the_same_key(
    provider: Provider, key: ProofKey
) -> None:
    """Its refresh token is bound to none, but the repetition of a request has the same key."""
    client = provider.register()
    refresh_token = sign_in(client, key)["refresh_token"]
    successor = client.refresh(refresh_token, headers=key.for_token(client))["refresh_token"]
    for other in (ProofKey().for_token(client), client.basic()):
        assert client.refresh(refresh_token, headers=other, status=400)["error"] == "invalid_grant"
    again = client.refresh(refresh_token, headers=key.for_token(client))
    assert again["refresh_token"] == successor


def test_an_unbound_refresh_token_is_bound_when_a_proof_comes(
    provider: Provider, key: ProofKey
) -> None:
    client = provider.register(**PUBLIC)
    tokens = client.exchange(code_of(client))
    bound = client.refresh(tokens["refresh_token"], headers=key.for_token(client))
    assert client.refresh(bound["refresh_token"], status=400)["error"] == "invalid_grant"


def test_a_bound_refresh_token_stays_bound_when_dpop_is_not_selected_any_more(
    make_provider: Any, key: ProofKey
) -> None:
    client = make_provider().register(**PUBLIC)
    tokens = sign_in(client, key)
    later = RelyingParty(make_provider(oauth__sender_constraints=""), client.client, None)
    assert later.refresh(tokens["refresh_token"], status=400)["error"] == "invalid_grant"
    later.userinfo(tokens["access_token"], status=401)


def test_the_database_holds_the_thumbprint_alone(provider: Provider, key: ProofKey) -> None:
    for metadata, kept in (({}, None), (PUBLIC, {"jkt": key.thumbprint})):
        client = provider.register(**metadata)
        sign_in(client, key)
        with provider.database() as dbsession:
            found = dbsession.scalars(
                select(RefreshToken.confirmation).where(RefreshToken.client_id == client.client_id)
            ).all()
        assert found == [kept]


# -- clients that require it ----------------------------------------------------------------------


def test_a_client_that_registered_bound_tokens_gets_no_others(
    provider: Provider, key: ProofKey
) -> None:
    client = provider.register(**ROBOT, dpop_bound_access_tokens=True)
    refused = client.token(grant_type="client_credentials", status=400).json
    assert refused["error"] == "invalid_dpop_proof"
    assert get_token(client, key)


def test_such_a_client_loses_no_code_and_no_refresh_token_without_a_proof(
    provider: Provider, key: ProofKey
) -> None:
    client = provider.register(dpop_bound_access_tokens=True)
    code = code_of(client)
    assert client.exchange(code, status=400)["error"] == "invalid_dpop_proof"
    tokens = client.exchange(code, headers=key.for_token(client))
    refresh_token = tokens["refresh_token"]
    assert client.refresh(refresh_token, status=400)["error"] == "invalid_dpop_proof"
    assert client.refresh(refresh_token, headers=key.for_token(client))


@pytest.mark.parametrize("response_type", ["token", "code token", "id_token token"])
def test_such_a_client_registers_no_response_type_with_a_token(
    make_provider: Any, response_type: str
) -> None:
    provider = make_provider(
        oauth__registration="open",
        oauth__endpoints="authorization token jwks registration client_configuration",
    )
    answer = provider.browser().post_json(
        "/oauth/register",
        {
            "redirect_uris": ["https://client.example/cb"],
            "grant_types": ["authorization_code", "implicit"],
            "response_types": ["code", response_type, "id_token"],
            "dpop_bound_access_tokens": True,
        },
        status=400,
    )
    assert answer.json["error"] == "invalid_client_metadata"
    assert "dpop_bound_access_tokens" in answer.json["error_description"]


def test_such_a_client_gets_no_token_in_the_front_channel(provider: Provider) -> None:
    client = provider.register(
        grant_types=["authorization_code", "implicit"], response_types=["code", "id_token token"]
    )
    with provider.database() as dbsession:
        # As if it had been registered before the rule.
        row = dbsession.merge(client.client)
        row.client_metadata = {**row.client_metadata, "dpop_bound_access_tokens": True}
    page = client.authorize(provider.browser(), response_type="id_token token")
    answer = client.answer(page)
    assert answer["error"] == "unauthorized_client"
    assert "access_token" not in answer
    assert "code" in client.login(provider.browser())


def test_the_member_needs_dpop(make_provider: Any) -> None:
    provider = make_provider(oauth__sender_constraints="")
    with pytest.raises(
        InvalidClientMetadata, match="dpop_bound_access_tokens is not available here"
    ):
        provider.register(dpop_bound_access_tokens=True)
    assert provider.register(dpop_bound_access_tokens=False)


def test_it_gets_no_token_when_dpop_is_not_selected_any_more(
    make_provider: Any, key: ProofKey, caplog: pytest.LogCaptureFixture
) -> None:
    before = make_provider()
    codes = before.register(dpop_bound_access_tokens=True)
    robot = before.register(client_id="robot", **ROBOT, dpop_bound_access_tokens=True)
    fronted = before.register(
        grant_types=["authorization_code", "implicit"], response_types=["code", "id_token token"]
    )
    with before.database() as dbsession:
        row = dbsession.merge(fronted.client)
        row.client_metadata = {**row.client_metadata, "dpop_bound_access_tokens": True}
    tokens = sign_in(codes, key)
    with caplog.at_level(logging.WARNING, "oidcserver.start"):
        later = make_provider(oauth__sender_constraints="")
    named = ", ".join(sorted([codes.client_id, "robot", fronted.client_id]))
    assert [record.getMessage() for record in caplog.records] == [
        "oauth.sender_constraints does not select dpop: these clients get no tokens, because they "
        f"have dpop_bound_access_tokens = true: {named}."
    ]
    codes, robot, fronted = (
        RelyingParty(later, each.client, each.secret) for each in (codes, robot, fronted)
    )
    answers = [
        robot.token(grant_type="client_credentials", status=400).json,
        codes.exchange(code_of(codes), status=400),
        codes.refresh(tokens["refresh_token"], headers=key.for_token(codes), status=400),
    ]
    for answer in answers:
        assert answer["error"] == "invalid_request"
        assert "the server binds no tokens by dpop" in answer["error_description"]
    page = fronted.authorize(later.browser(), response_type="id_token token")
    assert fronted.answer(page)["error"] == "unauthorized_client"
    codes = RelyingParty(before, codes.client, codes.secret)
    assert codes.refresh(tokens["refresh_token"], headers=key.for_token(codes))


def test_the_provider_can_require_bound_tokens_of_every_client(
    make_provider: Any, key: ProofKey
) -> None:
    provider = make_provider(oauth__require_sender_constraint="true", oauth__response_types="code")
    client = provider.register(**ROBOT)
    refused = client.token(grant_type="client_credentials", status=400).json
    assert refused["error"] == "invalid_dpop_proof"
    assert get_token(client, key)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"oauth__sender_constraints": ""}, "select dpop, mtls or both"),
        ({"oauth__response_types": ""}, "allows no access token in the authorization response"),
        ({"oauth__dpop_signing_algs": ""}, "oauth.dpop_signing_algs is empty"),
        ({"oauth__dpop_signing_algs": "HS256"}, "takes some of"),
        ({"oauth__sender_constraints": "dpop token_binding"}, "takes some of dpop, mtls"),
        ({"oauth__dpop_nonce": "sometimes"}, "takes one of never, required"),
    ],
)
def test_settings_that_contradict_each_other_stop_the_start(
    make_provider: Any, settings: dict[str, str], sentence: str
) -> None:
    base = {"oauth__require_sender_constraint": "true", "oauth__response_types": "code"}
    with pytest.raises(ConfigurationProblem) as problem:
        make_provider(**{**base, **settings})
    assert sentence in str(problem.value)


# -- resources ------------------------------------------------------------------------------------


def test_the_challenge_names_both_schemes(provider: Provider) -> None:
    client = provider.register()
    for path in ("/oauth/userinfo", "/api/me"):
        for headers in ({}, {"Authorization": "Basic eDp5"}):
            refused = client.http.get(path, headers=headers, status=401)
            challenge = refused.headers.getall("WWW-Authenticate")
            assert challenge == ['Bearer, DPoP algs="ES256 PS256 Ed25519 EdDSA"']


def test_the_challenge_names_dpop_alone_where_every_token_is_bound(make_provider: Any) -> None:
    provider = make_provider(oauth__require_sender_constraint="true", oauth__response_types="code")
    browser = provider.browser()
    for path in ("/oauth/userinfo", "/api/me"):
        refused = browser.get(path, status=401)
        assert refused.headers.getall("WWW-Authenticate") == [
            'DPoP algs="ES256 PS256 Ed25519 EdDSA"'
        ]
        wrong = browser.get(path, headers={"Authorization": "Bearer x"}, status=401)
        [challenge] = wrong.headers.getall("WWW-Authenticate")
        assert challenge.startswith('DPoP error="invalid_token"')


@pytest.mark.parametrize("path", ["/oauth/userinfo", "/api/me"])
@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "dPOP", "DPOP"])
def test_a_bound_token_is_accepted_with_its_key(
    provider: Provider, key: ProofKey, path: str, scheme: str
) -> None:
    client = provider.register()
    token = sign_in(client, key)["access_token"]
    headers = key.for_resource(provider.issuer + path, token)
    headers["Authorization"] = f"{scheme} {token}"
    assert client.http.get(path, headers=headers).json["sub"]


def test_a_post_is_proven_as_a_post(provider: Provider, key: ProofKey) -> None:
    client = provider.register()
    token = sign_in(client, key)["access_token"]
    uri = f"{provider.issuer}/oauth/userinfo"
    headers = key.for_resource(uri, token, method="POST")
    assert client.http.post("/oauth/userinfo", headers=headers).json["sub"]
    headers = key.for_resource(uri, token, method="GET")
    client.http.post("/oauth/userinfo", headers=headers, status=401)


@pytest.mark.parametrize("path", ["/oauth/userinfo", "/api/me"])
def test_a_bound_token_without_its_key_is_rejected(
    provider: Provider, key: ProofKey, path: str
) -> None:
    client, uri = provider.register(), provider.issuer + path
    token = sign_in(client, key)["access_token"]
    for headers, error in (
        ({"Authorization": f"DPoP {token}"}, "invalid_dpop_proof"),
        ({"Authorization": f"DPoP {token}", "DPoP": ""}, "invalid_dpop_proof"),
        (ProofKey().for_resource(uri, token), "invalid_token"),
        (key.for_resource(uri, token, ath=...), "invalid_dpop_proof"),
        (key.for_resource(uri, token, ath="x" * 43), "invalid_dpop_proof"),
        (key.for_resource(f"{uri}/", token), "invalid_dpop_proof"),
        (key.for_resource(uri, token, method="PUT"), "invalid_dpop_proof"),
        (ProofKey("RS256", None).for_resource(uri, token), "invalid_dpop_proof"),
    ):
        refused = client.http.get(path, headers=headers, status=401)
        assert refused.json["error"] == error
        challenge = refused.headers["WWW-Authenticate"]
        assert re.fullmatch(
            rf'DPoP error="{error}", error_description="[^"]+", algs="ES256 PS256 Ed25519 EdDSA"',
            challenge,
        )
    assert client.http.get(path, headers=key.for_resource(uri, token))


@pytest.mark.parametrize("path", ["/oauth/userinfo", "/api/me"])
def test_a_bound_token_is_no_bearer_token(provider: Provider, key: ProofKey, path: str) -> None:
    client = provider.register()
    token = sign_in(client, key)["access_token"]
    proof = key.proof("GET", provider.issuer + path, token=token)
    for headers in (
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"Bearer {token}", "DPoP": proof},
    ):
        refused = client.http.get(path, headers=headers, status=401)
        assert refused.json["error"] == "invalid_token"
        challenge = refused.headers["WWW-Authenticate"]
        assert challenge.startswith('Bearer error="invalid_token"')
        assert challenge.endswith(', DPoP algs="ES256 PS256 Ed25519 EdDSA"')
    client.http.post("/oauth/userinfo", {"access_token": token}, status=401)


@pytest.mark.parametrize("path", ["/oauth/userinfo", "/api/me"])
def test_an_unbound_token_is_no_dpop_token(provider: Provider, key: ProofKey, path: str) -> None:
    client = provider.register()
    token = client.exchange(code_of(client))["access_token"]
    headers = key.for_resource(provider.issuer + path, token)
    refused = client.http.get(path, headers=headers, status=401)
    assert refused.json["error"] == "invalid_token"
    bearer = {"Authorization": f"Bearer {token}", "DPoP": headers["DPoP"]}
    assert client.http.get(path, headers=bearer).json["sub"], "the header is of no matter there"


@pytest.mark.parametrize("path", ["/oauth/userinfo", "/api/me"])
def test_a_proof_works_once_at_a_resource(provider: Provider, key: ProofKey, path: str) -> None:
    client = provider.register()
    token = sign_in(client, key)["access_token"]
    headers = key.for_resource(provider.issuer + path, token)
    assert client.http.get(path, headers=headers)
    refused = client.http.get(path, headers=headers, status=401)
    assert refused.json["error"] == "invalid_dpop_proof"


def test_a_script_of_the_client_may_send_proofs_and_read_the_nonce(
    provider: Provider, key: ProofKey
) -> None:
    client = provider.register(**PUBLIC)
    preflight = client.http.options("/oauth/token", headers={"Origin": "https://client.example"})
    assert "DPoP" in preflight.headers["Access-Control-Allow-Headers"]
    token = sign_in(client, key)["access_token"]
    headers = {**at_userinfo(client, key, token), "Origin": "https://client.example"}
    answer = client.http.get("/oauth/userinfo", headers=headers)
    assert "DPoP-Nonce" in answer.headers["Access-Control-Expose-Headers"]
