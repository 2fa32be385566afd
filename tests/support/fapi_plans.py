"""The OpenID Foundation's plans for FAPI 2.0 (final): which modules each of them holds.

The names are the suite's (version 5.2.4) without ``fapi2-security-profile-final-``, with which all
of them begin; what the tests of those names do is written from the specifications. The suite lets
its user choose a variant. The tests run in those of FAPI_PLANS, in which each value occurs.
"""

from dataclasses import replace

from support.conformance_variants import FAPIVariant

_ALWAYS = (
    "discovery-end-point-verification",
    "happy-flow",
    "access-token-type-header-case-sensitivity",
    "ensure-client-id-in-token-endpoint",
    "ensure-holder-of-key-required",
)
_CODE = (
    "user-rejects-authentication",
    "ensure-authorization-request-without-state-success",
    "ensure-different-state-inside-and-outside-request-object",
    "ensure-authorization-request-with-long-state",
    "state-only-outside-request-object-not-used",
    "ensure-request-object-without-redirect-uri-fails",
    "plain-fapi-tolerate-unregistered-redirect-uri",
    "ensure-unsigned-authorization-request-without-using-par-fails",
    "ensure-redirect-uri-in-authorization-request",
    "ensure-response-type-code-idtoken-fails",
    "ensure-response-type-token-fails",
    "ensure-authorization-code-is-bound-to-client",
    "attempt-reuse-authorization-code-after-one-second",
    "ensure-token-endpoint-fails-with-expired-auth-code",
    "refresh-token",
    "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds",
    "par-attempt-reuse-request_uri",
    "par-attempt-to-use-expired-request_uri",
    "par-attempt-to-use-request_uri-for-different-client",
    "par-authorization-request-containing-request_uri-form-param",
    "par-attempt-invalid-http-method",
    "par-ensure-pkce-required",
    "ensure-pkce-code-verifier-required",
    "incorrect-pkce-code-verifier-rejected",
    "par-plain-pkce-rejected",
    "par-without-duplicate-parameters",
)
_OPENID = (
    "ensure-authorization-request-without-nonce-success",
    "ensure-authorization-request-with-64-char-nonce-success",
    "ensure-other-scope-order-succeeds",
    "test-claims-parameter-identity-claims",
    "ensure-different-nonce-inside-and-outside-request-object",
    "ensure-authorization-request-with-long-nonce",
)
_DPOP = (
    "check-dpop-proof-nbf-exp",
    "ensure-dpopproof-with-iat-10seconds-before-succeeds",
    "ensure-dpopproof-with-iat-10seconds-after-succeeds",
    "dpop-negative-tests",
)
_DPOP_CODE = (
    "ensure-mismatched-dpop-jkt-fails",
    "ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt",
    "ensure-token-endpoint-fails-with-mismatched-dpop-jkt",
    "ensure-dpopproof-at-par-endpoint-binding-success",
    "ensure-dpop-auth-code-binding-success",
)
_ASSERTION = (
    "ensure-signed-client-assertion-with-RS256-fails",
    "ensure-client-assertion-in-token-endpoint",
    "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails",
    "ensure-client-assertion-with-wrong-aud-fails",
    "ensure-client-assertion-with-no-sub-fails",
)
_ASSERTION_CODE = (
    "par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted",
    "par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails",
    "par-test-array-as-audience-fails",
    "par-test-par-endpoint-url-as-audience-fails",
    "par-test-token-endpoint-url-as-audience-fails",
)
_SIGNED = (
    "ensure-request-object-with-multiple-aud-succeeds",
    "ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted",
    "ensure-request-object-without-exp-fails",
    "ensure-request-object-without-nbf-fails",
    "ensure-expired-request-object-fails",
    "ensure-request-object-with-bad-aud-fails",
    "ensure-request-object-with-exp-over-60-fails",
    "ensure-request-object-with-nbf-over-60-fails",
    "ensure-signed-request-object-with-RS256-fails",
    "ensure-request-object-signature-algorithm-is-not-none",
    "ensure-request-object-with-invalid-signature-fails",
    "ensure-matching-key-in-authorization-request",
    "ensure-unsigned-request-at-par-endpoint-fails",
    "par-authorization-request-containing-request_uri",
)


def modules_of(variant: FAPIVariant) -> tuple[str, ...]:
    """Return the modules that the suite runs in a variant."""
    code = variant.grant == "authorization_code"
    dpop, assertion = variant.sender_constraint == "dpop", variant.client_auth == "private_key_jwt"
    return (
        *_ALWAYS,
        *(_CODE if code else ()),
        *(_OPENID if code and variant.openid else ()),
        *(_DPOP if dpop else ()),
        *(_DPOP_CODE if dpop and code else ()),
        *(_ASSERTION if assertion else ()),
        *(_ASSERTION_CODE if assertion and code else ()),
        *(_SIGNED if variant.signed else ()),
    )


_KEYS = FAPIVariant()
_CERTIFICATE = FAPIVariant(client_auth="tls_client_auth", sender_constraint="mtls")

#: Plan: variant: modules. The names of the plans end in ``-test-plan``.
FAPI_PLANS: dict[str, dict[FAPIVariant, tuple[str, ...]]] = {
    plan: {variant: modules_of(variant) for variant in variants}
    for plan, variants in {
        "fapi2-security-profile-final": (
            _KEYS,
            replace(_KEYS, openid=False, rich=True),
            replace(_KEYS, sender_constraint="mtls", openid=False),
            replace(_KEYS, grant="client_credentials", openid=False),
            _CERTIFICATE,
            replace(_CERTIFICATE, sender_constraint="dpop", openid=False),
            replace(_CERTIFICATE, grant="client_credentials", openid=False),
        ),
        "fapi2-message-signing-final": (
            replace(_KEYS, signed=True, response_mode="jwt"),
            replace(_KEYS, response_mode="jwt"),
            replace(_CERTIFICATE, signed=True, openid=False, rich=True),
        ),
    }.items()
}
