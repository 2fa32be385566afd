"""The OpenID Foundation's certification plans for providers: which modules each of them holds.

The names are the suite's (version 5.2.4); what the tests of those names do is written from the
specifications. A plan runs its modules once for each of its response types. The tests run the
modules of IN_EVERY_VARIANT, which are the whole login and its refusal, in every variant. They run
each other module in variants in which each of its response types, methods of client authentication
and pairs of response mode and registration occurs.
"""

from collections.abc import Iterator

import pytest
from support.conformance_variants import Variant, covering
from support.fapi_plans import FAPI_PLANS

RESPONSE_TYPES = (
    "code", "id_token", "id_token token", "code id_token", "code token", "code id_token token",
)  # fmt: skip

_EVERYWHERE = (
    "oidcc-server",
    "oidcc-idtoken-signature",
    "oidcc-scope-profile",
    "oidcc-scope-email",
    "oidcc-scope-address",
    "oidcc-scope-phone",
    "oidcc-scope-all",
    "oidcc-display-page",
    "oidcc-display-popup",
    "oidcc-prompt-login",
    "oidcc-prompt-none-not-logged-in",
    "oidcc-prompt-none-logged-in",
    "oidcc-max-age-1",
    "oidcc-max-age-10000",
    "oidcc-ensure-request-with-unknown-parameter-succeeds",
    "oidcc-id-token-hint",
    "oidcc-login-hint",
    "oidcc-ui-locales",
    "oidcc-claims-locales",
    "oidcc-ensure-request-with-acr-values-succeeds",
    "oidcc-ensure-registered-redirect-uri",
    "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
    "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported",
    "oidcc-claims-essential",
    "oidcc-ensure-request-object-with-redirect-uri",
)
_USERINFO = ("oidcc-userinfo-get", "oidcc-userinfo-post-header", "oidcc-userinfo-post-body")
_CODE = (
    "oidcc-codereuse",
    "oidcc-codereuse-30seconds",
    "oidcc-server-client-secret-post",
    "oidcc-refresh-token",
)
_MISSING = "oidcc-response-type-missing"
_WITHOUT_NONCE = "oidcc-ensure-request-without-nonce-succeeds-for-code-flow"
_NONCE_DEMANDED = "oidcc-ensure-request-without-nonce-fails"
_ALTERNATE = "oidcc-alternate-happy-flow"
_PKCE = "oidcc-ensure-request-with-valid-pkce-succeeds"

_BASIC = {
    "code": (
        *_EVERYWHERE, *_USERINFO, *_CODE, _MISSING, _WITHOUT_NONCE, _ALTERNATE, _PKCE,
        "oidcc-ensure-post-request-succeeds", "oidcc-idtoken-unsigned",
    ),
}  # fmt: skip
_IMPLICIT = {
    "id_token": (*_EVERYWHERE, _NONCE_DEMANDED, _ALTERNATE),
    "id_token token": (*_EVERYWHERE, *_USERINFO, _MISSING, _NONCE_DEMANDED, _ALTERNATE),
}
_HYBRID = {
    "code id_token": (
        *_EVERYWHERE, *_USERINFO, *_CODE, _MISSING, _NONCE_DEMANDED, _ALTERNATE, _PKCE,
    ),
    "code token": (*_EVERYWHERE, *_USERINFO, *_CODE, _WITHOUT_NONCE),
    "code id_token token": (*_EVERYWHERE, *_USERINFO, *_CODE, _NONCE_DEMANDED),
}  # fmt: skip

_DYNAMIC = (
    "oidcc-idtoken-rs256",
    "oidcc-ensure-redirect-uri-in-authorization-request",
    "oidcc-redirect-uri-query-OK",
    "oidcc-redirect-uri-query-mismatch",
    "oidcc-redirect-uri-query-added",
    "oidcc-redirect-uri-regfrag",
    "oidcc-discovery-endpoint-verification",
    "oidcc-server",
    "oidcc-registration-logo-uri",
    "oidcc-registration-policy-uri",
    "oidcc-registration-tos-uri",
    "oidcc-registration-sector-uri",
    "oidcc-registration-sector-bad",
    "oidcc-server-rotate-keys",
    "oidcc-request-uri-unsigned",
    "oidcc-request-uri-signed-rs256",
    "oidcc-ensure-request-object-with-redirect-uri",
    "oidcc-ensure-client-assertion-with-iss-aud-succeeds",
)
_DYNAMIC_CODE = (
    "oidcc-registration-jwks-uri", "oidcc-refresh-token", "oidcc-refresh-token-rp-key-rotation",
)  # fmt: skip


