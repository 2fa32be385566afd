"""The provider of the FAPI-CIBA plan, with the user who decides on its page."""

from pathlib import Path

from pyramid.paster import get_appsettings
from support.app import Browser
from support.certificates import PROXY
from support.conformance import INI, PASSWORD, USERNAME, ConformanceProvider

from oidcserver import clock
from oidcserver.credentials import INITIAL_ACCESS_TOKEN, digest, new_credential
from oidcserver.models import InitialAccessToken
from oidcserver.oauth.grant_types import CIBA

MTLS = "https://mtls.op.example"
SETTINGS = {
    # The notification endpoint of the plan is on this machine.
    "oidcserver.mode": "development",
    "oauth.outbound_allow_loopback": "true",
    "oauth.grants": "authorization_code refresh_token ciba",
    "oauth.response_types": "code",
    "oauth.endpoints": (
        "authorization token revocation introspection userinfo registration client_configuration "
        "jwks openid_configuration backchannel_authentication"
    ),
    "oidc.pages": "home login consent logout account approvals",
    "oidc.logout_channels": "",
    "oidc.unsigned_id_tokens": "false",
    "oidc.request_parameter": "false",
    "oidc.request_uri_parameter": "false",
    # Only a client that somebody vouches for may ask for the sign-in of a user.
    "oauth.registration": "initial_access_token",
    "oauth.registration_grant_types": f"authorization_code refresh_token {CIBA}",
    # The algorithms of FAPI, and the rules of FAPI-CIBA.
    "oidc.signing_algs": "PS256 ES256",
    "oauth.token_endpoint_auth_methods": (
        "private_key_jwt tls_client_auth self_signed_tls_client_auth"
    ),
    "oauth.access_token_signing_alg": "PS256",
    "oauth.token_endpoint_auth_signing_algs": "PS256 ES256",
    "oidc.ciba_require_signed_request": "true",
    "oidc.ciba_request_signing_algs": "PS256 ES256",
    "oidc.ciba_require_binding_message": "true",
    "oauth.sender_constraints": "mtls",
    "oauth.require_sender_constraint": "true",
    "oauth.client_certificate_proxies": PROXY,
    "oauth.mtls_base_url": MTLS,
}


class CibaProvider(ConformanceProvider):
    """The application of conformance.ini, changed for FAPI-CIBA."""

    def __init__(self, directory: Path, url: str = "") -> None:
        super().__init__(directory, url, {**get_appsettings(str(INI)), **SETTINGS})
        self.initial_access_token = new_credential(INITIAL_ACCESS_TOKEN)
        with self.database() as dbsession:
            row = InitialAccessToken(
                token_digest=digest(self.initial_access_token), expires_at=clock.now() + 86400
            )
            dbsession.add(row)

    def notify(self) -> None:
        """Send the notifications that are due, and wait until none is under way."""
        self.registry.oidc.ping_deliverer.deliver_due()


class Approver:
    """The user whom all requests name."""

    def __init__(self, provider: CibaProvider) -> None:
        self.browser: Browser = provider.browser()
        self.browser.sign_in(USERNAME, PASSWORD)

    def decide(self, auth_req_id: str, decision: str = "allow") -> str:
        """Decide on a request; return the text that the page shows about it."""
        page, digested = self.browser.get("/approvals"), digest(auth_req_id)
        [form] = [
            it for it in page.forms.values()
            if "request" in it.fields and it["request"].value == digested
        ]  # fmt: skip
        shown: str = page.html.find("input", value=digested).find_parent(class_="asked").get_text()
        after = form.submit("decision", value=decision).follow()
        assert f"You {'allowed' if decision == 'allow' else 'denied'} the request" in after
        return shown
