"""An application elsewhere while its provider is slow, away or wrong."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import webtest
from joserfc import jwt
from joserfc.jwk import ECKey
from support.processes import free_port
from support.resource_app import make_resource_app
from support.tls_server import serve_https

from oidcserver import clock as oidcserver_clock
from oidcserver.resource import remote_provider
from oidcserver.sessions import LoginSessionPolicy

AUDIENCE = "https://api.example"
LIVE = {
    "active": True, "token_type": "Bearer", "aud": AUDIENCE, "sub": "alice", "scope": "profile",
    "client_id": "app",
}  # fmt: skip


class ElsewhereProvider:
    """A provider of which each test says what it answers."""

    def __init__(self) -> None:
        self.introspection: Any = LIVE
        self.key = ECKey.generate_key("P-256", {"kid": "1"})
        self.status = 200
        self.requests: list[str] = []
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        #: Seconds between the bytes of an answer.
        self.pause = 0.0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(provider.introspection)

            def do_GET(self) -> None:
                self.answer(
                    {"keys": [provider.key.as_dict(private=False)]}
                    if self.path == "/jwks"
                    else {"jwks_uri": f"{provider.url}/jwks"}
                )

            def answer(self, document: Any) -> None:
                provider.requests.append(self.path)
                provider.asked.set()
                provider.may_answer.wait(10)
                text = document if isinstance(document, str) else json.dumps(document)
                self.send_response(provider.status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                body = text.encode()
                for at in range(len(body) if provider.pause else 0):
                    self.wfile.write(body[at : at + 1])
                    time.sleep(provider.pause)
                self.wfile.write(b"" if provider.pause else body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def token(self, **claims: Any) -> str:
        """Return a token that the provider signed (RFC 9068)."""
        header = {"alg": "ES256", "typ": "at+jwt", "kid": self.key.kid}
        said = {"iss": self.url, "aud": self.url, "exp": oidcserver_clock.now() + 600}
        said |= {"sub": "alice", "scope": "profile", "client_id": "app"} | claims
        return jwt.encode(header, {k: v for k, v in said.items() if v is not ...}, self.key)

    def close(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def elsewhere() -> Iterator[ElsewhereProvider]:
    running = ElsewhereProvider()
    yield running
    running.close()


@pytest.fixture
def introspecting(
    elsewhere: ElsewhereProvider, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., webtest.TestApp]:
    """Return a function that makes an application which asks for each token."""
    monkeypatch.setenv("RESOURCE_SECRET", "cs_x")

    def make(**settings: str) -> webtest.TestApp:
        own = {
            "validator": "introspection",
            "introspection_endpoint": f"{elsewhere.url}/introspect",
            "client_id": "x",
            "client_secret": "env:RESOURCE_SECRET",
            "audience": AUDIENCE,
            **settings,
        }
        return webtest.TestApp(make_resource_app(**own))

    return make


@pytest.fixture
def verifying(elsewhere: ElsewhereProvider) -> webtest.TestApp:
    """An application that verifies signatures."""
    own = {"validator": "jwks", "issuer": elsewhere.url, "audience": elsewhere.url}
    return webtest.TestApp(make_resource_app(**own))


def orders(app: webtest.TestApp, token: str = "abc", *, status: int) -> webtest.TestResponse:
    return app.get("/orders", headers={"Authorization": f"Bearer {token}"}, status=status)


def test_an_introspection_that_names_no_end_is_of_a_live_token(
    elsewhere: ElsewhereProvider, introspecting: Any
) -> None:
    for settings in ({}, {"max_staleness": "1h"}):
        app = introspecting(**settings)
        for _ in range(2):
            assert orders(app, status=200).json["owner"] == "alice"
    assert len(elsewhere.requests) == 3


@pytest.mark.parametrize(
    "wrong", ['"exp": "soon"', '"exp": 1e999', '"exp": []', '"aud": 5', '"scope": {}']
)
def test_an_introspection_with_a_malformed_member_lets_nobody_in(
    elsewhere: ElsewhereProvider, introspecting: Any, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    live = json.dumps(LIVE).removesuffix("}")
    elsewhere.introspection = f"{live}, {wrong}}}"
    refused = orders(introspecting(), status=401)
    assert refused.json["error"] == "invalid_token"
    assert "introspection is malformed" in caplog.text


@pytest.mark.parametrize("token_type", ["N_A", "refresh_token", None, 5])
def test_an_introspection_of_another_kind_of_token_lets_nobody_in(
    elsewhere: ElsewhereProvider,
    introspecting: Any,
    token_type: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    elsewhere.introspection = {**LIVE, "token_type": token_type}
    assert orders(introspecting(), status=401).json["error"] == "invalid_token"
    assert f"the token_type of its introspection, {token_type!a}, is not that" in caplog.text
    elsewhere.introspection = {**LIVE, "token_type": "bearer"}
    orders(introspecting(), status=200)


def test_a_token_for_another_resource_says_so_and_the_log_names_both(
    elsewhere: ElsewhereProvider,
    introspecting: Any,
    verifying: webtest.TestApp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Otherwise an operator who did not declare the resource would look for another mistake."""
    other = "https://other.example"
    elsewhere.introspection = {**LIVE, "aud": other}
    for app, token, own in (
        (introspecting(), "abc", AUDIENCE),
        (verifying, elsewhere.token(aud=other), elsewhere.url),
    ):
        refused = orders(app, token, status=401)
        assert refused.json["error_description"] == "The access token is for another resource."
        assert f"it is for '{other}', and this resource is '{own}'" in caplog.text
    elsewhere.introspection = {**LIVE, "aud": None}
    orders(introspecting(), status=401)
    assert "it is for no resource" in caplog.text
    elsewhere.introspection = {**LIVE, "aud": other, "exp": 1}
    assert "has expired" in orders(introspecting(), status=401).json["error_description"]


