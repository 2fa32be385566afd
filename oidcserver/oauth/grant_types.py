"""The grant types whose names are URNs, and the one that other grants depend on."""

from oidcserver.models import RegisteredClient
from oidcserver.types import Provider

#: RFC 8628 section 3.4.
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
#: RFC 8693 section 2.1.
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
#: RFC 7523 section 2.1.
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: OpenID Connect Client-Initiated Backchannel Authentication (CIBA) Core 1.0 section 10.1.
CIBA = "urn:openid:params:grant-type:ciba"


def may_refresh(provider: Provider, client: RegisteredClient) -> bool:
    """Whether refresh tokens are selected and the client registered for them."""
    return "refresh_token" in provider.grant_types and client.check_grant_type("refresh_token")
