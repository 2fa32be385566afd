"""A client of a provider of FAPI 2.0: its keys, its registration and its requests for tokens."""

from functools import cache
from typing import Any

import webtest
from joserfc.jwk import ECKey, Key, RSAKey
from payments import NAME
from support import conformance_checks as checks
from support.assertions import Signer
from support.certificates import PROXY, ClientCertificate
from support.conformance_variants import FAPIVariant
from support.dpop import ProofKey
from support.fapi_checks import check_fapi_metadata
from support.fapi_provider import FAPIProvider
from support.registered_client import REDIRECT_URI
from support.strict_relying_party import StrictRelyingParty

WITH_QUERY = f"{REDIRECT_URI}?dummy1=lorem&dummy2=ipsum"


@cache
def new_key(alg: str, kid: str) -> Key:
    """Return the key of that name."""
    options = {"kid": kid, "use": "sig", "alg": alg}
    if alg == "ES256":
        return ECKey.generate_key("P-256", options)
    return RSAKey.generate_key(2048, options)


@cache
def new_certificate(name: str) -> ClientCertificate:
    """Return the certificate of that name."""
    return ClientCertificate(f"CN={name}")


class FAPIClient(StrictRelyingParty):
    """A client of a variant.

    :param name: of its key and of its certificate; each name has its own.
    :param alg: signs assertions and request objects.
    """

    provider: FAPIProvider
    variant: FAPIVariant

    def __init__(
        self,
        provider: FAPIProvider,
        variant: FAPIVariant,
        *,
        name: str = "first",
        alg: str = "ES256",
        **metadata: Any,
    ) -> None:
        #: None: the client shows no certificate.
        self.certificate: ClientCertificate | None = new_certificate(name)
        self.proof_key = ProofKey()
        super().__init__(provider, variant, key=new_key(alg, name), **metadata)
        self.signer = Signer(self.client_id, alg, self.key, provider.issuer)
        # A proxy stands before the provider, and no browser is part of this.
        self.http = webtest.TestApp(provider.wsgi, extra_environ={"REMOTE_ADDR": PROXY})

    @property
    def token_type(self) -> str:
        """The type of the tokens that come, in lower case."""
        return "dpop" if self.dpop else "bearer"

    @property
    def dpop(self) -> bool:
        """Whether tokens are bound by DPoP, and not to the certificate."""
        return self.variant.sender_constraint == "dpop"

    @property
    def id_token_alg(self) -> str:
        """How the ID tokens are to be signed."""
        algorithm: str = self.registered["id_token_signed_response_alg"]
        return algorithm

    @property
    def resource_url(self) -> str:
        """A resource for the tokens of this variant."""
        if self.variant.openid:
            return self.endpoint("userinfo_endpoint")
        return f"{self.provider.issuer}/orders"

    def endpoint(self, name: str) -> str:
        """Return the URL of an endpoint, on the mTLS host if a certificate is needed."""
        by_certificate = self.variant.client_auth == "tls_client_auth" or not self.dpop
        aliases = self.metadata["mtls_endpoint_aliases"] if by_certificate else self.metadata
        url: str = aliases[name]
        return url

    # -- registration ---------------------------------------------------------------------------

    def read_metadata(self) -> dict[str, Any]:
        """Read and check the metadata: those of RFC 8414 where there is no OpenID Connect."""
        name = "openid-configuration" if self.variant.openid else "oauth-authorization-server"
        response = self.provider.browser().get(f"/.well-known/{name}")
        assert response.content_type == "application/json"
        metadata: dict[str, Any] = response.json
        checks.check_metadata(metadata, self.provider.issuer, {self.variant.client_auth})
        check_fapi_metadata(metadata, self.variant)
        return metadata

    def default_metadata(self) -> dict[str, Any]:
        """The metadata that a client of this variant registers."""
        interactive = self.variant.grant == "authorization_code"
        metadata: dict[str, Any] = {
            "client_name": "FAPI",
            "redirect_uris": [REDIRECT_URI, WITH_QUERY] if interactive else [],
            "grant_types": [self.variant.grant, *(["refresh_token"] if interactive else [])],
            "response_types": ["code"] if interactive else [],
            "token_endpoint_auth_method": self.variant.client_auth,
            "scope": "openid profile email offline_access" if self.variant.openid else "profile",
            "jwks": {"keys": [self.key.as_dict(private=False)]},
            "id_token_signed_response_alg": "PS256",
            "authorization_signed_response_alg": "ES256",
            "authorization_details_types": [NAME],
        }
        if self.variant.client_auth == "tls_client_auth":
            assert self.certificate is not None
            metadata["tls_client_auth_subject_dn"] = self.certificate.name.rfc4514_string()
            metadata["dpop_bound_access_tokens"] = self.dpop
        # Where the client says nothing, the provider binds its tokens to what it shows.
        metadata["tls_client_certificate_bound_access_tokens"] = not self.dpop
        return metadata

    # -- the token request ------------------------------------------------------------------------

    def credentials(self, **changes: Any) -> dict[str, str]:
        """Return the parameters by which this client authenticates; changes are for the claims."""
        if self.variant.client_auth == "tls_client_auth":
            return {"client_id": self.client_id}
        return self.signer.form(self.signer.assertion(**changes))

    def certificate_headers(self) -> dict[str, str]:
        """Return the headers in which the proxy hands on the certificate, if one is used."""
        used = self.variant.client_auth == "tls_client_auth" or not self.dpop
        return self.certificate.headers() if used and self.certificate else {}

    def proof(self, **changes: Any) -> dict[str, str]:
        """Return the header of a token request that proves the key, if tokens are bound by one."""
        url = self.endpoint("token_endpoint")
        return {"DPoP": self.proof_key.proof("POST", url, **changes)} if self.dpop else {}

    def proof_at_par(self, **changes: Any) -> dict[str, str]:
        """Return the header of a pushed request that proves the key."""
        url = self.endpoint("pushed_authorization_request_endpoint")
        return {"DPoP": self.proof_key.proof("POST", url, **changes)}

    def token_request(
        self,
        form: dict[str, str],
        *,
        credentials: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> webtest.TestResponse:
        """Send a token request, by default with the credentials and the proof of this client."""
        own = self.credentials() if credentials is None else credentials
        proof = self.proof() if headers is None else headers
        return self.http.post(
            self.endpoint("token_endpoint"),
            {**form, **own},
            headers={**self.certificate_headers(), **proof},
            expect_errors=True,
        )

    # -- the resource -----------------------------------------------------------------------------

    def possession(self, token: str, *, url: str = "", **changes: Any) -> dict[str, str]:
        """Return the headers that prove possession of the key of a token at the resource.

        :param url: of the request; changes are for the claims of the proof.
        """
        if not self.dpop:
            return self.certificate_headers()
        url = url or self.resource_url
        return {"DPoP": self.proof_key.proof("GET", url, token=token, **changes)}

    def call(
        self,
        token: str,
        *,
        scheme: str = "",
        headers: dict[str, str] | None = None,
        url: str = "",
    ) -> webtest.TestResponse:
        """Call the resource.

        :param headers: are sent beside the token; by default :meth:`possession`.
        """
        scheme = scheme or ("DPoP" if self.dpop else "Bearer")
        proven = self.possession(token) if headers is None else headers
        sent = {"Authorization": f"{scheme} {token}", **proven}
        return self.http.get(url or self.resource_url, headers=sent, expect_errors=True)
