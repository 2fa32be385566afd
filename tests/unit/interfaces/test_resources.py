"""When two URIs name one resource (RFC 8707 section 2, RFC 3986 section 6.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.interfaces.resources import Resource, is_same_resource, resource_key

MCP = "https://api.example/mcp"


@pytest.mark.parametrize(
    ("uri", "other"),
    [
        (MCP, "https://API.example:443/mcp"),
        (MCP, "HTTPS://api.EXAMPLE/mcp"),
        ("http://api.example:80/mcp", "http://api.example/mcp"),
        ("https://api.example", "https://api.example/"),
        ("https://api.example?x=1", "https://api.example/?x=1"),
        ("https://api.example:/mcp", MCP),
        ("https://api.example:0443/mcp", MCP),
        ("https://[2001:DB8::1]:443/x", "https://[2001:db8::1]/x"),
        ("URN:example:api", "urn:example:api"),
    ],
)
def test_case_of_the_host_and_the_default_port_make_no_difference(uri: str, other: str) -> None:
    assert resource_key(uri) == resource_key(other)
    assert is_same_resource(uri, other)


@pytest.mark.parametrize(
    "other",
    [
        "https://api.example/MCP",
        "https://api.example/mcp/",
        "https://api.example/mcp?",
        "https://api.example/mcp?x=1",
        "https://api.example/%6dcp",
        "https://api.example//mcp",
        "https://api.example/x/../mcp",
        "https://api.example:8443/mcp",
        "http://api.example/mcp",
        "https://api.example.evil/mcp",
        "https://xn--api.example/mcp",
    ],
)
def test_everything_else_does(other: str) -> None:
    assert resource_key(other) != resource_key(MCP)
    assert not is_same_resource(MCP, other)


@pytest.mark.parametrize(
    "uri",
    [
        "", "mcp", "/mcp", "//api.example/mcp", "https:", "https:/mcp", "https:///mcp",
        "https://:443", "https://[::1]x/", "https://api%2eexample/",
        f"{MCP}#", f"{MCP}#x", "https://user@api.example", "https://user:x@api.example/mcp",
        "https://api.example:x/", "https://api.example:999999/", "https://[::1/",
        "https://api example/",
        'https://api.example/"', "https://api.example/\\", "https://api.example/{x}", "\u00e9:x",
        "https://\u00e9.example/", "https://api.example/\t", "https://api.example/\n", "1https://x",
        "https://api.example/" + "x" * 1000,
    ],
)  # fmt: skip
def test_any_other_text_is_rejected(uri: str) -> None:
    with pytest.raises(ValueError, match="absolute URI"):
        resource_key(uri)
    assert not is_same_resource(MCP, uri)


PIECES = st.sampled_from(
    ["https", "HTTP", "urn", ":", "/", "//", "api.example", "[", "]", "::1", "@", "#", "?", "%",
     "443", "\u00e9", " ", "\t", "x", ".", ".."]
)  # fmt: skip


@given(st.lists(PIECES, max_size=9).map("".join) | st.text(max_size=40))
def test_a_key_is_the_key_of_itself(text: str) -> None:
    try:
        key = resource_key(text)
    except ValueError:
        return
    assert resource_key(key) == key
    assert is_same_resource(text, key)
    assert key.isascii()
    assert key.isprintable()
    assert '"' not in key


def test_the_place_is_the_host_or_the_whole_uri() -> None:
    assert Resource(MCP).place == "api.example"
    assert Resource("urn:example:api").place == "urn:example:api"