@pytest.mark.parametrize("answer", ["[]", "nonsense", "[" * 60000, '"x"'])
def test_an_answer_that_is_no_introspection_is_a_503(
    elsewhere: ElsewhereProvider, introspecting: Any, answer: str
) -> None:
    elsewhere.introspection = answer
    assert orders(introspecting(), status=503).headers["Retry-After"]


@pytest.mark.parametrize("claims", [{"exp": "soon"}, {"exp": ...}, {"aud": 5}, {"exp": True}])
def test_a_signed_token_with_a_malformed_or_missing_time_is_invalid(
    elsewhere: ElsewhereProvider, verifying: webtest.TestApp, claims: dict[str, Any]
) -> None:
    assert orders(verifying, elsewhere.token(**claims), status=401).json["error"] == "invalid_token"
    orders(verifying, elsewhere.token(), status=200)


def test_a_provider_that_hangs_holds_some_threads_and_for_a_while_no_more(
    elsewhere: ElsewhereProvider, introspecting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = introspecting(places="1")
    elsewhere.may_answer.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(orders, app, status=503)
        assert elsewhere.asked.wait(10)
        orders(app, status=503)
        assert not first.done()
        assert first.result(20)
    orders(app, status=503)
    assert elsewhere.requests == ["/introspect"]
    elsewhere.may_answer.set()
    now = remote_provider.time.monotonic()
    monkeypatch.setattr(remote_provider.time, "monotonic", lambda: now + remote_provider.PAUSE + 1)
    orders(app, status=200)


def test_one_that_is_well_serves_more_at_once_than_there_are_places(
    elsewhere: ElsewhereProvider, introspecting: Any
) -> None:
    app = introspecting(places="1")
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(orders, app, status=200) for _ in range(8)]
        assert all(answer.result(20) for answer in answers)


def test_known_keys_serve_while_the_provider_is_away_or_slow(
    elsewhere: ElsewhereProvider, verifying: webtest.TestApp, clock: Any
) -> None:
    orders(verifying, elsewhere.token(), status=200)
    elsewhere.status = 500
    clock.advance(301)
    orders(verifying, elsewhere.token(), status=200)
    asked = len(elsewhere.requests)
    orders(verifying, elsewhere.token(), status=200)
    assert len(elsewhere.requests) == asked, "a failure is remembered"
    elsewhere.status = 200
    clock.advance(301)
    elsewhere.may_answer.clear()
    elsewhere.asked.clear()
    token = elsewhere.token()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(orders, verifying, token, status=200)
        assert elsewhere.asked.wait(10)
        orders(verifying, token, status=200)
        assert not asking.done()
        elsewhere.may_answer.set()
        asking.result(20)


def test_an_authority_of_ones_own_is_trusted_for_the_provider(
    introspecting: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def provider(environ: Any, start_response: Any) -> list[bytes]:
        # A connection that is closed with an unread body is reset, and the answer may be lost.
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        body = json.dumps(LIVE).encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    port = free_port()
    with serve_https(provider, port, tmp_path):
        endpoint = {"introspection_endpoint": f"https://localhost:{port}/introspect"}
        orders(introspecting(**endpoint), status=503)
        assert "oauth_resource.ca_bundle can name the authorities" in caplog.text
        orders(introspecting(**endpoint, ca_bundle=str(tmp_path / "server.pem")), status=200)


class OwnPolicy(LoginSessionPolicy):
    """The security policy of an application whose users sign in elsewhere."""

    def identity(self, request: Any) -> Any:
        return SimpleNamespace(subject="an employee")

    def authenticated_userid(self, request: Any) -> str:
        return "an employee"


def test_a_security_policy_of_the_application_stays_its_own() -> None:
    app = webtest.TestApp(
        make_resource_app(
            OwnPolicy(), validator="jwks", issuer="https://login.example", audience="any"
        )
    )
    assert app.get("/open").json == {"open": False}
    app.get("/orders", status=401)


def test_an_answer_that_comes_a_byte_at_a_time_is_not_waited_for(
    elsewhere: ElsewhereProvider, introspecting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_provider, "TIMEOUT", 0.2)
    elsewhere.pause = 0.05
    assert orders(introspecting(), status=503).headers["Retry-After"]
