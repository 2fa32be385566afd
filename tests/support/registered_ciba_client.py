"""A client of FAPI-CIBA: how it is registered, and how it authenticates."""

import secrets
from base64 import b64encode
from functools import cache
from typing import Any, NamedTuple

import webtest
from joserfc.jwk import RSAKey
from support import conformance_checks as checks
from support.assertions import Signer
from support.certificates import PROXY, ClientCertificate
from support.conformance import path_of
from support.conformance_ciba import CibaProvider
from support.conformance_ciba_plans import CibaVariant
from support.notification_endpoint import NotificationEndpoint

from oidcserver.clients.registration import register_client
from oidcserver.models import Client
from oidcserver.oauth.grant_types import CIBA

ALG = "PS256"
SCOPE = "openid profile email"
#: The token endpoint authentication method of each client_auth and registration.
METHODS = {
    "private_key_jwt": {"static_client": "private_key_jwt", "dynamic_client": "private_key_jwt"},
    "mtls": {
        "static_client": "tls_client_auth", "dynamic_client": "self_signed_tls_client_auth",
    },
}  # fmt: skip


class Credentials(NamedTuple):
    """The key of a client, and a certificate of the same key."""

    key: RSAKey
    certificate: ClientCertificate
    subject: str


@cache
def credentials(name: str) -> Credentials:
    """Return the credentials of that name."""
    key = RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": ALG})
    subject = f"CN={name},O=Conformance"
    return Credentials(key, ClientCertificate(subject, key=key.private_key), subject)


class RegisteredCibaClient:
    """A client, registered as the variant says.

    :param name: of its credentials: each client has others.
    """

    def __init__(
        self,
        provider: CibaProvider,
        variant: CibaVariant,
        endpoint: NotificationEndpoint,
        name: str,
        **metadata: Any,
    ) -> None:
        self.provider, self.variant, self.endpoint = provider, variant, endpoint
        self.key, self.certificate, self._subject = credentials(name)
        self.http = webtest.TestApp(
            provider.wsgi,
            extra_environ={"REMOTE_ADDR": PROXY, "wsgi.url_scheme": "https"},
        )
        self.metadata, self.jwks = provider.metadata, provider.jwks
        checks.check_jwks(self.jwks)
        self.registered = {**self._default_metadata(), **metadata}
        self.client_id = self._register()
        self.signer = self.signing_with(ALG)
        #: The bearer token of notifications.
        self.notification_token = secrets.token_urlsafe(32)

    # Registration

    def _default_metadata(self) -> dict[str, Any]:
        members: dict[str, Any] = {
            "client_name": "Certification",
            "grant_types": [CIBA],
            "response_types": [],
            "scope": SCOPE,
            "jwks": {"keys": [self.key.as_dict(private=False)]},
            "backchannel_token_delivery_mode": self.variant.mode,
            "backchannel_authentication_request_signing_alg": ALG,
            "id_token_signed_response_alg": ALG,
            "tls_client_certificate_bound_access_tokens": True,
        }
        if self.variant.mode == "ping":
            members["backchannel_client_notification_endpoint"] = self.endpoint.url
        method = METHODS[self.variant.client_auth][self.variant.registration]
        members["token_endpoint_auth_method"] = method
        if method == "private_key_jwt":
            members["token_endpoint_auth_signing_alg"] = ALG
        elif method == "tls_client_auth":
            members["tls_client_auth_subject_dn"] = self._subject
        return members

    def _register(self) -> str:
        if self.variant.registration == "static_client":
            with self.provider.database() as dbsession:
                known = self.provider.registry.oidc.provider
                client, secret = register_client(known, dbsession, self.registered)
                assert secret is None
                return client.client_id
        # What the provider has no use for may be sent, and is left out of the answer.
        [key] = self.registered["jwks"]["keys"]
        with_certificate = {**key, "x5c": [b64encode(self.certificate.der).decode()]}
        unused = {
            "jwks": {"keys": [with_certificate]}, "backchannel_user_code_parameter": False,
        }  # fmt: skip
        response = self.http.post_json(
            path_of(self.metadata["registration_endpoint"]),
            {**self.registered, **unused},
            headers={"Authorization": f"Bearer {self.provider.initial_access_token}"},
            expect_errors=True,
        )
        assert response.status_int == 201, response
        assert response.content_type == "application/json"
        assert "no-store" in response.headers["Cache-Control"]
        members = self._registration = response.json
        assert {name: members[name] for name in self.registered} == self.registered
        assert not members.get("backchannel_user_code_parameter")
        assert "client_secret" not in members
        assert {"registration_client_uri", "registration_access_token"} <= members.keys()
        client_id: str = members["client_id"]
        return client_id

    def unregister(self) -> None:
        """Delete the client, with its requests (RFC 7592 section 2.3)."""
        if self.variant.registration == "static_client":
            with self.provider.database() as dbsession:
                dbsession.delete(dbsession.get_one(Client, self.client_id))
            return
        headers = {"Authorization": f"Bearer {self._registration['registration_access_token']}"}
        path = path_of(self._registration["registration_client_uri"])
        self.http.delete(path, headers=headers, status=204)

    # Sending

    def url(self, endpoint: str, *, alias: bool) -> str:
        """Return the URL of an endpoint of the discovery document, or of its alias for mTLS."""
        document = self.metadata["mtls_endpoint_aliases"] if alias else self.metadata
        url: str = document[endpoint]
        return url

    def post(
        self, url: str, form: dict[str, str], certificate: ClientCertificate | None
    ) -> webtest.TestResponse:
        """Post a form, with a certificate or without."""
        headers = certificate.headers() if certificate is not None else {}
        return self.http.post(url, form, headers=headers, expect_errors=True)

    def signing_with(self, alg: str) -> Signer:
        """Return what signs with this client's key by another algorithm."""
        return Signer(self.client_id, alg, self.key, self.provider.issuer)

    def authentication(self, audience: str) -> dict[str, str]:
        """Return the parameters by which this client authenticates."""
        if self.variant.client_auth == "mtls":
            return {"client_id": self.client_id}
        return self.signer.form(self.signer.assertion(aud=audience))
