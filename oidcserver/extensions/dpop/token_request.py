"""DPoP at the token endpoint (RFC 9449 section 5); other endpoints share its functions."""

from urllib.parse import quote

from oidcserver.extensions.dpop.proof import Proof
from oidcserver.extensions.dpop.verifier import ProofVerifier, invalid_proof
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

    :raises Rejection: ``invalid_dpop_proof``, also for an algorithm that the profile of the client
        does not have.
    """
    request, client = oauth_request.request, oauth_request.client
    proof = verifier_of(request).read(request, public_uris(request))
    if proof is not None and client is not None:
        allowed = request.oidc.provider.settings_for(client)["oauth.dpop_signing_algs"]
        if proof.alg not in allowed:
            raise invalid_proof("The profile of the client does not have its algorithm.")
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
