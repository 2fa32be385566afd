"""A site that behaves as one on ASP.NET Core 9 with its OpenID Connect handler does.

The handler itself needs .NET. This program has its behaviour towards a provider:

- It reads discovery once, and pushes its request if the provider has an endpoint for that
  (``PushedAuthorizationBehavior.UseIfAvailable``, the default). It requires status 201.
- It sends its secret in the body, to the endpoint of pushed requests as to the token endpoint.
- The request has ``response_mode=form_post``, a PKCE challenge, a nonce that begins with a time,
  and a state of several hundred characters, which holds the verifier, encrypted.
- The browser gets ``client_id`` and ``request_uri``, and parameters that no standard knows.
- The nonce and the correlation of the state are in cookies of the site. The ID token has to have
  the nonce, and UserInfo the subject of the ID token.
- Sign-out sends the ID token and a state to the provider.

``python aspnet_site.py`` reads one line of JSON: ``port`` and ``options``, the handler's options by
their names. It says ``ready`` and serves.
"""

import json
import secrets
import time
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import requests
import waitress
from cryptography.fernet import Fernet
from joserfc import jwt
from joserfc.jwk import KeySet
from webob import Request, Response
from webob.dec import wsgify

configuration: dict[str, Any] = json.loads(input())
options: dict[str, str] = configuration["options"]
site = f"http://127.0.0.1:{configuration['port']}"
backchannel = requests.Session()
backchannel.trust_env = False
metadata: dict[str, Any] = {}
protector = Fernet(Fernet.generate_key())
CORRELATION = ".AspNetCore.Correlation."
NONCE = ".AspNetCore.OpenIdConnect.Nonce."
TELEMETRY = {"x-client-SKU": "ID_NET9_0", "x-client-ver": "8.0.1.0"}
SESSION = ".AspNetCore.Cookies"


def provider() -> dict[str, Any]:
    """Return the provider's metadata."""
    if not metadata:
        url = f"{options['Authority']}/.well-known/openid-configuration"
        metadata.update(backchannel.get(url, timeout=30).json())
    return metadata


def protect(values: dict[str, str]) -> str:
    return protector.encrypt(json.dumps(values).encode()).decode()


def unprotect(text: str) -> dict[str, str]:
    values: dict[str, str] = json.loads(protector.decrypt(text.encode()))
    return values


def challenge(request: Request) -> Response:
    """Send the browser to the provider."""
    verifier = secrets.token_urlsafe(32)
    digest = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    ticks = 621_355_968_000_000_000 + time.time_ns() // 100
    nonce = f"{ticks}.{b64encode(secrets.token_hex(36).encode()).decode()}"
    correlation = secrets.token_urlsafe(32)
    message = {
        "client_id": options["ClientId"],
        "redirect_uri": f"{site}/signin-oidc",
        "response_type": options["ResponseType"],
        "scope": "openid profile",
        "code_challenge": digest,
        "code_challenge_method": "S256",
        "response_mode": "form_post",
        "nonce": nonce,
        "state": protect(
            {".redirect": request.url, ".xsrf": correlation, "code_verifier": verifier}
        ),
    }
    endpoint = provider().get("pushed_authorization_request_endpoint")
    if endpoint is not None:
        message = {"client_id": options["ClientId"], "request_uri": push(endpoint, message)}
    query = urlencode({**message, **TELEMETRY})
    response = Response(status=302, location=f"{provider()['authorization_endpoint']}?{query}")
    for name in (CORRELATION + correlation, NONCE + sha256(nonce.encode()).hexdigest()):
        response.set_cookie(name, "N", path="/signin-oidc", max_age=900, httponly=True)
    return response


def push(endpoint: str, message: dict[str, str]) -> str:
    """Push a request; return its ``request_uri``."""
    form = {**message, "client_secret": options["ClientSecret"]}
    answer = backchannel.post(endpoint, form, timeout=30)
    assert answer.status_code == 201, answer.text
    request_uri: str = answer.json()["request_uri"]
    return request_uri


def sign_in(request: Request) -> Response:
    """Take the answer of the provider, which the browser posts."""
    assert request.method == "POST"
    assert request.content_type == "application/x-www-form-urlencoded"
    properties = unprotect(request.POST["state"])
    assert CORRELATION + properties[".xsrf"] in request.cookies, "Correlation failed."
    assert "error" not in request.POST, request.POST["error"]
    form = {
        "client_id": options["ClientId"],
        "client_secret": options["ClientSecret"],
        "code": request.POST["code"],
        "grant_type": "authorization_code",
        "redirect_uri": f"{site}/signin-oidc",
        "code_verifier": properties["code_verifier"],
    }
    answer = backchannel.post(provider()["token_endpoint"], form, timeout=30)
    assert answer.ok, answer.text
    tokens = answer.json()
    claims = validate(tokens["id_token"])
    nonce_cookie = NONCE + sha256(claims["nonce"].encode()).hexdigest()
    assert nonce_cookie in request.cookies, "The nonce is not that of the request."
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    user = backchannel.get(provider()["userinfo_endpoint"], headers=headers, timeout=30).json()
    assert user["sub"] == claims["sub"]
    response = Response(status=302, location=properties[".redirect"])
    ticket = protect({"id_token": tokens["id_token"], "claims": json.dumps({**claims, **user})})
    response.set_cookie(SESSION, ticket, httponly=True)
    for name in (CORRELATION + properties[".xsrf"], nonce_cookie):
        response.delete_cookie(name, path="/signin-oidc")
    return response


def validate(id_token: str) -> dict[str, Any]:
    """Return the claims of an ID token of the provider for this client."""
    keys = KeySet.import_key_set(backchannel.get(provider()["jwks_uri"], timeout=30).json())
    claims = jwt.decode(id_token, keys, algorithms=["RS256"]).claims
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": provider()["issuer"]},
        aud={"essential": True, "value": options["ClientId"]},
        exp={"essential": True},
    ).validate(claims)
    return claims


def sign_out(request: Request) -> Response:
    """Sign the user out of the site, and send the browser to the provider for the same."""
    query = {
        "post_logout_redirect_uri": f"{site}/signout-callback-oidc",
        "id_token_hint": unprotect(request.cookies[SESSION])["id_token"],
        "state": protect({".redirect": f"{site}/signed-out"}),
        **TELEMETRY,
    }
    response = Response(
        status=302, location=f"{provider()['end_session_endpoint']}?{urlencode(query)}"
    )
    response.delete_cookie(SESSION)
    return response


@wsgify
def application(request: Request) -> Response:
    if request.path == "/signin-oidc":
        return sign_in(request)
    if request.path == "/signout":
        return sign_out(request)
    if request.path == "/signout-callback-oidc":
        return Response(status=302, location=unprotect(request.GET["state"])[".redirect"])
    if request.path == "/signed-out":
        return Response("signed out")
    if SESSION not in request.cookies:
        return challenge(request)
    claims = json.loads(unprotect(request.cookies[SESSION])["claims"])
    return Response(json_body=claims, content_type="application/json", charset="utf-8")


server = waitress.create_server(
    application, host="127.0.0.1", port=configuration["port"], threads=2
)
print("ready", flush=True)
server.run()
