"""DPoP at the token endpoint (RFC 9449 section 5); other endpoints share its functions."""

from urllib.parse import quote

from oidcserver.extensions.dpop.proof import Proof
from oidcserver.extensions.dpop.verifier import ProofVerifier
from oidcserver.oauth.requests import OAuthRequest
from oidcserver.types import Request


def public_uris(request: Request) -> tuple[str, ...]:
    """Return the public URLs of a request to an endpoint: at the issuer, and at the mTLS host."""
    provider = request.oidc.provider
    path = quote(request.environ["PATH_INFO"], encoding="latin-1")
    uri = provider.url(path)
    base = provider.settings["oauth.mtls_base_url"]
    return (uri, base + path.removeprefix(provider.route_prefix)) if base else (uri,)


def verifier_of(request: Request) -> ProofVerifier:
    """Return the verifier of the provider. DPoP is selected."""
    verifier: ProofVerifier | None = request.registry.oidc.key_confirmation.dpop
    assert verifier is not None
    return verifier


def read_proof(oauth_request: OAuthRequest) -> Proof | None:
    """Return the proof of a request to an endpoint; None if it has none.

    :raises Rejection: ``invalid_dpop_proof``, or ``use_dpop_nonce``.
    """
    request = oauth_request.request
    proof = verifier_of(request).read(request, public_uris(request), oauth_request.client)
    oauth_request.proof = proof
    return proof


def check_proof(token_request: OAuthRequest) -> None:
    """Bind the tokens to the key of the proof, if there is one."""
    proof = read_proof(token_request)
    if proof is not None:
        token_request.confirm("jkt", proof.thumbprint)


def spend_proof(oauth_request: OAuthRequest) -> None:
    """Use the proof up, also if the request fails later (RFC 9449 section 11.1)."""
    if oauth_request.proof is not None:
        verifier_of(oauth_request.request).spend(oauth_request.request, oauth_request.proof)
