"""A client's secret, its successor, and how long the one before goes on working."""

from typing import Any

from oidcserver import clock as provider_clock
from oidcserver.credentials import digest
from oidcserver.models import Client


def test_a_secret_matches_and_another_does_not() -> None:
    client = Client(secret_digest=digest("cs_one"))
    assert client.check_client_secret("cs_one")
    assert not client.check_client_secret("cs_two")
    assert not client.check_client_secret("")
    assert not client.check_client_secret("\ud800")
    assert not Client().check_client_secret("")


def test_the_secret_before_works_until_its_overlap_ends(clock: Any) -> None:
    client = Client(
        secret_digest=digest("cs_new"),
        previous_secret_digest=digest("cs_old"),
        previous_secret_expires_at=provider_clock.now() + 60,
    )
    assert client.check_client_secret("cs_old")
    clock.advance(60)
    assert not client.check_client_secret("cs_old")
    assert client.check_client_secret("cs_new")


def test_an_expired_secret_does_not_work(clock: Any) -> None:
    client = Client(secret_digest=digest("cs_one"), secret_expires_at=provider_clock.now() + 60)
    assert client.check_client_secret("cs_one")
    clock.advance(60)
    assert not client.check_client_secret("cs_one")


def test_response_types_match_in_any_order() -> None:
    client = Client(client_metadata={"response_types": ["token code", "id_token"]})
    assert client.check_response_type("code token")
    assert client.check_response_type("id_token")
    assert not client.check_response_type("code")
