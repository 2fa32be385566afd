"""The OpenID Foundation's plan for providers of FAPI-CIBA: the modules of each of its variants.

The names are the suite's (version 5.2.4), for the profile ``plain_fapi``. What the tests of those
names do is written from the specifications. The tests run the modules of IN_EVERY_VARIANT in every
variant, and each other module in variants in which each pair of two values occurs.
"""

from dataclasses import dataclass
from itertools import combinations, product

import pytest
from support.conformance_variants import covering

PLAN = "fapi-ciba-id1"
#: In every variant.
_ALWAYS = (
    PLAN,
    f"{PLAN}-discovery-end-point-verification",
    f"{PLAN}-user-rejects-authentication",
    f"{PLAN}-multiple-call-to-token-endpoint",
    f"{PLAN}-auth-req-id-expired",
    f"{PLAN}-ensure-authorization-request-with-binding-message-succeeds",
    f"{PLAN}-ensure-other-scope-order-succeeds",
    f"{PLAN}-ensure-requested-expiry-as-string-succeeds",
    f"{PLAN}-ensure-authorization-request-with-potentially-bad-binding-message",
    f"{PLAN}-ensure-request-object-missing-aud-fails",
    f"{PLAN}-ensure-request-object-bad-aud-fails",
    f"{PLAN}-ensure-request-object-missing-iss-fails",
    f"{PLAN}-ensure-request-object-bad-iss-fails",
    f"{PLAN}-ensure-request-object-missing-exp-fails",
    f"{PLAN}-ensure-request-object-expired-exp-fails",
    f"{PLAN}-ensure-request-object-exp-is-70-minutes-in-future-fails",
    f"{PLAN}-ensure-request-object-missing-iat-fails",
    f"{PLAN}-ensure-request-object-missing-nbf-fails",
    f"{PLAN}-ensure-request-object-nbf-is-10-minutes-in-future-fails",
    f"{PLAN}-ensure-request-object-nbf-is-70-minutes-in-past-fails",
    f"{PLAN}-ensure-request-object-missing-jti-fails",
    f"{PLAN}-ensure-request-object-signature-algorithm-is-none-fails",
    f"{PLAN}-ensure-request-object-signature-algorithm-is-bad-fails",
    f"{PLAN}-ensure-request-object-signature-algorithm-is-RS256-fails",
    f"{PLAN}-ensure-request-object-signed-by-other-client-fails",
    f"{PLAN}-ensure-authorization-request-with-multiple-hints-fails",
    f"{PLAN}-ensure-wrong-auth-req-id-in-token-endpoint-request",
    f"{PLAN}-ensure-unsigned-backchannel-authorization-request-fails",
    f"{PLAN}-refresh-token",
    f"{PLAN}-ensure-mtls-holder-of-key-required",
)
_ASSERTION = f"{PLAN}-ensure-client-assertion"
_CLIENT_AUTH = {
    "private_key_jwt": (
        f"{PLAN}-ensure-without-client-assertion-in-token-endpoint-request",
        f"{PLAN}-ensure-without-client-assertion-in-backchannel-authorization-request",
        f"{_ASSERTION}-signature-algorithm-in-backchannel-authorization-request-is-RS256-fails",
        f"{_ASSERTION}-signature-algorithm-in-token-endpoint-request-is-RS256-fails",
        f"{_ASSERTION}-with-iss-aud-to-token-endpoint-succeeds",
    ),
    "mtls": (
        f"{PLAN}-ensure-different-client-id-and-issuer-in-backchannel-authorization-request",
        f"{PLAN}-ensure-wrong-client-id-in-token-endpoint-request",
        f"{PLAN}-ensure-wrong-client-id-in-backchannel-authorization-request",
    ),
}
_NOTIFIED = f"{PLAN}-ping-backchannel-notification-endpoint"
_MODE = {
    "poll": (),
    "ping": (
        f"{_NOTIFIED}-response-has-body",
        f"{_NOTIFIED}-response-401",
        f"{_NOTIFIED}-response-403",
        f"{PLAN}-ping-with-mtls-ciba-notification-endpoint-response-401-and-require-server-does-not"
        "-retry",
        f"{_NOTIFIED}-return-redirect-request",
    ),
}


@dataclass(frozen=True, order=True)
class CibaVariant:
    """How the plan runs its modules."""

    mode: str
    registration: str
    client_auth: str

    def __str__(self) -> str:
        return f"{self.mode}-{self.registration}-{self.client_auth}"

    @property
    def aspects(self) -> frozenset[tuple[object, ...]]:
        """The properties of the variant that may change the result of a module."""
        return frozenset(combinations((self.mode, self.registration, self.client_auth), 2))

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules, in no particular order."""
        return (*_ALWAYS, *_CLIENT_AUTH[self.client_auth], *_MODE[self.mode])


VARIANTS = tuple(
    CibaVariant(*words)
    for words in product(_MODE, ("static_client", "dynamic_client"), _CLIENT_AUTH)
)
MODULES = frozenset(module for variant in VARIANTS for module in variant.modules)


IN_EVERY_VARIANT = frozenset({PLAN, f"{PLAN}-user-rejects-authentication"})


def ciba_module(name: str) -> pytest.MarkDecorator:
    """Mark a test as the counterpart of a module, to run in the variants for it."""
    held = [variant for variant in VARIANTS if name in variant.modules]
    tested = held if name in IN_EVERY_VARIANT else covering(held)
    return pytest.mark.parametrize("ciba_variant", tested, ids=str)
