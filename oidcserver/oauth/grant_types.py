"""The grant types whose names are URNs."""

#: RFC 8628 section 3.4.
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
#: RFC 8693 section 2.1.
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
#: RFC 7523 section 2.1.
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: OpenID Connect Client-Initiated Backchannel Authentication (CIBA) Core 1.0 section 10.1.
CIBA = "urn:openid:params:grant-type:ciba"
