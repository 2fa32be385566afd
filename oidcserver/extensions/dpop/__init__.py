"""Demonstrating Proof of Possession (DPoP, RFC 9449): tokens that are bound to a client's key."""

from oidcserver.extensions.dpop.nonces import LIFETIME, is_recent, new_nonce
from oidcserver.extensions.dpop.proof import Proof
from oidcserver.extensions.dpop.verifier import Nonces, ProofVerifier, rules_of
from oidcserver.extensions.sender_constraints import selects
from oidcserver.keys.jwt import CLIENT_ALGORITHMS
from oidcserver.models.replay import use_identifier
from oidcserver.settings import seconds, text, words
from oidcserver.types import Configurator, Provider, Registry, Request

ALGORITHMS = "oauth.dpop_signing_algs"
NONCE = "oauth.dpop_nonce"


def make_verifier(provider: Provider) -> ProofVerifier:
    """Return the verifier of the provider: it uses proofs up in the database."""
    settings = provider.settings
    nonces = Nonces(new_nonce, is_recent) if settings[NONCE] == "required" else None
    return ProofVerifier(rules_of(settings), _use, nonces)


def _use(request: Request, proof: Proof) -> bool:
    return use_identifier(
        request.oidc.database, "dpop", proof.thumbprint, proof.jti, proof.expires_at
    )


def _algorithms(provider: Provider) -> list[str]:
    return list(provider.settings[ALGORITHMS]) if selects("dpop")(provider) else []


def _require_algorithm(registry: Registry) -> str | None:
    provider = registry.oidc.provider
    if selects("dpop")(provider) and not provider.settings[ALGORITHMS]:
        return f"oauth.sender_constraints selects dpop, but {ALGORITHMS} is empty."
    return None


def includeme(config: Configurator) -> None:
    """Add the settings and the metadata."""
    setting = config.add_oauth_setting
    setting(
        ALGORITHMS,
        words,
        ("ES256", "PS256", "Ed25519", "EdDSA"),
        "The algorithms by which a client may sign its DPoP proofs.",
        allowed=CLIENT_ALGORITHMS,
    )
    setting(
        "oauth.dpop_proof_lifetime",
        seconds,
        60,
        "The time after its iat in which a DPoP proof is accepted; its jti is stored until then.",
    )
    setting(
        NONCE,
        text,
        "never",
        "Whether a DPoP proof has to have a nonce of the server, which shows that it was made a "
        "moment ago.",
        allowed=("never", "required"),
    )
    setting(LIFETIME, seconds, 300, "The lifetime of such a nonce.")
    config.add_server_metadata("dpop_signing_alg_values_supported", _algorithms)
    config.add_startup_check("dpop algorithms", _require_algorithm)