def _dynamic(response_type: str) -> tuple[str, ...]:
    kinds = response_type.split()
    return (
        *_DYNAMIC,
        *(_DYNAMIC_CODE if "code" in kinds else ()),
        *(("oidcc-userinfo-rs256",) if kinds != ["id_token"] else ()),
        *(("oidcc-idtoken-unsigned",) if "id_token" not in kinds else ()),
    )


def _for_each(*modules: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(RESPONSE_TYPES, modules)


_LOGOUT = "oidcc-rp-initiated-logout"

#: Plan: response type: modules. The names of the plans end in ``-certification-test-plan``.
PLANS: dict[str, dict[str, tuple[str, ...]]] = {
    "oidcc-basic": _BASIC,
    "oidcc-implicit": _IMPLICIT,
    "oidcc-hybrid": _HYBRID,
    "oidcc-formpost-basic": _BASIC,
    "oidcc-formpost-implicit": _IMPLICIT,
    "oidcc-formpost-hybrid": _HYBRID,
    "oidcc-config": {"code": ("oidcc-discovery-endpoint-verification",)},
    "oidcc-dynamic": {name: _dynamic(name) for name in RESPONSE_TYPES},
    "oidcc-3rdparty-init-login": _for_each(
        "oidcc-3rd_party-init-login", "oidcc-3rd_party-init-login-nohttps"
    ),
    _LOGOUT: _for_each(
        f"{_LOGOUT}-discovery-endpoint-verification",
        _LOGOUT,
        f"{_LOGOUT}-bad-post-logout-redirect-uri",
        f"{_LOGOUT}-modified-id-token-hint",
        f"{_LOGOUT}-no-id-token-hint",
        f"{_LOGOUT}-no-params",
        f"{_LOGOUT}-no-post-logout-redirect-uri",
        f"{_LOGOUT}-no-state",
        f"{_LOGOUT}-only-state",
        f"{_LOGOUT}-query-added-to-post-logout-redirect-uri",
        f"{_LOGOUT}-bad-id-token-hint",
    ),
    "oidcc-session-management": _for_each(
        "oidcc-session-management-discovery-endpoint-verification",
        "oidcc-session-management-rp-initiated-logout",
    ),
    "oidcc-frontchannel-rp-initiated-logout": _for_each(
        "oidcc-frontchannel-logout-discovery-endpoint-verification",
        "oidcc-frontchannel-rp-initiated-logout",
    ),
    "oidcc-backchannel-rp-initiated-logout": _for_each(
        "oidcc-backchannel-logout-discovery-endpoint-verification",
        "oidcc-backchannel-rp-initiated-logout",
    ),
}

#: Plans that leave the choice between static and dynamic clients to whoever runs them.
EITHER_REGISTRATION = frozenset(PLANS) - {"oidcc-dynamic", "oidcc-3rdparty-init-login"}
#: Modules that need registration whatever the plan.
DYNAMIC_ONLY = frozenset(
    {
        "oidcc-idtoken-signature",
        "oidcc-idtoken-unsigned",
        "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
    }
)

IN_EVERY_VARIANT = frozenset(
    {
        "oidcc-server",
        "oidcc-prompt-none-not-logged-in",
        "happy-flow",
        "user-rejects-authentication",
    }
)


def variants(module: str) -> list[Variant]:
    """Return every way in which the plans run a module, each once."""
    return sorted(set(_variants(module)))


def _variants(module: str) -> Iterator[Variant]:
    for fapi_modules in FAPI_PLANS.values():
        yield from (variant for variant, modules in fapi_modules.items() if module in modules)
    for plan, modules_of in PLANS.items():
        mode = "form_post" if "formpost" in plan else "default"
        for response_type, modules in modules_of.items():
            if module not in modules:
                continue
            for registration in _registrations(plan, module):
                yield Variant(response_type, mode, registration, _client_auth(plan, module))


def _registrations(plan: str, module: str) -> tuple[str, ...]:
    if plan in EITHER_REGISTRATION and module not in DYNAMIC_ONLY:
        return ("static_client", "dynamic_client")
    return ("dynamic_client",)


def _client_auth(plan: str, module: str) -> str:
    if plan == "oidcc-dynamic":
        return "private_key_jwt"
    return "client_secret_post" if module.endswith("-secret-post") else "client_secret_basic"


def module(name: str) -> pytest.MarkDecorator:
    """Mark a test as the counterpart of a module, to run in the variants for it."""
    return pytest.mark.parametrize("variant", chosen_variants(name), ids=str)


def chosen_variants(module: str) -> list[Variant]:
    """Return the variants in which the counterpart of a module runs."""
    every = variants(module)
    return every if module in IN_EVERY_VARIANT else covering(every)
