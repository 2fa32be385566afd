"""Addresses that mail can be sent to."""

import pytest

from oidcserver.mailboxes import address_problem, normalise_address, verified_address_key


@pytest.mark.parametrize(
    "address",
    ["", "ada", "a@b@example.com", "ada@example.com,eve@example.com", "ada@example.com\r\nBcc: x",
     "Ada <ada@example.com>", "ada@example.com\x00", "ada@example", "ada@[127.0.0.1]"],
)  # fmt: skip
def test_what_is_not_one_address_is_rejected_with_a_sentence(address: str) -> None:
    assert (address_problem(address) or "").endswith(".")


def test_spellings_of_one_mailbox_are_equal() -> None:
    assert normalise_address("Ada@EXAMPLE.com") == normalise_address("ada@example.com")
    assert normalise_address("ada@bücher.example") == normalise_address("ada@xn--bcher-kva.example")
    assert address_problem("ada+shop@example.com") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gro\u00df@example.com", "gross@example.com"),
        ("ada@stra\u00dfe.de", "ada@strasse.de"),
        ("ada@xn--strae-oqa.de", "ada@strasse.de"),
        ("\u017fmith@example.com", "smith@example.com"),
        ("\ufb01ona@example.com", "fiona@example.com"),
        ("\u03c2@example.com", "\u03c3@example.com"),
        ("ada@\u03b2\u03c2.gr", "ada@\u03b2\u03c3.gr"),
        ("\u0130@example.com", "i@example.com"),
        ("\u0130@example.com", "i\u0307@example.com"),
        ("\uff41da@example.com", "ada@example.com"),
    ],
)
def test_different_mailboxes_are_different(one: str, other: str) -> None:
    assert normalise_address(one) != normalise_address(other)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("Ada@EXAMPLE.com", "ada@example.com"),
        ("Ada@STRA\u1e9eE.de", "ada@xn--strae-oqa.de"),
        ("\u00c9va@example.com", "\u00c9va@example.com"),
        ("E\u0301va@example.com", "\u00c9va@example.com"),
    ],
)
def test_the_key_of_an_address_is_its_own_key(address: str, key: str) -> None:
    assert normalise_address(address) == normalise_address(key) == key
    assert verified_address_key({"email": address, "email_verified": True}) == key
