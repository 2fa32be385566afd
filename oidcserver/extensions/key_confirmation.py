"""Access tokens that are bound to a key, at the resource that receives them (RFC 7800)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from oidcserver.extensions.dpop import make_verifier
from oidcserver.extensions.dpop.proof import Proof
from oidcserver.extensions.dpop.verifier import ProofVerifier, invalid_proof
from oidcserver.extensions.sender_constraints import REQUIRED, WAYS, selects
from oidcserver.models import RegisteredClient
from oidcserver.oauth.bearer import (
    DPOP,
    PresentedToken,
    challenge,
    invalid_token,
    name_dpop,
    read_presented_token,
)
from oidcserver.oauth.errors import Rejection
from oidcserver.oauth.tokens import AccessToken
from oidcserver.types import ClientCertificate, Configurator, Provider, Request

_JKT, _X5T = (name for _, name in WAYS.values())


@dataclass(frozen=True, slots=True)
class KeyConfirmation:
    """Checks that the sender of a token has the key that the token is bound to.

    :param required: whether tokens that are not bound to a key are rejected.
    :param dpop: None if DPoP is not selected.
    :param read_certificate: returns the certificate of a request; None if mTLS is not selected.
    """

    required: bool = False
    dpop: ProofVerifier | None = None
    read_certificate: Callable[[Request], ClientCertificate | None] | None = None

    def read_token(self, request: Request) -> PresentedToken:
        """Return the access token that a request presents, by one of the accepted schemes.

        :raises Rejection: with a challenge.
        """
        return read_presented_token(request, dpop=self.dpop is not None)

    def check(
        self,
        request: Request,
        presented: PresentedToken,
        token: AccessToken,
        uris: Callable[[Request], Collection[str]],
    ) -> Proof | None:
        """Check the keys; return the proof, which the caller uses up (:meth:`spend`).

        :param token: what ``presented`` contains.
        :param uris: returns the public URLs of the request.
        :raises Rejection: ``invalid_token``, ``invalid_dpop_proof`` or ``use_dpop_nonce``, 401.
        """
        if token.confirmation is None and presented.scheme != DPOP:
            if self.required:
                raise invalid_token("The access token is not bound to a key of the client.")
            return None
        bound = dict(token.confirmation or {})
        client = None if token.bearer is None else token.bearer.client
        proof = self._check_proof(request, presented, bound.pop(_JKT, None), client, uris)
        if _X5T in bound:
            self._check_certificate(request, bound.pop(_X5T))
        if bound:
            raise invalid_token("The access token is bound to a key in a way that is not known.")
        return proof

    def spend(self, request: Request, proof: Proof | None) -> None:
        """Use a proof up, if there is one."""
        if proof is not None and self.dpop is not None:
            try:
                self.dpop.spend(request, proof)
            except Rejection as problem:
                raise challenge(problem, 401) from None

    def name_schemes(self, request: Request, rejection: Rejection) -> Rejection:
        """Name every accepted scheme in the challenge of a rejection; return the rejection."""
        if self.dpop is not None:
            algorithms = self.dpop.rules.algorithms
            name_dpop(rejection, request, algorithms, alone=not self._accepts_bearer)
        return rejection

    def metadata(self) -> dict[str, Any]:
        """Return the metadata of a resource about bound tokens (RFC 9728 section 2)."""
        return {
            "bearer_methods_supported": ["header", "body"] if self._accepts_bearer else ["header"],
            "tls_client_certificate_bound_access_tokens": self.read_certificate is not None,
            "dpop_signing_alg_values_supported": list(
                self.dpop.rules.algorithms if self.dpop else ()
            ),
            "dpop_bound_access_tokens_required": not self._accepts_bearer,
        }

    @property
    def _accepts_bearer(self) -> bool:
        """Whether a token may have the scheme Bearer: an unbound one, or one for a certificate."""
        return not self.required or self.read_certificate is not None

    def _check_proof(
        self,
        request: Request,
        presented: PresentedToken,
        thumbprint: Any,
        client: RegisteredClient | None,
        uris: Callable[[Request], Collection[str]],
    ) -> Proof | None:
        if presented.scheme != DPOP or self.dpop is None:
            if thumbprint is not None:
                raise invalid_token("The access token is bound to a key and was sent as Bearer.")
            return None
        if thumbprint is None:
            raise invalid_token("The access token is not bound to a key and was sent as DPoP.")
        try:
            proof = self.dpop.read(request, uris(request), client, presented.text)
            if proof is None:
                raise invalid_proof("The request has no header DPoP.")
        except Rejection as problem:
            raise challenge(problem, 401) from None
        if proof.thumbprint != thumbprint:
            raise invalid_token("The access token is bound to another key than that of the proof.")
        return proof

    def _check_certificate(self, request: Request, thumbprint: Any) -> None:
        read = self.read_certificate
        certificate = read(request) if read is not None else None
        if certificate is None:
            raise invalid_token(
                "The access token is bound to a client certificate, and the request has none."
            )
        if certificate.thumbprint != thumbprint:
            raise invalid_token("The access token is bound to another client certificate.")


def key_confirmation(request: Request) -> KeyConfirmation:
    """Return the checks of the application that the request came to."""
    confirmation: KeyConfirmation = request.registry.oidc.key_confirmation
    return confirmation


def _of_provider(provider: Provider) -> KeyConfirmation:
    return KeyConfirmation(
        provider.settings[REQUIRED],
        make_verifier(provider) if selects("dpop")(provider) else None,
        (lambda request: request.oidc.client_certificate) if selects("mtls")(provider) else None,
    )


def includeme(config: Configurator) -> None:
    """Add ``registry.oidc.key_confirmation``."""

    def make() -> None:
        config.registry.oidc.key_confirmation = _of_provider(config.registry.oidc.provider)

    config.action(("oauth", "key confirmation"), make)
