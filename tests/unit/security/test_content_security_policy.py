"""A page's policy: closed at first, opened source by source, never by injection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.security.content_security_policy import ContentSecurityPolicy

HASH = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"


def directive(policy: ContentSecurityPolicy, name: str) -> list[str] | None:
    for part in str(policy).split("; "):
        if part.split()[0] == name:
            return part.split()[1:]
    return None


def test_at_first_only_our_own_styles_images_and_forms_are_allowed() -> None:
    assert str(ContentSecurityPolicy()) == (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
        " frame-ancestors 'none'; form-action 'self'"
    )


@pytest.mark.parametrize(
    ("name", "source", "sources"),
    [
        ("form-action", "https://client.example", ["'self'", "https://client.example"]),
        ("form-action", "com.example.app:", ["'self'", "com.example.app:"]),
        ("form-action", "'self'", ["'self'"]),
        ("script-src", HASH, [HASH]),
        ("script-src", "'self'", ["'self'"]),
        ("img-src", "data:", ["'self'", "data:"]),
        ("frame-src", "https://client.example:8443", ["https://client.example:8443"]),
        ("frame-ancestors", "*", ["*"]),
        ("frame-ancestors", "https://client.example", ["https://client.example"]),
    ],
)
def test_a_view_adds_what_its_page_needs(name: str, source: str, sources: list[str]) -> None:
    policy = ContentSecurityPolicy()
    policy.allow(name, source)
    policy.allow(name, source)
    assert directive(policy, name) == sources


def test_one_page_does_not_open_another() -> None:
    ContentSecurityPolicy().allow("script-src", "'self'")
    assert directive(ContentSecurityPolicy(), "script-src") is None


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("default-src", "'self'"),
        ("base-uri", "'self'"),
        ("report-uri", "https://client.example"),
        ("form-action; script-src", "'self'"),
        ("script-src", "'unsafe-inline'"),
        ("script-src", "'unsafe-eval'"),
        ("script-src", "'none'"),
        ("script-src", "*"),
        ("script-src", "data:"),
        ("script-src", "https:"),
        ("script-src", "'sha256-x'"),
        ("script-src", HASH + " 'unsafe-inline'"),
        ("style-src", "'unsafe-inline'"),
        ("img-src", "*"),
        ("img-src", "blob:"),
        ("form-action", ""),
        ("form-action", "*"),
        ("form-action", "javascript:"),
        ("form-action", "data:"),
        ("form-action", "https://client.example/path"),
        ("form-action", "https://client.example; script-src *"),
        ("form-action", "https://client.example, default-src *"),
        ("form-action", "https://client.example\r\nSet-Cookie: a=b"),
        ("form-action", "https://*.example"),
        ("form-action", "client.example"),
        ("form-action", "COM.example.app:"),
    ],
)
def test_any_other_source_is_refused_and_changes_nothing(name: str, source: str) -> None:
    policy = ContentSecurityPolicy()
    with pytest.raises(ValueError, match="is no source"):
        policy.allow(name, source)
    assert str(policy) == str(ContentSecurityPolicy())


names = st.sampled_from(["form-action", "script-src", "img-src", "frame-src", "frame-ancestors"])
hostile = st.text() | st.text(alphabet=" ;,'\r\n\t*:/.abc\x00é").map("https://client".__add__)


@given(st.lists(st.tuples(names, hostile)))
def test_no_source_ends_its_directive_or_the_header(attempts: list[tuple[str, str]]) -> None:
    policy = ContentSecurityPolicy()
    for name, source in attempts:
        try:
            policy.allow(name, source)
        except ValueError:
            continue
    header = str(policy)
    assert header.isascii()
    assert header.isprintable()
    assert "," not in header
    parts = [part.split(" ") for part in header.split("; ")]
    assert {part[0] for part in parts} <= {name for name, _ in attempts} | {
        "default-src",
        "style-src",
        "img-src",
        "base-uri",
        "frame-ancestors",
        "form-action",
    }
    assert all(source and ";" not in source for part in parts for source in part)


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("https://client.example/cb?a=b", "https://client.example"),
        ("https://CLIENT.example:443/cb", "https://client.example"),
        ("http://127.0.0.1:49152/cb", "http://127.0.0.1:49152"),
        ("http://[::1]:49152/cb", "http:"),
        ("com.example.app:/cb", "com.example.app:"),
        ("COM.example.app://cb", "com.example.app:"),
    ],
)
def test_a_form_may_end_at_a_registered_redirect_uri(uri: str, source: str) -> None:
    policy = ContentSecurityPolicy()
    policy.allow_redirect(uri)
    assert directive(policy, "form-action") == ["'self'", source]


@pytest.mark.parametrize("uri", ["javascript:alert(1)", "data:text/html,x", "/cb", "", "a b:/cb"])
def test_no_form_may_end_at_a_script_or_nowhere(uri: str) -> None:
    with pytest.raises(ValueError, match="is no source"):
        ContentSecurityPolicy().allow_redirect(uri)


def test_a_page_may_be_framed_only_when_its_view_says_so() -> None:
    policy = ContentSecurityPolicy()
    assert policy.forbids_frames
    policy.allow("frame-ancestors", "https://client.example")
    assert not policy.forbids_frames
