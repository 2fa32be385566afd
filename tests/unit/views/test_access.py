"""Where a page may send people afterwards."""

from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.views.access import local_url

REQUEST = SimpleNamespace(
    oidc=SimpleNamespace(provider=SimpleNamespace(origin="https://login.example"))
)


@pytest.mark.parametrize(
    "path", ["/", "/account", "/clients/abc?tab=keys&x=%2F", "/a//b", "/oauth/authorize?a=b#c"]
)
def test_a_path_of_ours_is_where_to_go(path: str) -> None:
    assert local_url(REQUEST, path) == f"https://login.example{path}"


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "account",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "/\n/evil.example",
        " /account",
        "/a\\b",
        "/a b",
        "/ä",
        "https://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "@evil.example",
        ".evil.example",
        ":80@evil.example/",
        "/a\r\nSet-Cookie: a=b",
    ],
)
def test_anything_else_is_not(path: str | None) -> None:
    assert local_url(REQUEST, path) is None


@given(st.text(st.sampled_from("/\\.:@?#%a0 \t\r\n;evil"), max_size=12) | st.text(max_size=12))
def test_whatever_is_accepted_is_at_our_origin(path: str) -> None:
    url = local_url(REQUEST, path)
    if url is not None:
        as_browsers_read_it = url.replace("\t", "").replace("\n", "").replace("\\", "/")
        parts = urlsplit(as_browsers_read_it)
        assert (parts.scheme, parts.netloc) == ("https", "login.example")
        assert not parts.path.startswith("//")
