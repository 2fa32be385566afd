"""A redirect URI is the registered string, but for the port of a loopback address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.models import Client

REGISTERED = ["https://client.example/cb?x=1", "http://127.0.0.1/cb", "http://[::1]:8080/cb",
              "com.example.app:/cb"]  # fmt: skip


def client(*redirect_uris: str) -> Client:
    return Client(client_metadata={"redirect_uris": list(redirect_uris or REGISTERED)})


@pytest.mark.parametrize("uri", REGISTERED)
def test_the_registered_string_matches(uri: str) -> None:
    assert client().check_redirect_uri(uri)


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://[::1]/cb", "http://[::1]:9/cb"],
)
def test_the_port_of_a_loopback_address_is_free(uri: str) -> None:
    assert client().check_redirect_uri(uri)


@pytest.mark.parametrize(
    "uri",
    ["https://client.example:8443/cb?x=1", "http://localhost/cb", "http://127.0.0.2:80/cb",
     "http://127.0.0.1:80/cb?x", "http://127.0.0.1:80/cb#x", "http://127.0.0.1:80/CB",
     "HTTP://127.0.0.1:80/cb", "http://127.1:80/cb", "http://2130706433:80/cb", "http://0:80/cb",
     "http://user@127.0.0.1:80/cb", "http://127.0.0.1:80:80/cb", "http://127.0.0.1:/cb ",
     "http://127.0.0.1:80\t/cb", "http:/127.0.0.1:80/cb", "http://[::ffff:127.0.0.1]:80/cb",
     "http://[0:0:0:0:0:0:0:1]:8080/cb", "com.example.app:/cb2", "com.example.app://cb", ""],
)  # fmt: skip
def test_nothing_else_is(uri: str) -> None:
    assert not client().check_redirect_uri(uri)


def test_the_port_of_localhost_is_free_for_native_applications_where_the_ini_says_so() -> None:
    for registered, asked in (
        ("http://localhost/callback", "http://localhost:3118/callback"),
        ("http://localhost:8000/callback", "http://localhost/callback"),
    ):
        native, web = client(registered), client(registered)
        native.client_metadata["application_type"] = "native"
        assert native.check_redirect_uri(asked, localhost_any_port=True)
        assert not native.check_redirect_uri(asked)
        assert not web.check_redirect_uri(asked, localhost_any_port=True)
        assert web.check_redirect_uri(registered)
        for other in (
            "http://localhost:3118/Callback", "http://localhost:99999/callback",
            "http://localhost.evil.example:1/callback", "http://LOCALHOST:1/callback",
            "http://x.localhost:1/callback", "http://127.0.0.1:1/callback",
            "https://localhost:1/callback",
        ):  # fmt: skip
            assert not native.check_redirect_uri(other, localhost_any_port=True)


def test_it_is_free_for_native_applications_that_publish_their_metadata() -> None:
    for application_type, accepted in (("native", True), ("web", False)):
        published = client("http://localhost/callback")
        published.client_metadata["application_type"] = application_type
        published.document_expires_at = 1
        assert published.check_redirect_uri("http://localhost:3118/callback") is accepted
        assert not published.check_redirect_uri("http://localhost:3118/other")


@given(st.text(max_size=80))
def test_any_text_is_answered(text: str) -> None:
    assert client().check_redirect_uri(text) == (text in REGISTERED)


@given(st.sampled_from(REGISTERED), st.integers(0), st.characters())
def test_one_changed_character_matches_only_where_it_is_a_loopback_port(
    uri: str, position: int, character: str
) -> None:
    at = position % len(uri)
    changed = uri[:at] + character + uri[at + 1 :]
    if client().check_redirect_uri(changed) and changed not in REGISTERED:
        assert changed.startswith("http://[::1]:")
        assert changed.endswith("/cb")
        assert changed.removeprefix("http://[::1]:").removesuffix("/cb").isdigit()


def test_a_default_exists_only_where_there_is_one() -> None:
    assert client("https://a.example/cb").get_default_redirect_uri() == "https://a.example/cb"
    assert client("https://a.example/cb", "https://b.example/cb").get_default_redirect_uri() is None
