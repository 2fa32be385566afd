"""A relying party on Authlib's client. See support/relying_party_process.py."""

import json
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey


def ask(**message: Any) -> Any:
    """Say something to the test; return its answer."""
    print(json.dumps(message), flush=True)
    return json.loads(input())


class RelyingParty:
    """The application that a person signs in to."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        self.configuration = configuration
        method = configuration["method"]
        secret = configuration["client_secret"]
        if method == "private_key_jwt":
            secret = RSAKey.import_key(configuration["jwk"])
        issuer = configuration["issuer"]
        self.metadata = requests.get(f"{issuer}/.well-known/openid-configuration").json()
        assert self.metadata["issuer"] == issuer
        self.session = OAuth2Session(
            configuration["client_id"],
            secret,
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
            scope=configuration["scope"],
            redirect_uri=configuration["redirect_uri"],
            code_challenge_method="S256",
            token_endpoint=self.metadata["token_endpoint"],
        )
        self.session.register_client_auth_method(PrivateKeyJWT(self.metadata["token_endpoint"]))
        self.session.register_client_auth_method(ClientSecretJWT(self.metadata["token_endpoint"]))

    def login(self, **parameters: str) -> Any:
        """Send the person to the provider; return the claims of the ID token."""
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe()
        url, state = self.session.create_authorization_url(
            self.metadata["authorization_endpoint"],
            code_verifier=verifier,
            nonce=nonce,
            **parameters,
        )
        answer = ask(open=url)
        error = parse_qs(urlsplit(answer).query).get("error")
        if error:  # Authlib leaves this to its integrations of web frameworks
            raise OAuthError(error[0])
        token = self.session.fetch_token(
            authorization_response=answer, state=state, code_verifier=verifier
        )
        return self.read_id_token(token, nonce)

    def read_id_token(self, token: dict[str, Any], nonce: str) -> Any:
        """Verify an ID token with the published keys."""
        keys = KeySet.import_key_set(requests.get(self.metadata["jwks_uri"]).json())
        decoded = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
        options = {
            "iss": {"essential": True, "value": self.metadata["issuer"]},
            "aud": {"essential": True, "value": self.configuration["client_id"]},
        }
        parameters = {
            "nonce": nonce,
            "client_id": self.configuration["client_id"],
            "access_token": token["access_token"],
        }
        claims = CodeIDToken(decoded.claims, decoded.header, options, parameters)
        claims.validate()
        return claims

    def userinfo(self) -> Any:
        """Return the claims of UserInfo, or the status of its refusal."""
        response = self.session.get(self.metadata["userinfo_endpoint"])
        return response.json() if response.ok else response.status_code

    def refresh(self) -> str:
        """Refresh; return the error, or nothing."""
        try:
            self.session.refresh_token()
        except OAuthError as problem:
            return str(problem.error)
        return ""

    def introspect(self) -> Any:
        """Return what introspection says of the access token; a public client may not ask."""
        if self.configuration["method"] == "none":
            return None
        token = self.session.token["access_token"]
        return self.session.introspect_token(
            self.metadata["introspection_endpoint"], token=token
        ).json()

    def revoke(self, kind: str) -> int:
        """Revoke a token; return the status."""
        return int(
            self.session.revoke_token(
                self.metadata["revocation_endpoint"],
                token=self.session.token[kind],
                token_type_hint=kind,
            ).status_code
        )


def walk(configuration: dict[str, Any]) -> dict[str, Any]:
    """Do all that a relying party does in its life; return what came of it."""
    party = RelyingParty(configuration)
    report: dict[str, Any] = {"subject": party.login()["sub"]}
    report["userinfo"] = party.userinfo()
    first = dict(party.session.token)
    report["refresh"] = party.refresh()
    report["rotated"] = party.session.token["refresh_token"] != first["refresh_token"]
    report["userinfo_after_refresh"] = party.userinfo()
    report["introspection"] = party.introspect()
    report["revocation"] = [party.revoke("access_token")]
    report["userinfo_after_revocation"] = party.userinfo()
    report["revocation"].append(party.revoke("refresh_token"))
    report["refresh_after_revocation"] = party.refresh()
    report["subject_again"] = party.login()["sub"]
    ask(sign_out=True)
    report["userinfo_after_sign_out"] = party.userinfo()
    report["refresh_after_sign_out"] = party.refresh()
    try:
        party.login(prompt="none")
    except OAuthError as problem:
        report["silent_login_after_sign_out"] = problem.error
    report["subject_after_sign_out"] = party.login()["sub"]
    return report


if __name__ == "__main__":
    print(json.dumps({"report": walk(json.loads(input()))}), flush=True)
