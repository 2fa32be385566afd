"""Clients that have a profile for themselves, at a provider whose settings allow others more."""

from typing import Any

import pytest
from joserfc.jwk import Key
from support.app import Provider, RelyingParty
from support.assertions import Signer
from support.dpop import ProofKey
from support.pushing import ENDPOINTS, push, rejection, visit
from support.request_signing import make_private_keys, public

from oidcserver import clock as oidcserver_clock
from oidcserver.clients.problems import InvalidClientMetadata
from oidcserver.keys import jwt

pytestmark = pytest.mark.both_databases

SETTINGS = {
    "oauth__grants": "authorization_code refresh_token client_credentials",
    "oauth__endpoints": ENDPOINTS,
    "oauth__sender_constraints": "dpop",
    "oauth__dpop_signing_algs": "ES256 RS256",
    "oauth__localhost_any_port": "true",
    "oidc__request_parameter": "true",
}
LOOPBACK = "http://localhost/callback"


@pytest.fixture(scope="module")
def keys() -> dict[str, Key]:
    return make_private_keys()


@pytest.fixture
def provider(make_provider: Any) -> Provider:
    made: Provider = make_provider(**SETTINGS)
    return made


class SigningClient(RelyingParty):
    """A client that authenticates by assertions and proves a key by DPoP."""

    signer: Signer
    proof_key: ProofKey

    def post(self, path: str, *, status: Any = "*", headers: Any = None, **form: Any) -> Any:
        """Post a form as this client, with a new assertion and a new proof."""
        proof = self.proof_key.proof("POST", f"{self.provider.issuer}{path}")
        values = {**self.signer.form(), "client_id": self.client_id, **form}
        values = {name: value for name, value in values.items() if value is not None}
        return self.http.post(path, values, headers={"DPoP": proof}, status=status)


def register(
    provider: Provider, keys: dict[str, Key], profile: str | None, **metadata: Any
) -> SigningClient:
    """Register a client, with or without a profile of its own."""
    values = {
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": public(keys["ES256"], keys["RS256"]),
        "dpop_bound_access_tokens": True,
        **({"profile": profile} if profile else {}),
        **metadata,
    }
    registered = provider.register(**values)
    client = SigningClient(provider, registered.client, None)
    client.signer = Signer(client.client_id, "ES256", keys["ES256"], provider.issuer)
    client.proof_key = ProofKey()
    return client


@pytest.fixture
def strict(provider: Provider, keys: dict[str, Key]) -> SigningClient:
    return register(provider, keys, "fapi2_security")


@pytest.fixture
def other(provider: Provider, keys: dict[str, Key]) -> SigningClient:
    return register(provider, keys, None)


def own_token(client: SigningClient, status: int, assertion: str | None = None) -> dict[str, Any]:
    form = client.signer.form(assertion)
    answer: dict[str, Any] = client.token(
        grant_type="client_credentials", scope="profile", status=status, **form
    ).json
    return answer


def test_the_audience_of_its_assertions_is_the_issuer_alone(
    provider: Provider, strict: SigningClient, other: SigningClient
) -> None:
    own_token(strict, 200)
    for audience in (f"{provider.issuer}/oauth/token", [provider.issuer]):
        own_token(other, 200, other.signer.assertion(aud=audience))
        refused = own_token(strict, 401, strict.signer.assertion(aud=audience))
        assert refused["error"] == "invalid_client"


def test_its_assertions_are_signed_with_algorithms_of_the_profile(
    keys: dict[str, Key], strict: SigningClient, other: SigningClient
) -> None:
    for client, status in ((other, 200), (strict, 401)):
        client.signer.alg, client.signer.key = "RS256", keys["RS256"]
        own_token(client, status)


def test_its_proofs_are_signed_with_algorithms_of_the_profile(
    strict: SigningClient, other: SigningClient
) -> None:
    own_token(other, 200)
    own_token(strict, 200)
    for client, status in ((other, 200), (strict, 400)):
        client.proof_key = ProofKey("RS256")
        answer = own_token(client, status)
    assert answer["error"] == "invalid_dpop_proof"
    assert rejection(strict) == "invalid_dpop_proof"


@pytest.mark.parametrize("path", ["/oauth/userinfo", "/api/me"])
def test_its_proofs_at_resources_are_signed_with_these_too(
    make_provider: Any, keys: dict[str, Key], path: str
) -> None:
    algorithms = {"oauth__dpop_signing_algs": "PS256 RS256"}
    provider = make_provider(**{**SETTINGS, **algorithms})
    uri = f"{provider.issuer}{path}"
    for profile, status in (("fapi2_security", 401), (None, 200)):
        client = register(provider, keys, profile)
        # One RSA key makes both.
        client.proof_key = ProofKey("PS256", keys["RS256"])
        page = visit(client, provider.browser(), push(client))
        token = client.exchange(client.answer(client.complete(page))["code"])["access_token"]
        headers = client.proof_key.for_resource(uri, token)
        client.http.get(path, headers=headers)
        headers = ProofKey("RS256", keys["RS256"]).for_resource(uri, token)
        answer = client.http.get(path, headers=headers, status=status)
        if status == 401:
            assert 'DPoP error="invalid_dpop_proof"' in answer.headers["WWW-Authenticate"]


