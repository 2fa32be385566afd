"""Signed request objects that are pushed, by the rules of FAPI 2.0 Message Signing.

The names in docstrings are modules of the OpenID Foundation's plan fapi2-message-signing-final.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import Key
from support.app import REDIRECT_URI, Provider, RelyingParty, decode_id_token
from support.assertions import Signer
from support.pushing import ENDPOINTS, post, push, rejection, visit
from support.request_signing import make_private_keys, public, unsigned

from oidcserver import clock as provider_clock

SETTINGS = {
    "oauth__endpoints": ENDPOINTS,
    "oidc__request_parameter": "true",
    "oauth__request_object_signing_algs": "PS256 ES256 Ed25519 EdDSA",
    "oauth__request_object_claims": "aud exp nbf",
    "oauth__request_object_max_lifetime": "1h",
    "oauth__require_signed_request_object": "true",
}
JAR = "oauth-authz-req+jwt"
MINUTE = 60


@pytest.fixture(scope="module")
def keys() -> dict[str, Key]:
    return make_private_keys()


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory, keys_directory: Path) -> Iterator[Provider]:
    """A provider that all share, since it takes long to start."""
    directory = tmp_path_factory.mktemp("pushed_request_objects")
    provider = Provider(
        {
            **SETTINGS,
            "oidcserver__database_url": f"sqlite:///{directory / 'provider.sqlite'}",
            "oidcserver__keys_directory": str(keys_directory),
        }
    )
    yield provider
    provider.close()


class Signing:
    """A client that signs its requests."""

    def __init__(self, provider: Provider, key: Key, alg: str = "ES256", **metadata: Any) -> None:
        self.client: RelyingParty = provider.register(jwks=public(key), **metadata)
        self.signer = Signer(self.client.client_id, alg, key, provider.issuer)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a request object that holds the whole request; ``...`` takes one out."""
        now = provider_clock.now()
        times = {"nbf": now, "exp": now + 5 * MINUTE, "iat": now}
        own = {"iss": self.client.client_id, "aud": self.signer.audience}
        claims = {**self.client.parameters(), **own, **times, **changes}
        return {name: value for name, value in claims.items() if value is not ...}

    def sign(self, _header: dict[str, Any] | None = None, **changes: Any) -> str:
        """Return a signed request object."""
        return self.signer.sign(self.claims(**changes), **(_header or {}))

    def form(self, request_object: str, **beside: Any) -> dict[str, Any]:
        """Return the form of a push: the object, and beside it only the given parameters."""
        nothing = dict.fromkeys(self.client.parameters())
        return {**nothing, "request": request_object, **beside}

    def rejection(self, request_object: str, **beside: Any) -> str:
        """Push an object that is rejected; return the error."""
        return rejection(self.client, **self.form(request_object, **beside))

    def login(self, request_object: str, **beside: Any) -> dict[str, str]:
        """Push an object, sign in and allow; return the parameters of the answer."""
        request_uri = push(self.client, **self.form(request_object, **beside))
        page = visit(self.client, self.client.provider.browser(), request_uri)
        return self.client.answer(self.client.complete(page))


@pytest.fixture
def signing(provider: Provider, keys: dict[str, Key]) -> Signing:
    return Signing(provider, keys["ES256"])


@pytest.mark.parametrize("alg", ["PS256", "ES256", "Ed25519", "EdDSA"])
def test_a_signed_request_is_pushed(provider: Provider, keys: dict[str, Key], alg: str) -> None:
    signing = Signing(provider, keys[alg], alg)
    answer = signing.login(signing.sign({"typ": JAR}))
    assert answer["state"] == "the-state"
    tokens = signing.client.exchange(answer["code"])
    assert tokens["scope"] == "openid profile"
    assert decode_id_token(provider, tokens["id_token"])["nonce"] == "the-nonce"


@pytest.mark.parametrize(
    "header", [{}, {"typ": "JWT"}, {"typ": JAR}, {"typ": f"application/{JAR}"}]
)
def test_the_type_may_be_left_out(signing: Signing, header: dict[str, str]) -> None:
    assert "code" in signing.login(signing.sign(header))


