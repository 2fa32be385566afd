"""Addresses that mail can be sent to."""

import pytest

from oidcserver.mailboxes import address_problem, normalise_address


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
