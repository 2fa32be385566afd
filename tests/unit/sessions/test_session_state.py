"""``session_state`` and the state of a browser that it hashes (Session Management 1.0)."""

import hashlib
from typing import Any

import pytest
from pyramid.response import Response
from support.app import Provider

from oidcserver.sessions.session_management import BrowserState, session_state

ENDPOINTS = "authorization token jwks openid_configuration check_session"


class Browser:
    """A browser as far as the state goes: it keeps the cookie."""

    def __init__(self, provider: Provider, open_request: Any) -> None:
        self.provider, self.open_request = provider, open_request
        self.cookie = ""
        #: Whether the session's cookie comes along.
        self.brings_session = True
        self.header = ""

    def visit(self, *session_ids: str | None) -> str:
        """Ask for the state of one session after the other in one request; return the last."""
        with self.open_request(self.provider) as request:
            name = self.provider.registry.oidc.provider.cookie_name("browser_state")
            cookies = f"{name}={self.cookie}"
            if self.brings_session:
                cookies += f"; {self.provider.registry.oidc.provider.cookie_name('session')}=x"
            request.environ["HTTP_COOKIE"] = cookies.encode().decode("latin-1")
            state = BrowserState(request)
            values = [state.of(*(it for it in (each,) if it)) for each in session_ids]
            response = Response()
            request._process_response_callbacks(response)
        headers = response.headers.getall("Set-Cookie")
        assert len(headers) <= 1
        self.header = headers[0] if headers else ""
        if headers:
            sent_name, _, rest = headers[0].partition("=")
            assert sent_name == name
            self.cookie = rest.partition(";")[0]
        assert self.cookie == values[-1]
        return values[-1]


@pytest.fixture
def browser(provider: Provider, open_request: Any) -> Browser:
    return Browser(provider, open_request)


def test_the_hash_is_made_as_the_standard_shows() -> None:
    text = b"client https://client.example state salt"
    expected = hashlib.sha256(text).hexdigest() + ".salt"
    assert session_state("client", "https://client.example", "state", "salt") == expected


def test_the_state_stays_while_the_session_stays(browser: Browser) -> None:
    first = browser.visit("one")
    assert browser.visit("one") == first
    assert browser.header == ""


@pytest.mark.parametrize("then", ["two", None])
def test_the_state_changes_with_the_session(browser: Browser, then: str | None) -> None:
    first = browser.visit("one")
    assert browser.visit(then) != first
    changed = browser.cookie
    assert browser.visit("one") not in {first, changed}, "a state does not come back"


def test_the_order_of_several_sessions_makes_no_difference(
    provider: Provider, open_request: Any
) -> None:
    with open_request(provider) as request:
        state = BrowserState(request)
        both = state.of("one", "two")
        assert state.of("two", "one") == both
        assert state.of("two") != both


def test_where_the_cookie_of_the_session_stays_away_the_state_stays(browser: Browser) -> None:
    first = browser.visit("one")
    browser.brings_session = False
    assert browser.visit(None) == first
    assert browser.header == ""
    browser.cookie = "junk"
    assert browser.visit(None) != "junk"


def test_nobody_signed_in_is_a_state_too(browser: Browser) -> None:
    first = browser.visit(None)
    assert browser.visit(None) == first


def test_of_several_changes_in_one_request_the_last_counts(browser: Browser) -> None:
    browser.visit("one")
    state = browser.visit(None, "two")
    assert browser.visit("two") == state


def test_two_browsers_of_one_session_id_share_no_state(
    provider: Provider, open_request: Any
) -> None:
    states = {Browser(provider, open_request).visit("one") for _ in range(3)}
    assert len(states) == 3


@pytest.mark.parametrize("junk", [".", "x", "x.y", "\u20ac", "a b", "x" * 5000])
def test_junk_in_the_cookie_is_replaced(browser: Browser, junk: str) -> None:
    browser.cookie = junk
    state = browser.visit("one")
    assert state.isascii()
    assert len(state) < 100
    assert " " not in state


@pytest.mark.parametrize(
    ("issuer", "attributes"),
    [
        ("https://login.example", {"secure", "SameSite=None", "Path=/"}),
        ("http://localhost:6543", {"SameSite=Lax", "Path=/"}),
    ],
)
def test_scripts_read_it_also_in_a_frame_where_browsers_allow_that(
    make_provider: Any, open_request: Any, issuer: str, attributes: set[str]
) -> None:
    browser = Browser(make_provider(oidc__issuer=issuer), open_request)
    browser.visit("one")
    assert set(browser.header.split("; ")[1:]) == attributes
