"""An upstream of which each test says what it answers."""

import json
import threading
import time
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import webtest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey
from support.app import Browser

CLIENT_ID = "we"
SECRET = "a secret: with + and %"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Upstream:
    """Serves discovery, keys, tokens and UserInfo; the tests stand for its login page.

    ``claims``, ``userinfo``, ``query``, ``metadata`` and ``tokens`` change what it says; a value of
    None takes a member out.
    """

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "1"})
        self.key_members: dict[str, str] = {}
        self.alg = "ES256"
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.query: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.tokens: dict[str, Any] = {}
        self.status: dict[str, int] = {}
        #: Texts to serve at paths in place of documents.
        self.garbage: dict[str, str] = {}
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.requests: list[str] = []
        self.id_tokens: list[str] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked: dict[str, str] = {}
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = dict(parse_qsl(body))
                upstream.forms.append(form)
                self.answer(form.get("code", ""))

            def do_GET(self) -> None:
                self.answer()

            def answer(self, code: str = "") -> None:
                upstream.requests.append(self.path)
                upstream.headers.append(dict(self.headers))
                upstream.may_answer.wait(10)
                document = upstream.document(self.path, code)
                body = (document if isinstance(document, str) else json.dumps(document)).encode()
                self.send_response(upstream.status.get(self.path, 200))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def settings(self, name: str = "other", **options: object) -> dict[str, object]:
        """The settings of a provider with this upstream."""
        values = {
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "label": "The Other",
            **options,
        }
        return {
            "oidc__upstreams": name,
            **{f"oidc__upstream.{name}.{option}": value for option, value in values.items()},
        }

    def document(self, path: str, code: str = "") -> Any:
        """Return what is served at a path; a code is the nonce of its request."""
        if path in self.garbage:
            return self.garbage[path]
        if path == "/.well-known/openid-configuration":
            return _without_none(
                {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "jwks_uri": f"{self.issuer}/jwks",
                    "userinfo_endpoint": f"{self.issuer}/userinfo",
                    "end_session_endpoint": f"{self.issuer}/end",
                    "authorization_response_iss_parameter_supported": True,
                    **self.metadata,
                }
            )
        if path == "/jwks":
            return {"keys": [{**self.key.as_dict(private=False), **self.key_members}]}
        if path == "/token":
            members = {"access_token": "an-access-token", "token_type": "Bearer"}
            return _without_none({**members, "id_token": self.id_token(code), **self.tokens})
        return _without_none({"sub": "u1", "email": "ada@example.com", **self.userinfo})

    def id_token(self, nonce: str) -> str:
        """Return an ID token."""
        now = int(time.time())
        claims = _without_none(
            {
                "iss": self.issuer,
                "sub": "u1",
                "aud": CLIENT_ID,
                "nonce": nonce,
                "iat": now,
                "exp": now + 60,
                "auth_time": now,
                **self.claims,
            }
        )
        header = {"alg": self.alg, "kid": "1"}
        if self.alg == "none":
            parts = (json.dumps(header), json.dumps(claims))
            return ".".join([*map(_encoded, parts), ""])
        key: Any = OctKey.import_key(SECRET) if self.alg.startswith("HS") else self.key
        self.id_tokens.append(jwt.encode(header, claims, key, algorithms=[self.alg]))
        return self.id_tokens[-1]

    def logout_token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a logout token for the user; a value of None takes a claim out."""
        now = int(time.time())
        values = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "u1",
            "jti": token_hex(8),
            "iat": now,
            "exp": now + 120,
            "events": {LOGOUT_EVENT: {}},
            **claims,
        }
        head = _without_none({"alg": self.alg, "kid": "1", "typ": "logout+jwt", **(header or {})})
        key: Any = OctKey.import_key(SECRET) if head["alg"].startswith("HS") else self.key
        payload = json.dumps(_without_none(values))
        return jws.serialize_compact(head, payload, key, algorithms=[head["alg"]])

    def answer_url(self, response: webtest.TestResponse, **changes: Any) -> str:
        """Return the URL to which this upstream sends the browser that came here."""
        assert response.location.startswith(f"{self.issuer}/authorize?"), response.location
        self.asked = asked = dict(parse_qsl(urlsplit(response.location).query))
        query = _without_none(
            {
                "code": asked["nonce"],
                "state": asked["state"],
                "iss": self.issuer,
                **self.query,
                **changes,
            }
        )
        return f"{asked['redirect_uri']}?{urlencode(query)}"

    def sign_in(self, browser: Browser, name: str = "other", path: str = "/login") -> Any:
        """Press the button, sign in here, and return the answer to the browser that comes back."""
        return browser.get(self.answer_url(browser.get(path).forms[f"upstream-{name}"].submit()))

    def close(self) -> None:
        """Stop."""
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _without_none(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
