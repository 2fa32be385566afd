"""Reads the proof of a request, with the settings of the server that received it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pyramid.response import Response

from oidcserver import clock
from oidcserver.extensions.dpop.proof import InvalidProof, Proof, ProofRules, verify_proof
from oidcserver.models import RegisteredClient
from oidcserver.oauth.errors import Rejection
from oidcserver.types import Request

#: The answer to a proof (RFC 9449 section 8).
NONCE_HEADER = "DPoP-Nonce"


@dataclass(frozen=True, slots=True)
class Nonces:
    """Requires that a proof has a nonce of the server."""

    #: Takes the request, and returns a nonce.
    new: Callable[[Request], str]
    #: Takes the request and a nonce, and returns whether it is one that has not expired.
    accepts: Callable[[Request, str], bool]


@dataclass(frozen=True, slots=True)
class ProofVerifier:
    """Reads proofs, and uses them up."""

    rules: ProofRules
    #: Uses a proof up; returns True to exactly one of several concurrent requests.
    use: Callable[[Request, Proof], bool]
    nonces: Nonces | None = None

    def read(
        self,
        request: Request,
        uris: Collection[str],
        client: RegisteredClient | None,
        access_token: str | None = None,
    ) -> Proof | None:
        """Return the proof of a request; None if it has no header ``DPoP``.

        Where nonces are required, the response has a new one.

        :param uris: the public URLs of the request.
        :param client: that makes the request, if it is known: its profile may have other rules.
        :param access_token: the token that the request presents, at a resource.
        :raises Rejection: ``invalid_dpop_proof``, or ``use_dpop_nonce``.
        """
        text = request.environ.get("HTTP_DPOP")
        if text is None:
            return None
        if self.nonces is not None:
            request.add_response_callback(self._answer_with_nonce)
        try:
            proof = verify_proof(
                text,
                self._rules_for(request, client),
                method=request.method,
                uris=uris,
                now=clock.now(),
                access_token=access_token,
            )
        except InvalidProof as problem:
            raise invalid_proof(str(problem), **problem.received) from None
        if self.nonces is not None and not (
            proof.nonce and self.nonces.accepts(request, proof.nonce)
        ):
            raise Rejection(
                "use_dpop_nonce",
                "The DPoP proof has to have the nonce of the header DPoP-Nonce.",
                rule="RFC 9449 section 8",
            )
        return proof

    def spend(self, request: Request, proof: Proof) -> None:
        """Use a proof up, in a transaction of its own.

        :raises Rejection: ``invalid_dpop_proof``, if another request used it before.
        """
        if not self.use(request, proof):
            raise invalid_proof("It was used before.")

    def _rules_for(self, request: Request, client: RegisteredClient | None) -> ProofRules:
        """Return the rules for a client, which may have a profile for itself."""
        if client is None or client.member("profile") is None:
            return self.rules
        return rules_of(request.oidc.provider.settings_for(client))

    def _answer_with_nonce(self, request: Request, response: Response) -> None:
        assert self.nonces is not None
        response.headers[NONCE_HEADER] = self.nonces.new(request)


def rules_of(settings: Mapping[str, Any], prefix: str = "oauth.") -> ProofRules:
    """Return the rules of settings."""
    return ProofRules(
        tuple(settings[f"{prefix}dpop_signing_algs"]),
        settings[f"{prefix}dpop_proof_lifetime"],
        settings[f"{prefix}clock_skew"],
    )


def invalid_proof(reason: str, **received: object) -> Rejection:
    """Return the rejection of a proof (RFC 9449 section 5).

    :param reason: a sentence for the developer of the client, which quotes no input.
    """
    return Rejection(
        "invalid_dpop_proof",
        f"The DPoP proof is not valid. {reason}",
        rule="RFC 9449 section 4.3",
        received=received,
    )
