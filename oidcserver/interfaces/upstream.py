"""Upstreams: other OpenID Providers at which users sign in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

#: The place of the tenant in the issuer of a provider with many tenants, as Microsoft Entra has it.
TENANT = "{tenantid}"
#: The users of an upstream who may be connected to an existing account.
LINKING = NONE, SESSION, VERIFIED_EMAIL = "none", "session", "verified_email"
#: Whether a user who signs out here signs out there too.
LOGOUT = STAY, OFFER, ALWAYS = "none", "offer", "always"
#: The claims of a new account, by default.
CLAIMS = ("name", "given_name", "family_name", "email", "email_verified", "locale")
#: The longest issuer identifier.
MAX_ISSUER = 500
_TENANT_NAME = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Another OpenID Provider, at which this one is a client.

    ``config.add_upstream`` describes the fields.
    """

    name: str
    issuer: str
    client_id: str
    label: str
    client_secret: str = field(default="", repr=False)
    token_endpoint_auth_method: str = "client_secret_basic"
    discovery_url: str = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")
    userinfo: bool = True
    claims: Mapping[str, str] = field(default_factory=lambda: {name: name for name in CLAIMS})
    linking: str = SESSION
    allow_registration: bool = False
    username_claim: str = "email"
    acr_values: tuple[str, ...] = ()
    acr: str = ""
    proves_auth_time: bool = True
    required_claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups_claims: tuple[str, ...] = ("groups",)
    groups: Mapping[str, str] = field(default_factory=dict)
    logout: str = STAY
    backchannel_logout: bool = False

    @property
    def metadata_url(self) -> str:
        """The URL of its metadata (OpenID Connect Discovery section 4)."""
        return self.discovery_url or f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"

    def is_issuer(self, issuer: object) -> bool:
        """Whether a text is its issuer, of whichever tenant."""
        if not isinstance(issuer, str) or len(issuer) > MAX_ISSUER:
            return False
        before, placeholder, after = self.issuer.partition(TENANT)
        if not placeholder:
            return issuer == self.issuer
        tenant = issuer.removeprefix(before).removesuffix(after)
        return issuer == f"{before}{tenant}{after}" and _TENANT_NAME.fullmatch(tenant) is not None
