"""Identity Assertion JWT Authorization Grants (ID-JAG), as they are issued and accepted here.

draft-ietf-oauth-identity-assertion-authz-grant
"""

#: The ``typ`` of the header.
TYP = "oauth-id-jag+jwt"
#: Seconds from ``iat`` to ``exp``.
MAX_LIFETIME = 300
