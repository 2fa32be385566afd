"""Credentials that the server makes at random."""

from oidcserver.credentials import new_identifier


def test_an_identifier_is_no_option_of_a_command() -> None:
    identifiers = {new_identifier() for _ in range(2000)}
    assert len(identifiers) == 2000
    assert {len(identifier) for identifier in identifiers} == {22}
    assert not any(identifier.startswith("-") for identifier in identifiers)
