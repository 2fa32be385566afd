"""A page's policy: closed at first, opened source by source, never by injection."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.http.content_security_policy import (
    ContentSecurityPolicy,
    content_security_policy,
)
from oidcserver.interfaces import Interaction

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
        ("form-action", "'self'", ["'self'"]),
        ("script-src", HASH, [HASH]),
        ("script-src", "'self'", ["'self'"]),
        ("img-src", "data:", ["'self'", "data:"]),
        ("img-src", "https:", ["'self'", "https:"]),
        ("frame-src", "https://client.example:8443", ["https://client.example:8443"]),
        ("frame-src", "http:", ["http:"]),
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
        ("form-action", "com.example.app:"),
        ("form-action", "https:"),
        ("frame-src", "data:"),
    ],
)
def test_any_other_source_is_rejected_and_changes_nothing(name: str, source: str) -> None:
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


def test_forms_may_end_anywhere_where_the_page_says_so() -> None:
    """Nothing stands in for the directive, not even default-src."""
    policy = ContentSecurityPolicy()
    policy.let_forms_leave()
    policy.let_forms_leave()
    assert directive(policy, "form-action") is None
    assert directive(policy, "base-uri") == ["'none'"]
    assert directive(policy, "default-src") == ["'none'"]


def policy_at(route_name: str | None) -> str:
    """Return the policy of a page, of a provider with one interaction."""
    provider = SimpleNamespace(interactions=[Interaction("terms", lambda _: None, "terms")])
    route = SimpleNamespace(name=route_name) if route_name else None
    registry = SimpleNamespace(oidc=SimpleNamespace(provider=provider))
    request = SimpleNamespace(registry=registry, matched_route=route)
    return str(content_security_policy(request))


def test_the_page_of_an_interaction_leads_to_the_application() -> None:
    assert "form-action" not in policy_at("terms")
    assert "form-action 'self'" in policy_at("account")
    assert "form-action 'self'" in policy_at(None)


def test_a_page_may_be_framed_only_when_its_view_says_so() -> None:
    policy = ContentSecurityPolicy()
    assert policy.forbids_frames
    policy.allow("frame-ancestors", "https://client.example")
    assert not policy.forbids_frames
