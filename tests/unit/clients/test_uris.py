"""Which URIs are registered, and which are rejected (RFC 9700 section 4.1, RFC 8252)."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from oidcserver.clients.uris import (
    fetched_uri_problem,
    implied_application_type,
    is_loopback,
    redirect_uri_problem,
    web_uri_problem,
)
from oidcserver.http.addresses import Reachable, reachable

NOWHERE_ELSE = Reachable()


def redirect_problem(uri: str, application_type: str = "web", **kwargs: Any) -> str | None:
    return redirect_uri_problem(uri, application_type, **{"development": False, **kwargs})


@pytest.mark.parametrize(
    ("uri", "application_type"),
    [
        ("https://client.example/cb", "web"),
        ("https://CLIENT.example/cb", "web"),
        ("https://client.example:8443/cb?x=1", "web"),
        ("https://[2001:db8::1]/cb", "web"),
        ("https://client.example", "native"),
        ("com.example.app:/cb", "native"),
        ("com.example.app:/oauth2redirect/example-provider", "native"),
        ("http://127.0.0.1/cb", "native"),
        ("http://[::1]:8080/cb", "native"),
        ("http://localhost/cb", "native"),
    ],
)
def test_a_good_redirect_uri_is_registered(uri: str, application_type: str) -> None:
    assert redirect_problem(uri, application_type) is None


@pytest.mark.parametrize("application_type", ["web", "native"])
@pytest.mark.parametrize("development", [False, True])
@pytest.mark.parametrize(
    "uri",
    [
        "jAvAsCrIpT:alert(1)", "javascript://client.example/%0aalert(1)", "data:text/html,x",
        "vbscript:x", "file:///etc/hosts", "FILE:///etc/hosts", "about:blank", "blob:https://x",
        "filesystem:https://x/y", "view-source:https://client.example",
        "https://client.example/cb#x", "https://client.example/#", "com.example.app:/cb#x",
        "", "/cb", "cb", "//client.example/cb", ":", "https:", "https://", "com.example.app:",
        "https://user@client.example/cb", "https://user:pw@client.example", "https://@c.example/",
        "com.example.app://user@host/cb",
        "https://*.example/cb", "https://client.example/*", "https://client.example/cb?x=*",
        "https:///cb", "https:cb", "https:/client.example/cb", "http:cb",
        "http://client.example/cb", "http://127.0.0.1.evil.example/cb", "http://2130706433/cb",
        "http://localhost.evil.example/cb", "http://127.0.0.1@evil.example/",
        "https://c.example/\\cb", "https:\\\\c.example/cb", "https://c.example\\@evil.example/",
        "https://client.example/c b", " https://client.example/cb", "https://client.example/cb ",
        "https://client.example/\u00e9", "https://cl\u0456ent.example/", "https://c.example/\tcb",
        "java\tscript:alert(1)", "\x01javascript:alert(1)", "https://client.example/\r\nX: y",
        "https://client.example/\x00", "https://client.example/\ud800", "https://client.example/\"",
        "https://client.example/<x>", "https://client.example/{x}", "https://client.example/`",
        "https://[::1/cb", "https://::1]/cb", "https://[evil]/", "https://c.example:99999/cb",
        "https://c.example:x/", "https://cl%69ent.example/", "https://client..example/",
        "myapp:/cb", "https://client.example/" + "a" * 2000,
    ],
)  # fmt: skip
def test_a_bad_redirect_uri_is_rejected_everywhere(
    uri: str, application_type: str, development: bool
) -> None:
    problem = redirect_problem(uri, application_type, development=development)
    assert problem is not None
    assert problem.isascii()
    assert problem.isprintable()
    assert '"' not in problem


@pytest.mark.parametrize("uri", ["http://localhost/cb", "http://127.0.0.1:3000/cb"])
def test_web_applications_use_http_on_loopback_in_development_only(uri: str) -> None:
    problem = "is http, which only native applications may register (application_type native)"
    assert redirect_problem(uri) == problem
    assert redirect_problem(uri, development=True) is None


@pytest.mark.parametrize("development", [False, True])
def test_a_scheme_of_its_own_is_for_native_applications(development: bool) -> None:
    problem = redirect_problem("com.example.app:/cb", development=development)
    assert problem == (
        "uses a custom scheme (com.example.app:). Only native applications may register one "
        "(application_type native)"
    )


def test_a_scheme_without_a_dot_is_one_that_the_ini_names() -> None:
    uri = "example-ide://example.tool/callback"
    problem = redirect_problem(uri, "native")
    assert problem is not None
    assert "which oauth.private_use_schemes does not name" in problem
    allowed: Any = {"schemes": ("example-ide", "javascript")}
    assert redirect_problem(uri, "native", **allowed) is None
    assert redirect_problem(uri, "web", **allowed) is not None
    assert redirect_problem("example-ide2://x/cb", "native", **allowed) is not None
    assert redirect_problem("javascript://x/%0aalert(1)", "native", **allowed) is not None


@pytest.mark.parametrize(
    ("uris", "implied"),
    [
        ([], "web"),
        (["https://client.example/cb"], "web"),
        (["http://localhost:8000/cb"], "native"),
        (["http://127.0.0.1/cb", "http://[::1]/cb"], "native"),
        (["com.example.app:/cb"], "native"),
        (["https://client.example/cb", "http://localhost/cb"], "native"),
        (["http://client.example/cb"], "web"),
        (["javascript:alert(1)"], "web"),
        (["x", "https://[::1/"], "web"),
    ],
)
def test_the_redirect_uris_say_what_kind_of_application_it_is(
    uris: list[str], implied: str
) -> None:
    assert implied_application_type(uris) == implied


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_tokens_do_not_go_to_web_applications_on_the_persons_machine(host: str) -> None:
    uri = f"https://{host}/cb"
    assert redirect_problem(uri) is None
    problem = redirect_problem(uri, implicit=True)
    assert problem == "is on the user's machine, where web applications get no tokens"
    assert redirect_problem(uri, implicit=True, development=True) is None
    assert redirect_problem(uri, "native", implicit=True) is None


@given(
    st.text(st.sampled_from("htps:/.@\\%?#[]*:;a1-_ \t\r\n~&=+'\"<>"), max_size=40)
    | st.from_regex(r"(https?|[a-z.]{1,9}):(//)?[!-~]{0,30}", fullmatch=True)
    | st.text(max_size=30),
    st.sampled_from(("web", "native")),
    st.booleans(),
    st.booleans(),
)
@example("https://client.example\\@evil.example", "web", False, False)
def test_what_is_accepted_means_the_same_to_other_parsers(
    uri: str, application_type: str, development: bool, implicit: bool
) -> None:
    if redirect_problem(uri, application_type, development=development, implicit=implicit):
        return
    parts = urlsplit(uri)
    assert not set('#*\\"<> \t\r\n') & set(uri)
    assert uri.isascii()
    assert "@" not in parts.netloc
    if parts.scheme in {"http", "https"}:
        try:
            other = parse_url(uri)
        except LocationParseError:
            raise AssertionError(f"another parser cannot read {uri}") from None
        assert (other.host or "").strip("[]").lower() == parts.hostname
        assert other.port == parts.port
        assert parts.scheme == "https" or is_loopback(parts.hostname or "")
    else:
        assert "." in parts.scheme
        assert application_type == "native"


@pytest.mark.parametrize("uri", ["https://client.example/", "https://client.example/privacy?a=b"])
def test_pages_of_the_client_are_https(uri: str) -> None:
    assert web_uri_problem(uri, development=False) is None


@pytest.mark.parametrize(
    "uri",
    ["http://client.example/", "javascript:alert(1)", "com.example.app:/x", "https:", "ftp://x/",
     "https://user@client.example/", "http://localhost/", "data:image/png,x"],
)  # fmt: skip
def test_other_pages_are_rejected(uri: str) -> None:
    assert web_uri_problem(uri, development=False) is not None


def test_in_development_a_page_may_be_on_this_machine() -> None:
    assert web_uri_problem("http://localhost:3000/", development=True) is None
    assert web_uri_problem("http://client.example/", development=True) == "is not https"


@pytest.mark.parametrize(
    "uri",
    [
        "https://client.example/jwks.json", "https://client.example:8443/", "https://8.8.8.8/jwks",
        "https://[2606:4700::1111]/jwks",
    ],
)  # fmt: skip
def test_the_server_fetches_from_the_public_internet(uri: str) -> None:
    assert fetched_uri_problem(uri, NOWHERE_ELSE) is None


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1.2.3", "localhost", "x.localhost", "10.0.0.1", "172.16.0.1",
        "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
        "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1",
        "client.example:22",
    ],
)  # fmt: skip
def test_and_from_no_address_of_the_inside(host: str) -> None:
    assert fetched_uri_problem(f"https://{host}/jwks", NOWHERE_ELSE) is not None


@pytest.mark.parametrize("host", ["10.0.0.1", "[fd00::1]", "app.internal"])
def test_unless_the_operator_allows_it_by_https(host: str) -> None:
    allowed = reachable("10.0.0.0/8 fd00::1 app.internal")
    assert fetched_uri_problem(f"https://{host}:8443/jwks", allowed) is None
    assert fetched_uri_problem(f"http://{host}:8443/jwks", allowed) == "is not https"


def test_localhost_is_allowed_with_both_of_its_addresses() -> None:
    uri = "https://localhost:8443/jwks"
    assert fetched_uri_problem(uri, reachable("127.0.0.1")) is not None
    assert fetched_uri_problem(uri, reachable("127.0.0.1 ::1")) is None


def test_in_development_the_server_fetches_from_this_machine_but_not_from_its_network() -> None:
    for uri in ("http://localhost:3000/jwks", "http://127.0.0.1/jwks", "https://localhost/jwks"):
        assert fetched_uri_problem(uri, Reachable(loopback=True)) is None
    for uri in ("http://client.example/jwks", "https://10.0.0.1/jwks", "http://10.0.0.1/jwks"):
        assert fetched_uri_problem(uri, Reachable(loopback=True)) is not None


@given(st.text(max_size=60) | st.from_regex(r"https://[!-~]{0,40}", fullmatch=True), st.booleans())
def test_any_text_is_answered(text: str, development: bool) -> None:
    for problem in (
        web_uri_problem(text, development=development),
        fetched_uri_problem(text, Reachable(loopback=development)),
    ):
        assert problem is None or (problem.isascii() and problem.isprintable())
