"""The keys that access tokens are bound to, in an application without the provider.

Where the provider is in the same application its own settings (``oauth.*``) apply, and proofs are
used up in its database. Elsewhere each process remembers the proofs that it has seen.
"""

import threading
from functools import partial

from oidcserver import clock
from oidcserver.credentials import digest
from oidcserver.extensions.dpop.proof import Proof
from oidcserver.extensions.dpop.verifier import ProofVerifier, rules_of
from oidcserver.extensions.key_confirmation import KeyConfirmation
from oidcserver.http.client_certificate import (
    CertificateHeaders,
    ClientCertificate,
    certificate_headers,
)
from oidcserver.settings import ConfigurationProblem, Settings
from oidcserver.types import Registry, Request

PREFIX = "oauth_resource."
CONSTRAINTS = f"{PREFIX}sender_constraints"
REQUIRED = f"{PREFIX}require_sender_constraint"
URL = f"{PREFIX}url"
PROXIES = f"{PREFIX}client_certificate_proxies"
#: The settings that the provider's own replace, where it is in the same application.
ELSEWHERE = (
    "sender_constraints",
    "require_sender_constraint",
    "dpop_signing_algs",
    "dpop_proof_lifetime",
    "clock_skew",
    "client_certificate_proxies",
    "client_certificate_header",
    "client_certificate_encoding",
    "client_certificate_verify_header",
)


class SeenProofs:
    """Remembers the proofs that this process has seen, up to :attr:`MAX_ENTRIES` at once.

    If there are more, the oldest are forgotten. Another process of the application would accept a
    proof again, and so would this one after a restart, for as long as the proof is recent.
    """

    MAX_ENTRIES = 100_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: The time until which each is remembered, the oldest first.
        self._expiries: dict[str, int] = {}

    def use(self, request: Request, proof: Proof) -> bool:
        """Use a proof up; return whether it was not seen before."""
        key, now = digest(f"{proof.thumbprint}\n{proof.jti}"), clock.now()
        with self._lock:
            if self._expiries.get(key, 0) >= now:
                return False
            self._expiries.pop(key, None)
            self._expiries[key] = proof.expires_at
            self._forget(now)
        return True

    def _forget(self, now: int) -> None:
        """Forget the oldest entries, if they have expired or there are too many."""
        expiries = self._expiries
        while expiries:
            oldest = next(iter(expiries))
            if expiries[oldest] >= now and len(expiries) <= self.MAX_ENTRIES:
                return
            del expiries[oldest]


def make_key_confirmation(settings: Settings) -> KeyConfirmation:
    """Return the object that checks keys in an application without the provider.

    :raises ConfigurationProblem: if a setting is missing.
    """
    ways = settings[CONSTRAINTS]
    if "dpop" in ways and not settings[URL]:
        raise ConfigurationProblem(
            f"{URL} is missing: DPoP proofs name the public URL of this application."
        )
    if "mtls" in ways and not settings[PROXIES]:
        raise ConfigurationProblem(
            f"{PROXIES} is missing: the addresses of the proxies that check client certificates."
        )
    headers = certificate_headers(settings, PREFIX)
    if settings[REQUIRED] and not ways:
        raise ConfigurationProblem(
            f"{REQUIRED} = true, but {CONSTRAINTS} is empty: select dpop, mtls or both."
        )
    return KeyConfirmation(
        settings[REQUIRED],
        _verifier(settings) if "dpop" in ways else None,
        partial(_read_certificate, headers) if "mtls" in ways else None,
    )


def _verifier(settings: Settings) -> ProofVerifier:
    return ProofVerifier(rules_of(settings, PREFIX), SeenProofs().use)


def _read_certificate(headers: CertificateHeaders, request: Request) -> ClientCertificate | None:
    return headers.read(request.environ)


def resource_url(registry: Registry, settings: Settings) -> str:
    """Return the public URL at which the paths of the application begin.

    :raises ConfigurationProblem: for a setting that has no effect beside the provider.
    """
    provider = getattr(registry.oidc, "provider", None)
    given: str = settings[URL]
    if provider is None:
        return given
    for name in ELSEWHERE:
        if PREFIX + name in registry.settings:
            raise ConfigurationProblem(
                f"{PREFIX}{name} is for an application without the provider; here the setting is "
                f"oauth.{name}."
            )
    return given or provider.issuer.removesuffix(provider.route_prefix)