def test_beside_the_object_only_the_client_counts(signing: Signing) -> None:
    beside = {"scope": "openid email", "state": "outside", "nonce": "outside", "prompt": "none",
              "redirect_uri": "https://evil.example/", "claims": "{", "extra": "x"}  # fmt: skip
    answer = signing.login(signing.sign(state=...), **beside)
    assert "state" not in answer
    assert signing.client.exchange(answer["code"])["scope"] == "openid profile"


def test_parameters_beside_the_object_do_not_replace_those_inside(signing: Signing) -> None:
    """ensure-request-object-without-redirect-uri-fails."""
    beside = {"redirect_uri": REDIRECT_URI, "response_type": "code"}
    for name in beside:
        assert signing.rejection(signing.sign(**{name: ...}), **beside) == "invalid_request"


def test_the_client_id_of_the_object_is_that_of_the_client(
    provider: Provider, signing: Signing
) -> None:
    other = provider.register().client_id
    for wrong in (other, ..., "", 1, [signing.client.client_id]):
        assert signing.rejection(signing.sign(client_id=wrong)) == "invalid_request_object"
    response = post(signing.client, **signing.form(signing.sign(), client_id=other))
    assert response.json["error"] in ("invalid_request", "invalid_client")
    assert "code" in signing.login(signing.sign(), client_id=signing.client.client_id)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["https://elsewhere.example", "http://localhost:6543"]},
        {"nbf": 8, "exp": 308, "iat": 8},
        {"nbf": -59 * MINUTE, "exp": 30},
        {"exp": 60 * MINUTE},
    ],
)
def test_times_and_audience_within_the_rules(signing: Signing, changes: dict[str, Any]) -> None:
    """ensure-request-object-with-multiple-aud-succeeds, -with-nbf-8-seconds-in-the-future."""
    assert "code" in signing.login(signing.sign(**_at(changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": ...}, {"nbf": ...}, {"aud": ...}, {"exp": None}, {"nbf": None}, {"aud": None},
        {"exp": -11}, {"exp": 0 - 5 * MINUTE, "nbf": -10 * MINUTE}, {"nbf": 60, "exp": 120},
        {"exp": 70 * MINUTE}, {"exp": 60 * MINUTE + 1}, {"nbf": -70 * MINUTE},
        {"nbf": -60 * MINUTE - 11, "exp": -15}, {"nbf": -30 * MINUTE, "exp": 31 * MINUTE},
        {"exp": "soon"}, {"nbf": "x"}, {"exp": True}, {"nbf": [1]}, {"exp": 10**400},
        {"exp": -(10**300)}, {"iat": 60}, {"iat": 60 * MINUTE},
        {"aud": "https://elsewhere.example"}, {"aud": []}, {"aud": "http://localhost:6543/"},
        {"iss": "another"}, {"iss": [1]},
        {"request_uri": "urn:ietf:params:oauth:request_uri:ru_x"}, {"request": "e30.e30."},
    ],
)  # fmt: skip
def test_times_audience_and_content_against_the_rules(
    signing: Signing, changes: dict[str, Any]
) -> None:
    """ensure-request-object-without-exp-fails, -without-nbf-fails, -with-exp-over-60-fails,
    -with-nbf-over-60-fails, -with-bad-aud-fails, ensure-expired-request-object-fails,
    par-authorization-request-containing-request_uri."""
    assert signing.rejection(signing.sign(**_at(changes))) == "invalid_request_object"


def _at(changes: dict[str, Any]) -> dict[str, Any]:
    """Turn seconds from now into times."""
    now = provider_clock.now()
    return {
        name: now + value
        if name in ("exp", "nbf", "iat") and type(value) is int and abs(value) < 10**6
        else value
        for name, value in changes.items()
    }


@pytest.mark.parametrize("alg", ["RS256", "HS256", "none"])
def test_another_algorithm_is_rejected(
    provider: Provider, keys: dict[str, Key], signing: Signing, alg: str
) -> None:
    """ensure-signed-request-object-with-RS256-fails, -signature-algorithm-is-not-none."""
    if alg == "RS256":
        other = Signing(provider, keys["RS256"], "RS256")
        assert other.rejection(other.sign()) == "invalid_request_object"
    else:
        claims = signing.claims()
        forged = unsigned(claims) if alg == "none" else unsigned(claims, alg=alg) + "AAAA"
        assert signing.rejection(forged) == "invalid_request_object"


def test_another_signature_is_rejected(
    provider: Provider, keys: dict[str, Key], signing: Signing
) -> None:
    """ensure-request-object-with-invalid-signature-fails, ensure-matching-key-in-...-request."""
    stranger = Signer(signing.client.client_id, "ES256", make_private_keys()["ES256"], "x")
    assert signing.rejection(stranger.sign(signing.claims())) == "invalid_request_object"
    header, claims, signature = signing.sign().split(".")
    changed = ".".join([header, claims, signature[:-8] + "AAAAAAAA"])
    assert signing.rejection(changed) == "invalid_request_object"


def test_plain_parameters_are_rejected(signing: Signing) -> None:
    """ensure-unsigned-request-at-par-endpoint-fails."""
    assert rejection(signing.client) == "invalid_request"


def test_other_jwts_of_the_client_are_no_requests(provider: Provider, signing: Signing) -> None:
    """RFC 9101 section 10.8: a client signs other things with the same key."""
    signer, now = signing.signer, provider_clock.now()
    proof = {"jti": "x", "htm": "POST", "htu": f"{provider.issuer}/oauth/par", "iat": now}
    backchannel = {
        **{"iss": signer.client_id, "aud": provider.issuer, "iat": now, "nbf": now},
        **{"exp": now + 60, "jti": "x", "scope": "openid", "login_hint": "alice"},
    }
    for jwt in (
        signer.assertion(),
        signer.assertion(nbf=now),
        signer.sign(signer.claims(nbf=now), typ="client-authentication+jwt"),
        signer.sign(proof, typ="dpop+jwt"),
        signer.sign(proof),
        signer.sign(backchannel),
        signing.sign(sub=signer.client_id),
    ):
        assert signing.rejection(jwt) == "invalid_request_object"


def test_a_signed_request_goes_on_after_its_own_exp(
    provider: Provider, signing: Signing, clock: Any
) -> None:
    """Its times bound the push; from then on the lifetimes of the provider count."""
    request_object = signing.sign(exp=provider_clock.now() + 30)
    request_uri = push(signing.client, **signing.form(request_object))
    clock.advance(45)
    page = visit(signing.client, provider.browser(), request_uri)
    clock.advance(600)
    assert "code" in signing.client.answer(signing.client.complete(page))


def test_an_object_may_be_pushed_again(signing: Signing) -> None:
    """Each push is a request of its own; only the request_uri is used once."""
    request_object = signing.sign()
    assert signing.login(request_object)["code"] != signing.login(request_object)["code"]


def test_where_only_signed_responses_are_selected_no_plain_one_is_pushed(
    make_provider: Any, keys: dict[str, Key]
) -> None:
    signing = Signing(make_provider(**SETTINGS, oauth__response_modes="jwt"), keys["ES256"])
    for mode in ("query", "fragment", ...):
        assert signing.rejection(signing.sign(response_mode=mode)) == "invalid_request"
    assert set(signing.login(signing.sign(response_mode="jwt"))) == {"response"}


def test_without_the_rules_an_object_needs_neither_times_nor_audience(
    make_provider: Any, keys: dict[str, Key]
) -> None:
    provider = make_provider(oauth__endpoints=ENDPOINTS, oidc__request_parameter="true")
    signing = Signing(provider, keys["ES256"])
    assert "code" in signing.login(signing.sign(exp=..., nbf=..., aud=..., iss=...))
    now = provider_clock.now()
    assert "code" in signing.login(signing.sign(exp=now + 10**6, nbf=now - 10**6))


@pytest.mark.parametrize("claims", ["exp", "iss exp", "jti"])
def test_each_claim_may_be_required(make_provider: Any, keys: dict[str, Key], claims: str) -> None:
    provider = make_provider(
        oauth__endpoints=ENDPOINTS,
        oidc__request_parameter="true",
        oauth__request_object_claims=claims,
    )
    signing = Signing(provider, keys["ES256"])
    complete = dict.fromkeys(["jti"], "x")
    assert "code" in signing.login(signing.sign(**complete))
    for name in claims.split():
        missing = signing.sign(**{**complete, name: ...})
        response = post(signing.client, **signing.form(missing), status=400)
        assert response.json["error_description"] == f"The request object has no {name}."
