"""The proof of a pushed request stands for ``dpop_jkt`` (RFC 9449 section 10.1)."""

from types import SimpleNamespace
from typing import Any

import pytest
from support.dpop import ProofKey

from oidcserver import clock
from oidcserver.extensions.dpop.authorization_request import (
    check_dpop_jkt,
    check_proof_of_pushed_request,
    spend_proof_of_pushed_request,
)
from oidcserver.extensions.dpop.proof import ProofRules
from oidcserver.extensions.dpop.verifier import ProofVerifier
from oidcserver.oauth.authorization_request import AuthorizationRequest
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.requests import Payload
from oidcserver.provider import Provider
from oidcserver.settings import Settings, Value

PATH = "/oauth/par"
URI = f"https://login.example{PATH}"


@pytest.fixture
def key() -> ProofKey:
    return ProofKey()


def pushed(header: str | None, **parameters: str) -> AuthorizationRequest:
    """Return a pushed request with a header ``DPoP``, at a server that remembers proofs."""
    provider = Provider(None)
    values = {"oidc.issuer": "https://login.example", "oauth.mtls_base_url": ""}
    provider.settings = Settings({name: Value(it, "ini") for name, it in values.items()})
    seen: set[str] = set()

    def use(request: Any, proof: Any) -> bool:
        new = proof.jti not in seen
        seen.add(proof.jti)
        return new

    verifier = ProofVerifier(ProofRules(("ES256",), 60, 10), use)
    environ = {"PATH_INFO": PATH, **({} if header is None else {"HTTP_DPOP": header})}
    request = SimpleNamespace(
        method="POST",
        environ=environ,
        oidc=SimpleNamespace(provider=provider, now=clock.now()),
        registry=SimpleNamespace(
            oidc=SimpleNamespace(key_confirmation=SimpleNamespace(dpop=verifier))
        ),
    )
    oauth_request: Any = SimpleNamespace(
        request=request, client=None, payload=Payload(list(parameters.items())), proof=None
    )
    return AuthorizationRequest(oauth_request)


def test_the_code_will_be_bound_to_the_key_of_the_proof(key: ProofKey) -> None:
    request = pushed(key.proof("POST", URI))
    check_proof_of_pushed_request(request)
    assert request.data["dpop_jkt"] == key.thumbprint
    assert request.payload.datalist["dpop_jkt"] == [key.thumbprint], "it is stored with the rest"
    check_dpop_jkt(request)
    assert request.confirmation == {"jkt": key.thumbprint}


def test_a_parameter_of_the_same_key_is_accepted_beside_the_proof(key: ProofKey) -> None:
    request = pushed(key.proof("POST", URI), dpop_jkt=key.thumbprint)
    check_proof_of_pushed_request(request)
    assert request.payload.datalist["dpop_jkt"] == [key.thumbprint]


def test_a_parameter_of_another_key_is_rejected(key: ProofKey) -> None:
    request = pushed(key.proof("POST", URI), dpop_jkt=ProofKey().thumbprint)
    with pytest.raises(Rejection) as problem:
        check_proof_of_pushed_request(request)
    assert (problem.value.error, problem.value.status_code) == ("invalid_request", 400)


def test_without_a_proof_the_parameter_alone_counts(key: ProofKey) -> None:
    request = pushed(None, dpop_jkt=key.thumbprint)
    check_proof_of_pushed_request(request)
    spend_proof_of_pushed_request(request)
    check_dpop_jkt(request)
    assert request.confirmation == {"jkt": key.thumbprint}


def test_without_either_nothing_is_bound() -> None:
    request = pushed(None)
    check_proof_of_pushed_request(request)
    check_dpop_jkt(request)
    assert request.confirmation is None
    assert "dpop_jkt" not in request.data


def test_a_bad_proof_is_rejected(key: ProofKey) -> None:
    for header in ("x", key.proof("GET", URI), key.proof("POST", f"{URI}/")):
        with pytest.raises(Rejection) as problem:
            check_proof_of_pushed_request(pushed(header))
        assert problem.value.error == "invalid_dpop_proof"


def test_a_proof_is_used_up(key: ProofKey) -> None:
    request = pushed(key.proof("POST", URI))
    check_proof_of_pushed_request(request)
    spend_proof_of_pushed_request(request)
    with pytest.raises(Rejection) as problem:
        spend_proof_of_pushed_request(request)
    assert problem.value.error == "invalid_dpop_proof"


@pytest.mark.parametrize("thumbprint", ["x", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "\n"])
def test_a_text_that_is_no_thumbprint_is_rejected(thumbprint: str) -> None:
    with pytest.raises(Rejection) as problem:
        check_dpop_jkt(pushed(None, dpop_jkt=thumbprint))
    assert problem.value.error == "invalid_request"
