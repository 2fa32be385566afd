"""The URI of a request in its normal form (RFC 9449 section 4.3, RFC 3986 section 6.2)."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.extensions.dpop.target import target_of

URI = "https://login.example/oauth/~token"


@pytest.mark.parametrize(
    "htu",
    [
        "https://login.example:443/oauth/~token",
        "https://login.example:/oauth/~token",
        "HTTPS://LOGIN.Example/oauth/~token",
        "https://login.example/oauth/%7Etoken",
        "https://login.example/oauth/%7etoken",
        "https://login.example/%6Fauth/~token",
        "https://login.example/oauth/~token?query=1",
        "https://login.example/oauth/~token#fragment",
        "https://login.example/oauth/./~token",
        "https://login.example/other/../oauth/~token",
        "https://login.example/other/%2E%2e/oauth/~token",
    ],
)
def test_equivalent_notations_are_one_target(htu: str) -> None:
    assert target_of(htu) == target_of(URI)


@pytest.mark.parametrize(
    "htu",
    [
        "https://login.example/oauth/~Token",
        "https://login.example/oauth/~token/",
        "https://login.example//oauth/~token",
        "https://login.example/oauth/~token%2F",
        "https://login.example/oauth/~token/..",
        "https://login.example:8443/oauth/~token",
        "https://login.example:0/oauth/~token",
        "http://login.example/oauth/~token",
        "https://login.example.evil/oauth/~token",
        "https://login.example./oauth/~token",
        "https://login.example",
    ],
)
def test_another_path_host_port_or_scheme_is_another_target(htu: str) -> None:
    assert target_of(htu) not in (None, target_of(URI))


@pytest.mark.parametrize(
    "htu",
    [
        "", "/oauth/~token", "login.example/oauth/~token", "//login.example/oauth/~token",
        "ftp://login.example/oauth/~token", "https:///oauth/~token", "https://",
        "https://user@login.example/oauth/~token", "https://login.example:x/oauth/~token",
        "https://login.example:65536/", "https://[::1/oauth", "https://login.example/oauth/\ttoken",
        "https://login.example/oauth/\n~token", "https://login.example/\u00e9", "x" * 5000,
    ],
)  # fmt: skip
def test_any_other_text_is_no_target(htu: str) -> None:
    assert target_of(htu) is None


def test_a_path_without_segments_is_the_root() -> None:
    assert target_of("https://login.example") == target_of("https://login.example/")
    assert target_of("https://login.example/..") == target_of("https://login.example/")


@given(st.text())
def test_any_text_has_an_answer(text: str) -> None:
    target_of(text)
    target_of("https://login.example/" + text)


#: The octets of a segment; a segment of dots alone would be removed.
SEGMENT = st.binary(min_size=1, max_size=8).map(lambda octets: b"x" + octets)


@given(st.lists(SEGMENT, max_size=4), st.data())
def test_percent_encoding_makes_no_difference(segments: list[bytes], data: st.DataObject) -> None:
    plain = "/".join(quote(segment, safe="") for segment in segments)
    encoded = "/".join(
        "".join(f"%{octet:02{data.draw(st.sampled_from('xX'))}}" for octet in segment)
        for segment in segments
    )
    base = "https://login.example/"
    found = target_of(base + plain)
    assert found == target_of(base + encoded)
    assert found is not None
    assert found.path == b"/" + b"/".join(segments)


@given(st.lists(st.sampled_from(["a", "b", ".", "..", ""]), max_size=8))
def test_the_normal_form_has_no_dot_segments_and_is_its_own(segments: list[str]) -> None:
    found = target_of("https://login.example/" + "/".join(segments))
    assert found is not None
    again = target_of("https://login.example" + found.path.decode())
    assert again == found
    assert not {b".", b".."} & set(found.path.split(b"/"))
