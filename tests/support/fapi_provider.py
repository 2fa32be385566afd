"""Providers with the profiles of FAPI 2.0, as docs/profiles.md tells an operator to set them up."""

from functools import cached_property
from pathlib import Path

from support.app import Browser
from support.certificates import PROXY
from support.conformance import PASSWORD, USERNAME, ConformanceProvider
from support.conformance_variants import FAPIVariant

MTLS_BASE_URL = "https://mtls.op.example"
SETTINGS = {
    "oauth.token_endpoint_auth_methods": "private_key_jwt tls_client_auth",
    "oauth.sender_constraints": "dpop mtls",
    "oauth.client_certificate_proxies": PROXY,
    "oauth.mtls_base_url": MTLS_BASE_URL,
    # A type of authorization details, and a resource for clients without the scope openid.
    "oidcserver.includes": "payments support.orders_plugin",
}
PROFILES = {
    "fapi2_security": {"oauth.response_modes": "query jwt"},
    "fapi2_message_signing": {},
}


def profile_of(variant: FAPIVariant) -> str:
    """Return the profile of the provider that a variant needs."""
    return "fapi2_message_signing" if variant.signed else "fapi2_security"


class FAPIProvider(ConformanceProvider):
    """A provider with a profile, over a database and keys of its own."""

    def __init__(self, directory: Path, url: str, profile: str) -> None:
        super().__init__(
            directory, url, {"oauth.profile": profile, **PROFILES[profile], **SETTINGS}
        )

    @cached_property
    def signed_in(self) -> Browser:
        """A browser in which the user has signed in: hashing a password takes long."""
        browser = self.browser()
        browser.sign_in(USERNAME, PASSWORD, status=303)
        return browser