def test_the_clock_of_such_a_client_is_at_most_a_minute_ahead(
    make_provider: Any, keys: dict[str, Key]
) -> None:
    """Section 5.3.2.1 of the Security Profile."""
    provider = make_provider(**SETTINGS, oauth__clock_skew="5m")
    ahead = oidcserver_clock.now() + 200
    for profile, status in ((None, 200), ("fapi2_security", 401)):
        client = register(provider, keys, profile)
        own_token(client, status, client.signer.assertion(iat=ahead, nbf=ahead, exp=ahead + 60))
        proof = client.proof_key.proof("POST", f"{provider.issuer}/oauth/token", iat=ahead)
        form = {"grant_type": "client_credentials", "scope": "profile", **client.signer.form()}
        expected = 200 if profile is None else 400
        answer = client.http.post("/oauth/token", form, headers={"DPoP": proof}, status=expected)
    assert answer.json["error"] == "invalid_dpop_proof"


def test_its_refresh_tokens_are_not_replaced(
    provider: Provider, strict: SigningClient, other: SigningClient
) -> None:
    def sign_in(client: SigningClient) -> dict[str, Any]:
        page = visit(client, provider.browser(), push(client))
        return client.exchange(client.answer(client.complete(page))["code"])

    first = sign_in(strict)["refresh_token"]
    assert strict.refresh(first).get("refresh_token", first) == first
    assert strict.refresh(first)["access_token"]
    first = sign_in(other)["refresh_token"]
    assert other.refresh(first)["refresh_token"] != first


def test_its_redirect_uris_have_the_registered_port(
    provider: Provider, keys: dict[str, Key]
) -> None:
    native = {"redirect_uris": [LOOPBACK], "application_type": "native"}
    asked = "http://localhost:3118/callback"
    assert push(register(provider, keys, None, **native), redirect_uri=asked)
    strict = register(provider, keys, "fapi2_security", **native)
    assert rejection(strict, redirect_uri=asked) == "invalid_request"
    assert push(strict, redirect_uri=LOOPBACK)


def test_the_answers_to_it_are_signed_with_algorithms_of_the_profile(
    make_provider: Any, keys: dict[str, Key]
) -> None:
    provider = make_provider(**SETTINGS, oauth__response_modes="query jwt query.jwt")
    for profile, alg in (("fapi2_message_signing", "PS256"), (None, "RS256")):
        client = register(provider, keys, profile)
        form = client.parameters(response_mode="jwt")
        now = oidcserver_clock.now()
        claims = {**form, "aud": provider.issuer, "nbf": now, "exp": now + 300}
        pushed = client.post("/oauth/par", request=client.signer.sign(claims), status=201).json
        page = client.complete(visit(client, provider.browser(), pushed["request_uri"]))
        response = client.answer(page)["response"]
        assert jwt.read_unverified(response, jwt.HEADER)["alg"] == alg


def test_a_provider_without_its_algorithms_has_no_such_client(
    make_provider: Any, keys: dict[str, Key]
) -> None:
    provider = make_provider(**SETTINGS, oidc__signing_algs="RS256")
    with pytest.raises(InvalidClientMetadata, match="requires one of PS256, ES256"):
        register(provider, keys, "fapi2_security")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 201),
        ({"nbf": ...}, 400),
        ({"exp": ...}, 400),
        ({"aud": ...}, 400),
        ({"exp": lambda now: now + 3700}, 400),
    ],
)
def test_its_request_objects_have_the_claims_of_the_profile(
    provider: Provider, keys: dict[str, Key], changes: dict[str, Any], status: int
) -> None:
    now = oidcserver_clock.now()
    values = {name: it(now) if callable(it) else it for name, it in changes.items()}
    for profile, expected in (("fapi2_message_signing", status), (None, 201)):
        client = register(provider, keys, profile)
        claims = {
            **client.parameters(),
            "iss": client.client_id,
            "aud": provider.issuer,
            "nbf": now,
            "exp": now + 300,
            **values,
        }
        given = {name: value for name, value in claims.items() if value is not ...}
        request_object = client.signer.sign(given, typ="oauth-authz-req+jwt")
        answer = client.post("/oauth/par", request=request_object)
        assert answer.status_int == expected, (profile, answer.text)


def test_the_start_names_clients_whose_profile_nobody_offers_any_more(
    make_provider: Any, strict: SigningClient, other: SigningClient, caplog: Any
) -> None:
    with strict.provider.database() as dbsession:
        row = dbsession.merge(other.client)
        # As if a plugin had offered it.
        row.client_metadata = {**row.client_metadata, "profile": "of_a_plugin"}
    with caplog.at_level("WARNING", "oidcserver.start"):
        make_provider(**SETTINGS)
    assert caplog.messages == [
        "Nobody offers the profile of these clients, so that its settings do not hold for them: "
        f"{other.client_id}."
    ]
